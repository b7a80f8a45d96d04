/* Points in time as people write them. */
#include "agent/cli/since.h"

#include "common/auto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static const struct row {
	const char *text;
	int64_t expected; /* 0: an error */
} rows[] = {
	/* now is 2026-11-19 12:00:00 UTC */
	{"2h", 1795089600 - 7200},
	{"3d", 1795089600 - 3 * 86400},
	{"90s", 1795089600 - 90},
	{"2026-11-19", 1795046400},
	{"2026-11-19 03:12", 1795046400 + 3 * 3600 + 12 * 60},
	{"2026-11-19T03:12", 1795046400 + 3 * 3600 + 12 * 60},
	{"2026-11-19 03:12:45", 1795046400 + 3 * 3600 + 12 * 60 + 45},
	{"today", 1795046400},
	{"yesterday", 1795046400 - 86400},
	{"", 0},
	{"2", 0},
	{"2026-02-31", 0},
	{"2026-13-01", 0},
	{"2026-11-19 03:12 and more", 0},
	{"half past three", 0},
};

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct err e = ERR_INIT;
		int64_t wall = 0;
		int rc = since_parse(rows[i].text, 1795089600, &wall, &e);

		if ((rc == 0) != (rows[i].expected != 0) || (rc == 0 && wall != rows[i].expected))
			fail_msg("\"%s\": %d, %lld", rows[i].text, rc, (long long)wall);
		if (rc < 0 && (e.kind != ERR_USAGE || !strstr(e.cause, "2h")))
			fail_msg("\"%s\": %s", rows[i].text, e.cause);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse)};

	(void)setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
