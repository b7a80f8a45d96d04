/*
 * Reading refs in place, against repositories that git itself made.
 */
#include "common/file.h"
#include "common/gitref.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/proc.h"

#include "tests/unit/temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static char *git(const char *dir, const char *const *args)
{
	static const char *const env[] = {
		"PATH=/usr/local/bin:/usr/bin:/bin:/run/current-system/sw/bin",
		"HOME=/nonexistent",
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Ada",
		"GIT_AUTHOR_EMAIL=ada@example.org",
		"GIT_COMMITTER_NAME=Ada",
		"GIT_COMMITTER_EMAIL=ada@example.org",
		NULL};
	const char *argv[20] = {"git", "-C", dir};
	struct err e = ERR_INIT;
	char *out = NULL;

	for (size_t i = 0; args[i]; i++)
		argv[3 + i] = args[i];
	if (proc_need(&(struct proc){.argv = argv, .env = env, .timeout_ms = 60000}, &out, &e) < 0)
		fail_msg("git %s: %s", args[0], e.cause);
	out[strcspn(out, "\n")] = '\0';
	return out;
}

#define GIT(dir, ...)      free(git(dir, (const char *const[]){__VA_ARGS__, NULL}))
#define GIT_TEXT(dir, ...) git(dir, (const char *const[]){__VA_ARGS__, NULL})

static int setup(void **state)
{
	char name[] = "/tmp/mdc-gitref.XXXXXX";

	*state = temp_dir(name) ? xstrdup(name) : NULL;
	GIT(*state, "init", "-q", "-b", "main");
	GIT(*state, "commit", "-q", "--allow-empty", "-m", "one");
	return 0;
}

static int teardown(void **state)
{
	struct err e = ERR_INIT;

	(void)tree_remove(*state, &e);
	free(*state);
	return 0;
}

static void expect(const char *dir, const char *ref, const char *id)
{
	char got[GIT_HEX_SIZE] = "x";
	struct err e = ERR_INIT;

	if (gitref_read(dir, ref, got, &e) < 0)
		fail_msg("%s: %s", ref, e.cause);
	assert_string_equal(got, id);
}

static void test_loose_and_packed(void **state)
{
	const char *dir = *state;
	auto_free char *one = GIT_TEXT(dir, "rev-parse", "HEAD");

	expect(dir, "refs/heads/main", one);
	expect(dir, "HEAD", one);
	expect(dir, "refs/heads/none", "");
	expect(dir, "refs/heads", "");
	expect(dir, "refs/heads/main/below", "");
	for (int i = 0; i < 40; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "b%d/%c", i, 'a' + i % 26);
		GIT(dir, "branch", name);
	}
	GIT(dir, "tag", "-a", "-m", "x", "v1");
	GIT(dir, "pack-refs", "--all");
	for (int i = 0; i < 40; i++) {
		char name[48];

		(void)snprintf(name, sizeof(name), "refs/heads/b%d/%c", i, 'a' + i % 26);
		expect(dir, name, one);
	}
	auto_free char *tag = GIT_TEXT(dir, "rev-parse", "v1");
	expect(dir, "refs/heads/main", one);
	expect(dir, "refs/tags/v1", tag);
	expect(dir, "refs/heads/a", "");
	expect(dir, "refs/heads/b3", "");
	expect(dir, "refs/heads/zzz", "");
	/* a loose ref is newer than a packed one */
	GIT(dir, "commit", "-q", "--allow-empty", "-m", "two");
	auto_free char *two = GIT_TEXT(dir, "rev-parse", "HEAD");
	assert_string_not_equal(one, two);
	expect(dir, "refs/heads/main", two);
}

static void test_unsorted_packed_refs(void **state)
{
	static const char text[] = "1111111111111111111111111111111111111111 refs/heads/z\n"
				   "2222222222222222222222222222222222222222 refs/heads/a\n";
	auto_free char *path = path_join3(*state, ".git", "packed-refs");
	struct err e = ERR_INIT;

	assert_int_equal(file_replace_unsynced(path, text, strlen(text), 0644, &e), 0);
	expect(*state, "refs/heads/a", "2222222222222222222222222222222222222222");
	expect(*state, "refs/heads/z", "1111111111111111111111111111111111111111");
	expect(*state, "refs/heads/m", "");
}

