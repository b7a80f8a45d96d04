/*
 * generations: numbers, immutable records, current.
 */
#include "tests/unit/store_setup.h"

static void write_one(struct scene *t, int64_t number)
{
	struct generation g = {.number = number,
			       .made = 1700000000,
			       .source = (char *)"file:///r",
			       .cause = (char *)"sync"};

	assert_ok(generation_write(t->store, &g, e));
}

static int64_t next_of(struct scene *t)
{
	int64_t n = -1;

	assert_ok(generation_next(t->store, &n, e));
	return n;
}

static int64_t current_of(struct scene *t)
{
	int64_t n = -1;

	assert_ok(current_read(t->store, &n, e));
	return n;
}

static void round_trip(void **state)
{
	struct scene *t = *state;
	auto_generation struct generation back = {.number = 0};

	assert_int_equal(next_of(t), 1);
	write_one(t, 1);
	assert_ok(generation_read(t->store, 1, &back, e));
	assert_int_equal(back.number, 1);
	assert_string_equal(back.cause, "sync");
	assert_int_equal(next_of(t), 2);
}

static void numbers_are_in_numeric_order(void **state)
{
	struct scene *t = *state;
	static const int64_t put_in[] = {256, 9, 255, 10, 1};
	static const int64_t want[] = {1, 9, 10, 255, 256};
	int64_t *v = NULL;
	size_t n = 0;

	for (size_t i = 0; i < COUNT_OF(put_in); i++)
		write_one(t, put_in[i]);
	/* What is no number of ours is not looked at. */
	assert_ok(dir_make(at(t, "generations/007"), 0700, e));
	assert_ok(dir_make(at(t, "generations/12x"), 0700, e));
	assert_ok(dir_make(at(t, "generations/" FILE_TMP_PREFIX "new"), 0700, e));
	assert_ok(dir_make(at(t, "generations/99999999999999999999"), 0700, e));
	assert_ok(generation_numbers(t->store, &v, &n, e));
	assert_int_equal(n, COUNT_OF(want));
	for (size_t i = 0; i < n; i++)
		assert_int_equal(v[i], want[i]);
	free(v);
	assert_int_equal(next_of(t), 257);
	assert_ok(current_switch(t->store, 255, e));
	assert_ok(current_switch(t->store, 256, e));
	assert_int_equal(current_of(t), 256);
}

static void a_number_is_never_used_twice(void **state)
{
	struct scene *t = *state;

	for (int64_t i = 1; i <= 3; i++)
		write_one(t, i);
	assert_ok(current_switch(t->store, 1, e)); /* after a rollback */
	assert_ok(generation_remove(t->store, 3, e));
	assert_int_equal(next_of(t), 4);
	assert_ok(generation_remove(t->store, 2, e));
	assert_int_equal(next_of(t), 4);
	assert_ok(generation_remove(t->store, 2, e)); /* not there: success */
	write_one(t, 4);
	assert_int_equal(next_of(t), 5);
	put(at(t, "last-number"), "MDC1 torn");
	int64_t n = 0;
	assert_fails(generation_next(t->store, &n, e), ERR_BROKEN, "last-number");
}

static void the_current_one_is_not_removed(void **state)
{
	struct scene *t = *state;

	write_one(t, 1);
	assert_ok(current_switch(t->store, 1, e));
	assert_fails(generation_remove(t->store, 1, e), ERR_BROKEN, "current");
	assert_int_equal(current_of(t), 1);
}

static void a_written_one_never_changes(void **state)
{
	struct scene *t = *state;
	struct generation g = {.number = 1, .cause = (char *)"again"};
	auto_generation struct generation back = {.number = 0};

	write_one(t, 1);
	write_one(t, 2);
	assert_fails(generation_write(t->store, &g, e), ERR_BROKEN, "never changes");
	assert_ok(current_switch(t->store, 2, e));
	g.number = 2;
	assert_fails(generation_write(t->store, &g, e), ERR_BROKEN, "never changes");
	/* The newest one that was never made current is left over from a sync that died. */
	write_one(t, 3);
	g.number = 3;
	assert_ok(generation_write(t->store, &g, e));
	assert_ok(generation_read(t->store, 3, &back, e));
	assert_string_equal(back.cause, "again");
	g.number = 0;
	assert_fails(generation_write(t->store, &g, e), ERR_BROKEN, "number");
}

