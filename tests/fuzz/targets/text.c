/*
 * text - the small languages: addresses, durations, times, names and paths; and what is shown of
 * any text.
 * Depends on: fuzz, common.
 */
#include "tests/fuzz/fuzz.h"

#include "agent/cli/since.h"
#include "common/auto.h"
#include "common/duration.h"
#include "common/giturl.h"
#include "common/http.h"
#include "common/path.h"
#include "common/str.h"

#include <string.h>

void fuzz_one(const char *text, size_t len)
{
	auto_giturl struct giturl url = {.kind = GITURL_FILE};
	auto_free char *shown = str_printable(text, 100);
	auto_free char *address = giturl_show(text);
	auto_free char *origin = http_origin(text);
	struct err e = ERR_INIT;
	int64_t when = 0, ms = 0;
	uint64_t bytes = 0;
	char buf[64];

	(void)len;
	FUZZ_CHECK(strlen(shown) <= 100 && !strpbrk(shown, "\n\r\x1b\x7f"));
	(void)giturl_parse(text, &url, &e);
	(void)since_parse(text, 1700000000000, &when, &e);
	if (duration_parse(text, &ms, &e) == 0) {
		int64_t back = -1;

		FUZZ_CHECK(ms >= 0);
		FUZZ_CHECK(duration_parse(duration_key(ms, buf, sizeof(buf)), &back, &e) == 0);
		FUZZ_CHECK(back == ms);
	}
	(void)size_parse(text, &bytes, &e);
	if (path_is_project_name(text))
		FUZZ_CHECK(!strchr(text, '/') && text[0] != '-' && strlen(text) < 64);
}
