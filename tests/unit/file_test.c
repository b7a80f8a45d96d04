/*
 * Tests of common/file: reading with a cap, replacing whole, trees.
 */
#include "common/file.h"

#include "common/auto.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/strv.h"

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
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

static int enter(void **state)
{
	char *dir = xstrdup("/tmp/mdc-file-XXXXXX");

	*state = dir;
	return temp_dir(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int leave(void **state)
{
	struct err e = ERR_INIT;
	int failed = tree_remove(*state, &e);

	free(*state);
	return failed;
}

static const struct read_row {
	const char *name, *path;
	size_t max;
	enum err_kind want;
	int errnum;
} read_rows[] = {
	{"fits", "five", 100, ERR_NONE, 0},
	{"fits exactly", "five", 5, ERR_NONE, 0},
	{"too large", "five", 4, ERR_REJECTED, 0},
	{"missing", "missing", 5, ERR_RETRY, ENOENT},
	{"a directory", "dir", 5, ERR_REJECTED, 0},
	{"a fifo does not block", "fifo", 5, ERR_REJECTED, 0},
	{"a link to a file", "link", 5, ERR_NONE, 0},
	{"below a file", "five/x", 5, ERR_RETRY, ENOTDIR},
};

static void check_read(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(file_replace("five",
				      "12\0"
				      "45",
				      5, 0600, &e),
			 0);
	assert_int_equal(dir_make("dir", 0700, &e), 0);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(symlink("five", "link"), 0);
	for (size_t i = 0; i < COUNT_OF(read_rows); i++) {
		const struct read_row *r = &read_rows[i];
		char *out = NULL;
		size_t len = 99;

		err_clear(&e);
		print_message("%s\n", r->name);
		assert_int_equal(file_read(r->path, r->max, &out, &len, &e),
				 r->want == ERR_NONE ? 0 : -1);
		assert_int_equal(e.kind, r->want);
		assert_int_equal(e.errnum, r->errnum);
		assert_int_equal(len, r->want == ERR_NONE ? 5 : 99);
		if (r->want == ERR_NONE)
			assert_memory_equal(out,
					    "12\0"
					    "45",
					    6);
		else
			assert_null(out);
		free(out);
	}
}

static void check_read_proc(void **state)
{
	struct err e = ERR_INIT;
	auto_free char *out = NULL;

	(void)state;
	/* Such files say that they have 0 bytes. */
	assert_int_equal(file_read("/proc/self/status", 65536, &out, NULL, &e), 0);
	assert_memory_equal(out, "Name:", 5);
	assert_int_equal(file_read("/proc/self/maps", 16, &out, NULL, &e), -1);
	assert_int_equal(e.kind, ERR_REJECTED);
}

static void check_replace(void **state)
{
	struct err e = ERR_INIT;
	struct stat st;
	auto_free char *out = NULL;
	auto_strv struct strv names = STRV_INIT;

	(void)state;
	(void)umask(077);
	assert_int_equal(file_replace("f", "old", 3, 0644, &e), 0);
	assert_int_equal(file_replace_unsynced("f", "newer", 5, 0640, &e), 0);
	assert_int_equal(stat("f", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640); /* whatever the umask is */
	assert_int_equal(file_read("f", 100, &out, NULL, &e), 0);
	assert_string_equal(out, "newer");
	assert_int_equal(dir_list(".", 10, &names, &e), 0);
	assert_int_equal(names.n, 1); /* nothing temporary is left */
	assert_int_equal(file_replace("no/such/f", "x", 1, 0600, &e), -1);
	assert_int_equal(e.kind, ERR_RETRY);
	assert_int_equal(e.errnum, ENOENT);
	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(file_replace("d", "x", 1, 0600, &e), -1);
	assert_int_equal(e.errnum, EISDIR);
	assert_int_equal(dir_list(".", 10, &names, &e), 0);
	assert_int_equal(names.n, 2);
}

static void check_replace_link(void **state)
{
	struct err e = ERR_INIT;
	struct stat st;
	auto_free char *out = NULL;

	(void)state;
	assert_int_equal(file_replace("target", "safe", 4, 0600, &e), 0);
	assert_int_equal(symlink("target", "link"), 0);
	assert_int_equal(file_replace("link", "new", 3, 0600, &e), 0);
	assert_int_equal(lstat("link", &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(file_read("target", 10, &out, NULL, &e), 0);
	assert_string_equal(out, "safe");
}

static void check_append(void **state)
{
	struct err e = ERR_INIT;
	auto_free char *out = NULL;
	struct stat st;

	(void)state;
	assert_int_equal(file_append_line("log", "one", &e), 0);
	assert_int_equal(file_append_line("log", "two", &e), 0);
	assert_int_equal(stat("log", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(truncate("log", 6), 0); /* a torn line: "one\ntw" */
	assert_int_equal(file_append_line("log", "three", &e), 0);
	assert_int_equal(file_read("log", 100, &out, NULL, &e), 0);
	assert_string_equal(out, "one\ntw\nthree\n");
	assert_int_equal(symlink("log", "link"), 0);
	assert_int_equal(file_append_line("link", "x", &e), -1);
	assert_int_equal(file_remove("log", &e), 0);
	assert_int_equal(file_remove("log", &e), 0);
	assert_true(file_exists("link"));
	assert_false(file_exists("log"));
}

static void check_dirs(void **state)
{
	struct err e = ERR_INIT;
	auto_strv struct strv names = STRV_INIT;

	(void)state;
	assert_int_equal(dir_make("a/b//c/", 0700, &e), 0);
	assert_int_equal(dir_make("a/b/c", 0700, &e), 0);
	assert_int_equal(dir_make("a/d", 0700, &e), 0);
	assert_int_equal(file_replace("a/file", "", 0, 0600, &e), 0);
	assert_int_equal(dir_make("a/file/x", 0700, &e), -1);
	assert_int_equal(dir_list("a", 3, &names, &e), 0);
	auto_free char *joined = strv_join(&names, ",");
	assert_string_equal(joined, "b,d,file");
	assert_int_equal(dir_list("a", 2, &names, &e), -1);
	assert_int_equal(e.kind, ERR_REJECTED);
	assert_int_equal(names.n, 3);
	assert_int_equal(dir_list("none", 2, &names, &e), -1);
	assert_int_equal(e.errnum, ENOENT);
	assert_int_equal(path_sync("a", &e), 0);
	assert_int_equal(path_sync("a/file", &e), 0);
}

static void check_tree_remove(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(dir_make("tree/x/y", 0700, &e), 0);
	assert_int_equal(file_replace("outside", "keep", 4, 0600, &e), 0);
	assert_int_equal(file_replace("tree/x/f", "", 0, 0400, &e), 0);
	assert_int_equal(symlink("../../outside", "tree/x/link"), 0);
	assert_int_equal(symlink("..", "tree/up"), 0);
	assert_int_equal(tree_remove("tree", &e), 0);
	assert_false(file_exists("tree"));
	assert_true(file_exists("outside"));
	assert_int_equal(tree_remove("tree", &e), 0);
	assert_int_equal(tree_remove("outside/x", &e), 0);
	assert_int_equal(symlink("outside", "link"), 0);
	assert_int_equal(tree_remove("link", &e), 0);
	assert_true(file_exists("outside"));
	assert_int_equal(tree_remove("outside", &e), 0);
	assert_false(file_exists("outside"));
}

/* 130 directories deep: refused, and what is above the limit is not lost by halves of a path. */
static void check_deep_tree(void **state)
{
	struct err e = ERR_INIT;
	int up = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_int_equal(mkdir("deep", 0700), 0);
	assert_int_equal(chdir("deep"), 0);
	for (int i = 0; i < 130; i++) {
		assert_int_equal(mkdir("d", 0700), 0);
		assert_int_equal(chdir("d"), 0);
	}
	assert_int_equal(fchdir(up), 0);
	assert_int_equal(tree_remove("deep", &e), -1);
	assert_int_equal(e.kind, ERR_REJECTED);
	assert_int_equal(rename("deep/d/d/d/d/d/d/d/d/d/d", "rest"), 0);
	assert_int_equal(tree_remove("deep", &e), 0);
	assert_int_equal(tree_remove("rest", &e), 0);
	(void)close(up);
}

static void check_sweep(void **state)
{
	struct err e = ERR_INIT;
	struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	auto_strv struct strv names = STRV_INIT;

	(void)state;
	assert_int_equal(file_replace("keep", "", 0, 0600, &e), 0);
	assert_int_equal(file_replace(FILE_TMP_PREFIX "old", "", 0, 0600, &e), 0);
	assert_int_equal(file_replace(FILE_TMP_PREFIX "new", "", 0, 0600, &e), 0);
	assert_int_equal(utimensat(AT_FDCWD, "keep", old, 0), 0);
	assert_int_equal(utimensat(AT_FDCWD, FILE_TMP_PREFIX "old", old, 0), 0);
	assert_int_equal(dir_sweep(".", &e), 0);
	assert_true(file_exists("keep"));
	assert_true(file_exists(FILE_TMP_PREFIX "new"));
	assert_false(file_exists(FILE_TMP_PREFIX "old"));
	assert_int_equal(dir_list(".", 9, &names, &e), 0);
	assert_int_equal(names.n, 1);
	assert_int_equal(dir_sweep("none", &e), 0);
}

static void check_space(void **state)
{
	struct err e = ERR_INIT;
	unsigned long long left = 0, total = 0;

	(void)state;
	assert_int_equal(disk_space(".", &left, &total, &e), 0);
	assert_true(total > 0 && left <= total);
	assert_int_equal(disk_space(".", NULL, NULL, &e), 0);
	assert_int_equal(disk_space("none", &left, NULL, &e), -1);
}

/* Readers see the old or the new text while a writer replaces it again and again, and a kill leaves
 * one. */
static void check_never_torn(void **state)
{
	struct err e = ERR_INIT;
	char a[4096], b[4096];

	(void)state;
	memset(a, 'a', sizeof(a));
	memset(b, 'b', sizeof(b));
	assert_int_equal(file_replace("f", a, sizeof(a), 0600, &e), 0);
	pid_t pid = fork();
	if (pid == 0) {
		for (;;) {
			(void)file_replace_unsynced("f", b, sizeof(b), 0600, &e);
			(void)file_replace_unsynced("f", a, sizeof(a), 0600, &e);
		}
	}
	for (int i = 0; i < 2000; i++) {
		auto_free char *out = NULL;
		size_t len = 0;

		assert_int_equal(file_read("f", sizeof(a), &out, &len, &e), 0);
		assert_int_equal(len, sizeof(a));
		assert_memory_equal(out, out[0] == 'a' ? a : b, sizeof(a));
	}
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(check_read, enter, leave),
		cmocka_unit_test_setup_teardown(check_read_proc, enter, leave),
		cmocka_unit_test_setup_teardown(check_replace, enter, leave),
		cmocka_unit_test_setup_teardown(check_replace_link, enter, leave),
		cmocka_unit_test_setup_teardown(check_append, enter, leave),
		cmocka_unit_test_setup_teardown(check_dirs, enter, leave),
		cmocka_unit_test_setup_teardown(check_tree_remove, enter, leave),
		cmocka_unit_test_setup_teardown(check_deep_tree, enter, leave),
		cmocka_unit_test_setup_teardown(check_sweep, enter, leave),
		cmocka_unit_test_setup_teardown(check_space, enter, leave),
		cmocka_unit_test_setup_teardown(check_never_torn, enter, leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
