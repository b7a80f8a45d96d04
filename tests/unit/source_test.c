/*
 * source: source.json, and that a damaged one costs a full sync and nothing else.
 */
#include "tests/unit/store_setup.h"

static void round_trip(void **state)
{
	struct scene *t = *state;
	const struct source_record r = {.id = "0123456789abcdef",
					.config_digest = (char *)"d",
					.settled = true,
					.fetched = 77,
					.failures = 3,
					.last_error = (char *)"no route to host"};
	auto_source struct source_record back = {.failures = 9};

	assert_ok(source_read(t->store, &back, e));
	assert_string_equal(back.id, "");
	assert_int_equal(back.failures, 0);
	assert_false(back.settled);
	assert_ok(source_write(t->store, &r, e));
	assert_ok(source_read(t->store, &back, e));
	assert_string_equal(back.id, r.id);
	assert_string_equal(back.config_digest, "d");
	assert_string_equal(back.last_error, "no route to host");
	assert_true(back.settled);
	assert_int_equal(back.fetched, 77);
	assert_int_equal(back.failures, 3);
}

static void damage_reads_as_none(void **state)
{
	struct scene *t = *state;
	const struct source_record r = {.id = "0123", .settled = true};
	auto_source struct source_record back = {.failures = 9};

	assert_ok(source_write(t->store, &r, e));
	flip(at(t, "source.json"));
	assert_ok(source_read(t->store, &back, e));
	assert_string_equal(back.id, "");
	assert_false(back.settled);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(round_trip),
		SCENE_TEST(damage_reads_as_none),
	};

	return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
