/* What a trial leaves for the history: bounded, printable, short reasons; and what differs in
 * settings. */
#include "agent/flow/staging.h"

#include "common/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void done(struct trial *t)
{
	cJSON_Delete(t->details);
	free(t->step);
	free(t->why);
}

static void test_reason_short(void **state)
{
	static const struct {
		const char *why, *expected;
	} rows[] = {
		{"plain", "plain"},
		{"", ""},
		{"service web: unhealthy; last lines of web: a\nb", "service web: unhealthy"},
		{"first\nsecond; last lines of web: a", "first"},
		{"pull: no such image\nmore", "pull: no such image"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		auto_free char *s = reason_short(rows[i].why);

		assert_string_equal(s, rows[i].expected);
	}
}

static void test_steps(void **state)
{
	struct trial t = {.name = NULL};

	(void)state;
	details_step(&t, "pull", 1000);
	details_step(&t, "pull", 1500); /* the same one goes on */
	details_step(&t, "apply", 1800);
	details_step(&t, "waiting", 2000);
	details_step(&t, "apply", 2500);
	details_step(&t, "health", 2400); /* a clock that goes back is no negative time */
	details_step(&t, NULL, 2600);
	auto_free char *text = json_text(t.details);

	assert_string_equal(text, "{\"steps\":[{\"step\":\"pull\",\"ms\":800},{\"step\":\"apply\","
				  "\"ms\":200},{\"step\":\"waiting\",\"ms\":500},"
				  "{\"step\":\"health\",\"ms\":200}]}");
	done(&t);
}

static void test_bounds(void **state)
{
	struct trial t = {.name = NULL};
	auto_free char *longer = xmalloc(100001);

	(void)state;
	memset(longer, 'x', 100000);
	longer[100000] = '\0';
	for (int i = 0; i < 1000; i++)
		details_add(&t, "log", longer);
	details_add(&t, "evidence", "a\x1b[31mb\xff\nc");
	auto_free char *text = json_text(t.details);

	assert_true(strlen(text) < 64UL * 1024);
	assert_string_equal(json_arr(t.details, "evidence")->child->valuestring,
			    "a\\x1B[31mb\\xFF\\nc");
	done(&t);
}

static void test_rest_of_a_reason_is_log(void **state)
{
	struct trial t = {.action = PLAN_CHANGE, .why = xstrdup("render: bad\n  line 3\n\nline 4")};

	(void)state;
	details_finish(&t);
	auto_free char *text = json_text(t.details);

	assert_string_equal(text, "{\"log\":[\"  line 3\",\"line 4\"]}");
	done(&t);
}

static void test_removal_says_so(void **state)
{
	struct trial t = {.action = PLAN_REMOVE};

	(void)state;
	details_finish(&t);
	assert_int_equal(cJSON_GetArraySize(json_arr(t.details, "changes")), 1);
	details_finish(&t);
	assert_int_equal(cJSON_GetArraySize(json_arr(t.details, "changes")), 1);
	done(&t);
}

static void test_settings_by_name(void **state)
{
	struct project a, b;
	auto_strv struct strv out = STRV_INIT;

	(void)state;
	project_init(&a);
	project_init(&b);
	a.settings.health.timeout_ms = 1000;
	b.settings.health.timeout_ms = 2000;
	strv_push(&b.settings.after, "db");
	strv_push(&b.files, "other.yaml");
	changes_settings(&a, &b, &out);
	strv_sort(&out);
	auto_free char *text = strv_join(&out, "|");

	assert_string_equal(text, "other Compose files are used|setting after of the project "
				  "changed|setting health.timeout of the project changed");
	project_done(&a);
	project_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reason_short),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_rest_of_a_reason_is_log),
		cmocka_unit_test(test_removal_says_so),
		cmocka_unit_test(test_settings_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
