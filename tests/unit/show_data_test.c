/* What is said about snapshots and about data that would be discarded. */
#include "agent/cli/data.h"
#include "common/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

enum { NOW = 1795057965 }; /* 2026-11-19 03:12:45 UTC */

static const struct row {
	const char *name;
	struct retention_verdict v;
	const char *want;
} rows[] = {
	{"needed", {.why = KEEP_NEEDED, .generation = 7}, "generation 7 goes back to it"},
	{"open", {.why = KEEP_OPEN}, "a deployment under way needs it"},
	{"newest", {.why = KEEP_NEWEST}, "among the newest"},
	{"failed", {.why = KEEP_FAILED, .until = NOW}, "until 2026-11-19 03:12"},
	{"limit", {.why = DROP_COUNT}, "goes: more than retention.snapshots"},
	{"age", {.why = DROP_AGE}, "goes: older than retention.failed_data"},
	{"share", {.why = DROP_SHARE}, "goes: more than retention.snapshot_share of the disk"},
	{"empty", {.why = DROP_EMPTY}, "goes: its data was put back"},
};

static void check_kept(void **state)
{
	const struct row *r = *state;
	auto_str struct str out = STR_INIT;

	show_kept(&out, &r->v);
	assert_string_equal(str_text(&out), r->want);
}

static void losses(void **state)
{
	struct loss v[] = {
		{.project = (char *)"web",
		 .volume = (char *)"db",
		 .name = (char *)"web_db",
		 .snapshot = (char *)"web-1-x",
		 .made = NOW - 3 * 86400 - 4 * 3600},
		{.project = (char *)"web",
		 .volume = (char *)"me\ndia",
		 .name = (char *)"media",
		 .why_not = (char *)"it is external"},
	};
	const struct losses l = {.v = v, .n = COUNT_OF(v)}, none = {.v = &v[1], .n = 1};
	const struct look k = {.now = NOW};
	auto_str struct str out = STR_INIT;
	auto_strv struct strv names = STRV_INIT;

	(void)state;
	show_losses(&out, &l, &k);
	assert_string_equal(str_text(&out),
			    "  < web/db: discards writes since 2026-11-15 23:12, 3 d 4 h\n"
			    "  = web/me\\ndia stays as it is: it is external\n");
	assert_true(losses_any(&l));
	assert_false(losses_any(&none));
	losses_names(&l, &names);
	assert_int_equal(names.n, 1);
	assert_string_equal(names.v[0], "web_db");
	auto_json cJSON *j = losses_json(&l);
	auto_free char *text = json_text(j);
	assert_non_null(strstr(text, "\"stays\":\"it is external\""));
}

static void names_of_a_list(void **state)
{
	auto_strv struct strv names = STRV_INIT;

	(void)state;
	data_names(NULL, &names);
	data_names("", &names);
	assert_int_equal(names.n, 0);
	data_names("db,,media,", &names);
	assert_int_equal(names.n, 2);
	assert_string_equal(names.v[1], "media");
}

static void a_list(void **state)
{
	struct snapshot x = {.id = (char *)"web-3-20261119T031245.120Z",
			     .project = (char *)"web",
			     .kind = SNAPSHOT_FAILED,
			     .made = NOW,
			     .generation = 3};
	struct snapshot_volume v = {
		.name = (char *)"web_db", .driver = (char *)"copy", .bytes = 1024};
	struct retention_verdict verdict = {.why = KEEP_NEEDED, .generation = 3};
	const struct snapshots_view l = {.v = &x, .verdicts = &verdict, .n = 1}, none = {.n = 0};
	const struct look k = {.now = NOW};
	auto_str struct str out = STR_INIT, empty = STR_INIT, one = STR_INIT;

	(void)state;
	x.v = &v;
	x.n = 1;
	show_snapshots(&out, &l, NULL, &k);
	assert_non_null(strstr(str_text(&out), "web-3-20261119T031245.120Z"));
	assert_non_null(strstr(str_text(&out), "copy"));
	assert_non_null(strstr(str_text(&out), "generation 3 goes back to it"));
	show_snapshots(&empty, &none, NULL, &k);
	assert_non_null(strstr(str_text(&empty), "mdc-agent snapshot PROJECT"));
	show_snapshot(&one, &x, &verdict, &k);
	assert_non_null(strstr(str_text(&one), "web_db: copy, 1"));
	assert_int_equal(snapshot_bytes(&x), 1024);
	v.bytes = -1;
	assert_int_equal(snapshot_bytes(&x), -1);
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(rows) + 3] = {cmocka_unit_test(losses),
						       cmocka_unit_test(names_of_a_list),
						       cmocka_unit_test(a_list)};

	(void)setenv("TZ", "UTC", 1);
	tzset();
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		tests[i + 3] = (struct CMUnitTest){rows[i].name, check_kept, NULL, NULL,
						   (void *)(uintptr_t)&rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
