/*
 * Tests of agent/snapshot: copying, exchanging, choosing and removing directories in a temporary
 * one. File systems of their own, and kills, are in tests/e2e/test_snapshot_drivers.py.
 */
#include "agent/snapshot/driver.h"

#include "common/auto.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"

#include "tests/unit/temp_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int enter(void **state)
{
	char *dir = xstrdup("/tmp/mdc-snapshot-XXXXXX");

	*state = dir;
	return temp_dir(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int leave(void **state)
{
	struct err e = ERR_INIT;
	int failed = chdir("/") < 0 || remove_tree(*state, &e) < 0;

	free(*state);
	return failed;
}

static void put(const char *path, const char *text)
{
	struct err e = ERR_INIT;

	assert_int_equal(file_replace_unsynced(path, text, strlen(text), 0640, &e), 0);
}

static void assert_text(const char *path, const char *want)
{
	struct err e = ERR_INIT;
	auto_free char *text = NULL;

	assert_int_equal(file_read(path, 4096, &text, NULL, &e), 0);
	assert_string_equal(text, want);
}

static void make_tree(const char *name, const char *word)
{
	auto_free char *sub = path_join(name, "sub"), *a = path_join(name, "a");
	auto_free char *b = path_join(sub, "b\n"), *l = path_join(sub, "l");

	assert_int_equal(mkdir(name, 0750), 0);
	assert_int_equal(mkdir(sub, 0700), 0);
	put(a, word);
	assert_int_equal(link(a, b), 0);
	assert_int_equal(symlink("../a", l), 0);
}

static void check_copy(void **state)
{
	const struct copy_job job = {.from = "from", .to = "to", .reflink = true};
	struct err e = ERR_INIT;
	struct stat a, b;
	int64_t bytes = 0;

	(void)state;
	make_tree("from", "text");
	assert_int_equal(copy_tree(&job, &bytes, &e), 0);
	assert_text("to/sub/b\n", "text");
	assert_int_equal(stat("to/a", &a), 0);
	assert_int_equal(stat("to/sub/b\n", &b), 0);
	assert_int_equal(a.st_ino, b.st_ino);
	assert_int_equal(a.st_nlink, 2);
	assert_int_equal(a.st_mode & 07777, 0640);
	assert_int_equal(stat("from", &a), 0);
	assert_int_equal(stat("to", &b), 0);
	assert_int_equal(a.st_mode, b.st_mode);
	assert_int_equal(a.st_mtim.tv_nsec, b.st_mtim.tv_nsec);
	assert_int_equal(lstat("to/sub/l", &b), 0);
	assert_true(S_ISLNK(b.st_mode));
	/* A target that is there is left alone. */
	assert_int_equal(copy_tree(&job, &bytes, &e), -1);
	assert_int_equal(e.errnum, EEXIST);
}

static void check_many_in_one(void **state)
{
	const struct copy_job job = {.from = "from", .to = "to"};
	struct err e = ERR_INIT;
	size_t found = 0;
	char name[64];

	(void)state;
	assert_int_equal(mkdir("from", 0700), 0);
	for (int i = 0; i < 3000; i++) {
		(void)snprintf(name, sizeof(name), "from/%d", i);
		put(name, name);
	}
	assert_int_equal(copy_tree(&job, NULL, &e), 0);
	auto_strv struct strv names = STRV_INIT;

	assert_int_equal(dir_list("to", 10000, &names, &e), 0);
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *to = path_join("to", names.v[i]);
		auto_free char *from = path_join("from", names.v[i]);

		assert_text(to, from);
		found++;
	}
	assert_int_equal(found, 3000);
}

static bool say_stop(void *arg)
{
	(*(int *)arg)++;
	return true;
}

static void check_stop(void **state)
{
	int asked = 0;
	const struct tree_progress p = {.stop = say_stop, .arg = &asked};
	const struct copy_job job = {.from = "from", .to = "to", .progress = &p};
	struct err e = ERR_INIT;

	(void)state;
	make_tree("from", "text");
	assert_int_equal(copy_tree(&job, NULL, &e), -1);
	assert_int_equal(e.kind, ERR_RETRY);
	assert_int_equal(e.errnum, ECANCELED);
	assert_true(asked > 0);
}

static void make_deep(const char *name, int levels)
{
	auto_close int fd = -1;

	assert_int_equal(mkdir(name, 0700), 0);
	fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < levels; i++) {
		assert_int_equal(mkdirat(fd, "d", 0700), 0);
		int next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		(void)close(fd);
		fd = next;
		assert_true(fd >= 0);
	}
}

static const struct deep_row {
	const char *name;
	int levels, want;
} deep_rows[] = {
	{"longer than a path", 3000, 0},
	{"the most", 4096, 0},
	{"too deep", 4200, -1},
};