static void test_bare_and_wrong_places(void **state)
{
	auto_free char *bare = path_join(*state, "bare.git");
	auto_free char *empty = path_join(*state, "empty");
	auto_free char *linked = path_join(*state, "linked");
	auto_free char *one = GIT_TEXT(*state, "rev-parse", "HEAD");
	char id[GIT_HEX_SIZE];
	struct err e = ERR_INIT;

	GIT(*state, "clone", "-q", "--bare", ".", bare);
	expect(bare, "refs/heads/main", one);
	assert_int_equal(gitref_read("/nonexistent/x.git", "refs/heads/main", id, &e), -1);
	assert_int_equal(e.kind, ERR_RETRY);
	assert_int_equal(dir_make(empty, 0755, &e), 0);
	assert_int_equal(gitref_read(empty, "refs/heads/main", id, &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
	GIT(*state, "worktree", "add", "-q", linked);
	assert_int_equal(gitref_read(linked, "refs/heads/main", id, &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
	assert_non_null(strstr(e.cause, "linked"));
	assert_int_equal(gitref_read(bare, "refs/heads/../../config", id, &e), -1);
	assert_int_equal(gitref_read(bare, "/etc/passwd", id, &e), -1);
}

static void test_damaged(void **state)
{
	static const char *const texts[] = {"", "garbage\n", "ref: refs/heads/loop\n",
					    "ABCDEF0123456789ABCDEF0123456789ABCDEF01\n"};
	auto_free char *path = path_join(*state, ".git/refs/heads/loop");

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		char id[GIT_HEX_SIZE] = "kept";
		struct err e = ERR_INIT;

		assert_int_equal(file_replace_unsynced(path, texts[i], strlen(texts[i]), 0644, &e),
				 0);
		assert_int_equal(gitref_read(*state, "refs/heads/loop", id, &e), -1);
		assert_int_equal(e.kind, ERR_RETRY);
		assert_string_equal(id, "kept");
	}
}

static void expect_tag(const char *dir, const char *glob, const char *id, const char *name)
{
	char got[GIT_HEX_SIZE] = "x";
	auto_free char *got_name = NULL;
	struct err e = ERR_INIT;

	assert_int_equal(gitref_newest_tag(dir, glob, got, &got_name, &e), 0);
	assert_string_equal(got, id);
	assert_string_equal(got_name ? got_name : "", name);
}

static void test_tags(void **state)
{
	const char *dir = *state;
	auto_free char *one = GIT_TEXT(dir, "rev-parse", "HEAD");

	expect_tag(dir, "*", "", "");
	GIT(dir, "tag", "v1.9");
	GIT(dir, "tag", "other");
	GIT(dir, "commit", "-q", "--allow-empty", "-m", "two");
	auto_free char *two = GIT_TEXT(dir, "rev-parse", "HEAD");
	GIT(dir, "tag", "-a", "-m", "x", "v1.10");
	GIT(dir, "tag", "deploy/7");
	auto_free char *object = GIT_TEXT(dir, "rev-parse", "v1.10");
	assert_string_not_equal(object, two);
	expect_tag(dir, "v*", object, "refs/tags/v1.10"); /* loose: not peeled */
	expect_tag(dir, "deploy/*", two, "refs/tags/deploy/7");
	expect_tag(dir, "nothing*", "", "");
	GIT(dir, "pack-refs", "--all");
	expect_tag(dir, "v*", two, "refs/tags/v1.10");
	expect_tag(dir, "v1.?", one, "refs/tags/v1.9");
	/* moved: the loose one counts */
	GIT(dir, "tag", "-f", "v1.10", one);
	expect_tag(dir, "v*", one, "refs/tags/v1.10");
	GIT(dir, "tag", "v2");
	expect_tag(dir, "v*", two, "refs/tags/v2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_loose_and_packed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unsorted_packed_refs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bare_and_wrong_places, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tags, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
