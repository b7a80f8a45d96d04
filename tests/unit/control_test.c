/*
 * control: the mode survives, and what cannot be read is never taken for `auto`.
 */
#include "tests/unit/store_setup.h"

static void nothing_is_auto(void **state)
{
	struct scene *t = *state;
	auto_control struct control c = {.mode = CONTROL_HELD};

	assert_ok(control_read(t->store, &c, e));
	assert_int_equal(c.mode, CONTROL_AUTO);
	assert_null(c.why);
}

static void round_trip(void **state)
{
	struct scene *t = *state;
	const struct control held = {.mode = CONTROL_HELD,
				     .why = (char *)"rollback to 41",
				     .since = 99,
				     .pinned = true,
				     .plan_digest = (char *)"abcd"};
	const struct control automatic = {.mode = CONTROL_AUTO};
	auto_control struct control c = {.mode = CONTROL_AUTO};

	assert_ok(control_write(t->store, &held, e));
	assert_ok(control_read(t->store, &c, e));
	assert_int_equal(c.mode, CONTROL_HELD);
	assert_string_equal(c.why, "rollback to 41");
	assert_string_equal(c.plan_digest, "abcd");
	assert_int_equal(c.since, 99);
	assert_true(c.pinned);
	assert_ok(control_write(t->store, &automatic, e));
	assert_false(file_exists(at(t, "control.json")));
	assert_ok(control_write(t->store, &automatic, e));
}

static void damage_is_not_auto(void **state)
{
	struct scene *t = *state;
	const struct control c = {.mode = CONTROL_SUSPENDED, .why = (char *)"moving house"};
	struct control back;

	assert_ok(control_write(t->store, &c, e));
	tear(at(t, "control.json"), 25);
	assert_fails(control_read(t->store, &back, e), ERR_BROKEN, "mdc-agent resume");
	put(at(t, "control.json"), "");
	assert_fails(control_read(t->store, &back, e), ERR_BROKEN, "mdc-agent resume");
	/* A mode of a later version. */
	put(at(t, "control.json"), "MDC1 15 fc2a7b0c\n{\"mode\":\"maybe\"}");
	assert_fails(control_read(t->store, &back, e), ERR_BROKEN, "mdc-agent resume");
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(control_mode_name(CONTROL_AUTO), "auto");
	assert_string_equal(control_mode_name(CONTROL_SUSPENDED), "suspended");
	assert_string_equal(control_mode_name(CONTROL_HELD), "held");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(nothing_is_auto),
		SCENE_TEST(round_trip),
		SCENE_TEST(damage_is_not_auto),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