static void check_deep(void **state)
{
	const struct copy_job job = {.from = "from", .to = "to"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(deep_rows); i++) {
		struct err e = ERR_INIT;

		make_deep("from", deep_rows[i].levels);
		int got = copy_tree(&job, NULL, &e);

		if (got != deep_rows[i].want)
			fail_msg("%s: %d: %s", deep_rows[i].name, got, e.cause);
		assert_int_equal(remove_tree("from", &e), 0);
		assert_int_equal(remove_tree("to", &e), 0);
		assert_false(file_exists("from"));
	}
}

static void check_exchange(void **state)
{
	struct err e = ERR_INIT;
	auto_free char *identity = NULL, *path = xasprintf("%s/path", (char *)*state);
	auto_free char *other = xasprintf("%s/other", (char *)*state);

	make_tree("path", "old");
	make_tree("other", "new");
	assert_int_equal(identity_of(other, &identity, &e), 0);
	/* Twice: a restart finds it done. */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(exchange(other, path, identity, &e), 0);
		assert_text("path/a", "new");
		assert_text("other/a", "old");
	}
	/* Something else lies there: nothing is touched. */
	assert_int_equal(exchange(other, path, "inode-1-2.3", &e), -1);
	assert_int_equal(e.kind, ERR_BROKEN);
	assert_text("path/a", "new");
	/* The directory was removed by somebody. */
	assert_int_equal(remove_tree(path, &e), 0);
	free(identity);
	assert_int_equal(identity_of(other, &identity, &e), 0);
	assert_int_equal(exchange(other, path, identity, &e), 0);
	assert_text("path/a", "old");
	assert_false(file_exists("other"));
}

/* The three renames of a file system without an exchange, cut off after each. */
static void check_renames(void **state)
{
	auto_free char *path = xasprintf("%s/path", (char *)*state);
	auto_free char *side = tree_sibling(path),
		       *before = xasprintf("%s/.path.mdc-before", (char *)*state);

	for (int done = 1; done <= 2; done++) {
		struct err e = ERR_INIT;
		auto_free char *identity = NULL;

		make_tree(path, "old");
		make_tree(side, "new");
		assert_int_equal(identity_of(side, &identity, &e), 0);
		assert_int_equal(rename(path, before), 0);
		if (done == 2)
			assert_int_equal(rename(side, path), 0);
		assert_int_equal(exchange(side, path, identity, &e), 0);
		assert_text("path/a", "new");
		assert_text(".path.mdc-restore/a", "old");
		assert_false(file_exists(before));
		assert_int_equal(remove_tree(path, &e), 0);
		assert_int_equal(remove_tree(side, &e), 0);
	}
}

static void check_remove_follows_nothing(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	make_tree("keep", "text");
	make_tree("gone", "text");
	assert_int_equal(symlink("../keep", "gone/link"), 0);
	assert_int_equal(remove_tree("gone", &e), 0);
	assert_text("keep/sub/b\n", "text");
	assert_int_equal(remove_tree("gone", &e), 0);
}

static void check_take_and_restore(void **state)
{
	const struct tree_where w = {.state_dir = *state, .driver = "copy"};
	auto_tree_choice struct tree_choice c = {0};
	auto_free char *path = xasprintf("%s/path", (char *)*state);
	auto_free char *id = NULL, *built = NULL, *identity = NULL;
	auto_free char *place = xasprintf("%s/snapshots/one/v", (char *)*state);
	auto_free char *aside = xasprintf("%s/snapshots/two/v", (char *)*state);
	struct err e = ERR_INIT;
	int64_t bytes = 0;

	make_tree("path", "old");
	assert_int_equal(tree_choose(path, &w, true, &c, &e), 0);
	assert_string_equal(driver_name(c.driver), "copy");
	assert_int_equal(c.files, 4);
	assert_true(c.consume);
	assert_int_equal(tree_take(&c, place, NULL, &id, &bytes, &e), 0);
	put("path/a", "new");
	assert_int_equal(tree_build(&c, place, false, &built, &identity, &e), 0);
	assert_text("path/a", "new");
	assert_int_equal(tree_swap(&c, built, identity, &e), 0);
	assert_text("path/a", "old");
	assert_int_equal(tree_set_aside(c.driver, built, aside, &e), 0);
	assert_int_equal(tree_set_aside(c.driver, built, aside, &e), 0);
	assert_text("snapshots/two/v/a", "new");
	assert_int_equal(snapshot_drop(c.driver, aside, &e), 0);
	assert_int_equal(snapshot_drop(c.driver, aside, &e), 0);
	assert_false(file_exists(aside));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(check_copy, enter, leave),
		cmocka_unit_test_setup_teardown(check_many_in_one, enter, leave),
		cmocka_unit_test_setup_teardown(check_stop, enter, leave),
		cmocka_unit_test_setup_teardown(check_deep, enter, leave),
		cmocka_unit_test_setup_teardown(check_exchange, enter, leave),
		cmocka_unit_test_setup_teardown(check_renames, enter, leave),
		cmocka_unit_test_setup_teardown(check_remove_follows_nothing, enter, leave),
		cmocka_unit_test_setup_teardown(check_take_and_restore, enter, leave),
	};

	return cmocka_run_group_tests_name("snapshot_tree", tests, NULL, NULL);
}
