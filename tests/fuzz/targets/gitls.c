/*
 * gitls - an http server asked for its refs, twice over one connection.
 * Depends on: fuzz, answers, gitls.
 */
#include "tests/fuzz/fuzz.h"

#include "common/gitls.h"

#include <string.h>

void fuzz_one(const char *text, size_t len)
{
	const struct gitls_options o = {.url = "https://git.example.org/x.git",
					.branch = "main",
					.tag = len > 0 && text[0] == 't' ? "v*" : NULL,
					.timeout_ms = 1000};
	struct fuzz_parts p;

	if (len < 1)
		return;
	fuzz_cut(text + 1, len - 1, &p);
	fuzz_answers(&p);
	auto_gitls struct gitls *l = gitls_open(&o);

	for (int i = 0; i < 2; i++) {
		struct err e = ERR_INIT;
		char id[GIT_HEX_SIZE] = "";

		if (gitls_ask(l, id, &e) == 0)
			FUZZ_CHECK(id[0] == '\0' || refpick_is_id(id, strlen(id)));
		else
			FUZZ_CHECK(e.kind == ERR_USAGE || e.kind == ERR_RETRY);
	}
	fuzz_parts_done(&p);
}
