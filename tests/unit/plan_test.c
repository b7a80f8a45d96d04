/* The plan: sorted, found again, as JSON. */
#include "agent/model/plan.h"
#include "common/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

static void check_plan(void **state)
{
	auto_plan struct plan p = {.n = 0};

	(void)state;
	strv_push(&plan_add(&p, "web", PLAN_CHANGE)->reasons, "image web: a:1 → a:2");
	(void)plan_add(&p, "db", PLAN_KEEP);
	strv_push(&plan_add(&p, "zoo", PLAN_HELD)->notes, "suspended");
	assert_int_equal(p.n, 3);
	assert_string_equal(p.v[0].project, "db");
	assert_string_equal(p.v[1].project, "web");
	assert_ptr_equal(plan_find(&p, "zoo"), &p.v[2]);
	assert_null(plan_find(&p, "none"));
	assert_ptr_equal(plan_add(&p, "db", PLAN_REMOVE), &p.v[0]); /* once per project */
	assert_int_equal(p.n, 3);
	assert_int_equal(p.v[0].action, PLAN_REMOVE);
	auto_json cJSON *j = plan_to_json(&p);
	auto_free char *text = json_text(j);
	assert_string_equal(
		text,
		"[{\"project\":\"db\",\"action\":\"remove\",\"reasons\":[],\"notes\":[],\"services\":[]},"
		"{\"project\":\"web\",\"action\":\"change\",\"reasons\":[\"image web: a:1 → a:2\"],"
		"\"notes\":[],\"services\":[]},{\"project\":\"zoo\",\"action\":\"held\",\"reasons\":[],"
		"\"notes\":[\"suspended\"],\"services\":[]}]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(check_plan)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
