/*
 * marks: by project and digest, whatever these look like, and when they are damaged.
 */
#include "tests/unit/store_setup.h"

#include <limits.h>

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const struct row {
	const char *project, *digest;
} rows[] = {
	{"web", HEX_A},   {"web", HEX_B},    {"web-db", HEX_A}, {"../../etc", HEX_A},
	{"", "x"},        {"x", ""},         {"a/b", "c.json"}, {"web", "short"},
	{"we", "bshort"}, {"\xff\n", HEX_A},
};

static void write_mark(struct scene *t, const char *project, const char *digest, int attempts)
{
	const struct mark m = {.project = (char *)project,
			       .digest = (char *)digest,
			       .reason = (char *)"app exited with 1",
			       .commit = "c0ffee",
			       .when = 42,
			       .attempts = attempts,
			       .manual = true};

	assert_ok(mark_write(t->store, &m, e));
}

static void each_is_its_own(void **state)
{
	struct scene *t = *state;
	struct mark *all = NULL;
	size_t n = 0;

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		write_mark(t, rows[i].project, rows[i].digest, (int)i + 1);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		auto_mark struct mark m = {.when = 0};
		bool found = false;

		assert_ok(mark_read(t->store, rows[i].project, rows[i].digest, &m, &found, e));
		assert_true(found);
		assert_int_equal(m.attempts, i + 1);
		assert_string_equal(m.reason, "app exited with 1");
		assert_string_equal(m.commit, "c0ffee");
		assert_true(m.manual);
	}
	assert_ok(marks_of(t->store, NULL, &all, &n, e));
	assert_int_equal(n, COUNT_OF(rows));
	marks_done(all, n);
	assert_ok(marks_of(t->store, "web", &all, &n, e));
	assert_int_equal(n, 3);
	marks_done(all, n);
	assert_ok(marks_of(t->store, "../../etc", &all, &n, e));
	assert_int_equal(n, 1);
	assert_string_equal(all[0].project, "../../etc");
	marks_done(all, n);
}

static void removal(void **state)
{
	struct scene *t = *state;
	struct mark m;
	bool found = true;

	write_mark(t, "web", HEX_A, 1);
	write_mark(t, "web", HEX_B, 1);
	assert_ok(mark_remove(t->store, "web", HEX_A, e));
	assert_ok(mark_remove(t->store, "web", HEX_A, e));
	assert_ok(mark_read(t->store, "web", HEX_A, &m, &found, e));
	assert_false(found);
	assert_ok(mark_read(t->store, "web", HEX_B, &m, &found, e));
	assert_true(found);
	mark_done(&m);
}

/* A damaged mark goes on holding its content back, can be listed, and can be removed. */
static void damage_holds(void **state)
{
	struct scene *t = *state;
	struct mark m, *all = NULL;
	bool found = false;
	size_t n = 0;

	write_mark(t, "web", HEX_A, 1);
	tear(at(t, "marks/web." HEX_A ".json"), 12);
	assert_ok(mark_read(t->store, "web", HEX_A, &m, &found, e));
	assert_true(found);
	assert_int_equal(m.attempts, INT_MAX);
	mark_done(&m);
	assert_ok(marks_of(t->store, "web", &all, &n, e));
	assert_int_equal(n, 1);
	assert_string_equal(all[0].project, "web");
	assert_string_equal(all[0].digest, HEX_A);
	assert_ok(mark_remove(t->store, all[0].project, all[0].digest, e));
	marks_done(all, n);
	assert_ok(marks_of(t->store, NULL, &all, &n, e));
	assert_int_equal(n, 0);
	marks_done(all, n);
}

static void strangers_are_ignored(void **state)
{
	struct scene *t = *state;
	struct mark *all = NULL;
	size_t n = 9;

	put(at(t, "marks/README"), "x");
	put(at(t, "marks/" FILE_TMP_PREFIX "abc"), "x");
	assert_ok(marks_of(t->store, NULL, &all, &n, e));
	assert_int_equal(n, 0);
	marks_done(all, n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(each_is_its_own),
		SCENE_TEST(removal),
		SCENE_TEST(damage_holds),
		SCENE_TEST(strangers_are_ignored),
	};

	return cmocka_run_group_tests_name("marks", tests, NULL, NULL);
}