static void damage_is_noticed(void **state)
{
	struct scene *t = *state;
	struct generation back;

	assert_fails(generation_read(t->store, 5, &back, e), ERR_BROKEN, "no generation 5");
	write_one(t, 1);
	flip(at(t, "generations/1/generation.json"));
	assert_fails(generation_read(t->store, 1, &back, e), ERR_BROKEN, "damaged");
	write_one(t, 2);
	tear(at(t, "generations/2/generation.json"), 40);
	assert_fails(generation_read(t->store, 2, &back, e), ERR_BROKEN, "damaged");
	write_one(t, 3);
	assert_int_equal(rename(at(t, "generations/3"), at(t, "generations/4")), 0);
	assert_fails(generation_read(t->store, 4, &back, e), ERR_BROKEN, "generation 3");
}

static void left_over_temporary(void **state)
{
	struct scene *t = *state;

	assert_ok(dir_make(at(t, "generations/" FILE_TMP_PREFIX "new/x"), 0700, e));
	assert_ok(dir_make(at(t, "generations/" FILE_TMP_PREFIX "old/y"), 0700, e));
	write_one(t, 1);
	write_one(t, 2);
	assert_ok(generation_remove(t->store, 1, e));
	assert_false(file_exists(at(t, "generations/" FILE_TMP_PREFIX "new")));
	assert_false(file_exists(at(t, "generations/" FILE_TMP_PREFIX "old")));
	assert_int_equal(symlink("generations/9", at(t, FILE_TMP_PREFIX "current")), 0);
	assert_ok(current_switch(t->store, 2, e));
	assert_int_equal(current_of(t), 2);
}

static void current_that_dangles(void **state)
{
	struct scene *t = *state;
	int64_t n = -7;

	assert_int_equal(current_of(t), 0);
	assert_fails(current_switch(t->store, 1, e), ERR_BROKEN, "no generation 1");
	assert_int_equal(current_of(t), 0);
	for (int64_t i = 1; i <= 3; i++)
		write_one(t, i);
	assert_ok(current_switch(t->store, 3, e));
	assert_ok(tree_remove(at(t, "generations/3"), e));
	assert_fails(current_read(t->store, &n, e), ERR_BROKEN, "mdc-agent rollback 2");
	assert_ok(tree_remove(at(t, "generations/2"), e));
	assert_ok(tree_remove(at(t, "generations/1"), e));
	assert_fails(current_read(t->store, &n, e), ERR_BROKEN, "remove that link");
	assert_int_equal(n, -7);
	write_one(t, 4);
	static const char *const targets[] = {"/etc", "generations/", "generations/x",
					      "generations/-1", "generations/4/generation.json"};
	for (size_t i = 0; i < COUNT_OF(targets); i++) {
		assert_int_equal(unlink(at(t, "current")), 0);
		assert_int_equal(symlink(targets[i], at(t, "current")), 0);
		assert_fails(current_read(t->store, &n, e), ERR_BROKEN, "rollback 4");
	}
	assert_int_equal(unlink(at(t, "current")), 0);
	put(at(t, "current"), "generations/4");
	assert_fails(current_read(t->store, &n, e), ERR_BROKEN, "not a symbolic link");
	assert_ok(current_switch(t->store, 4, e)); /* and a rollback heals it */
	assert_int_equal(current_of(t), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(round_trip),
		SCENE_TEST(numbers_are_in_numeric_order),
		SCENE_TEST(a_number_is_never_used_twice),
		SCENE_TEST(the_current_one_is_not_removed),
		SCENE_TEST(a_written_one_never_changes),
		SCENE_TEST(damage_is_noticed),
		SCENE_TEST(left_over_temporary),
		SCENE_TEST(current_that_dangles),
	};

	return cmocka_run_group_tests_name("generations", tests, NULL, NULL);
}
