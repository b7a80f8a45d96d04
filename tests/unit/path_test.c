/*
 * Tests of common/path: what may touch the disk and what may not.
 */
#include "common/path.h"

#include "common/auto.h"
#include "common/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct clean_row {
	const char *name, *path;
	bool want;
} clean_rows[] = {
	{"a file", "compose.yaml", true},
	{"below", "a/b/c", true},
	{"dots in a name", "a..b/.env/...", true},
	{"16 deep", "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", true},
	{"17 deep", "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", false},
	{"empty", "", false},
	{"absolute", "/etc/passwd", false},
	{"climbs", "a/../b", false},
	{"dot", ".", false},
	{"dot part", "a/./b", false},
	{"double slash", "a//b", false},
	{"final slash", "a/", false},
	{"git directory", "a/.git/config", false},
	{"git directory in capitals", ".GiT", false},
	{"git directory with a dot", "a/.Git.", false},
	{"git directory with spaces", ".git  ", false},
	{"git directory as a stream", ".GIT::$INDEX_ALLOCATION", false},
	{"git directory by its short name", "a/GIT~1/hooks", false},
	{"github is fine", ".github/workflows", true},
	{"gitignore is fine", ".gitignore", true},
	{"newline", "a\nb", false},
	{"del", "a\x7f", false},
};

static void check_clean(void **state)
{
	const struct clean_row *r = *state;

	assert_int_equal(path_is_clean(r->path), r->want);
}

static const struct resolve_row {
	const char *name, *dir, *ref, *want; /* NULL: refused */
} resolve_rows[] = {
	{"beside", "apps/web", "x.env", "apps/web/x.env"},
	{"dotted", "apps/web", "./x.env", "apps/web/x.env"},
	{"parent", "apps/web", "../x.env", "apps/x.env"},
	{"sibling", "apps/web", "../db/./x", "apps/db/x"},
	{"to the root", "apps/web", "../..", "."},
	{"above the root", "apps/web", "../../..", NULL},
	{"above and back", "apps", "../../apps/x", NULL},
	{"absolute", "apps", "/etc/passwd", NULL},
	{"from the root", ".", "a/b", "a/b"},
	{"from nothing", "", "a", "a"},
	{"root climbs", ".", "..", NULL},
	{"double slashes", "a", "b//c/", "a/b/c"},
	{"nothing at all", "", "", "."},
	{"names with dots", "a", "..b/...", "a/..b/..."},
};

static void check_resolve(void **state)
{
	static char untouched[] = "untouched";
	const struct resolve_row *r = *state;
	char *out = untouched;

	assert_int_equal(path_resolve(r->dir, r->ref, &out), r->want ? 0 : -1);
	assert_string_equal(out, r->want ? r->want : untouched);
	if (r->want)
		free(out);
}

static const struct below_row {
	const char *name, *path, *dir;
	bool want;
} below_rows[] = {
	{"itself", "a/b", "a/b", true},        {"below", "a/b/c", "a/b", true},
	{"prefix only", "a/bc", "a/b", false}, {"above", "a", "a/b", false},
	{"everything", "x", ".", true},
};

static void check_below(void **state)
{
	const struct below_row *r = *state;

	assert_int_equal(path_below(r->path, r->dir), r->want);
}

static const struct split_row {
	const char *name, *path, *dir, *base;
} split_rows[] = {
	{"plain", "x", ".", "x"},           {"below the root", "/x", "/", "x"},
	{"two parts", "a/b", "a", "b"},     {"absolute", "/a/b", "/a", "b"},
	{"double slash", "a//b", "a", "b"},
};

static void check_split(void **state)
{
	const struct split_row *r = *state;
	auto_free char *dir = path_dir(r->path);

	assert_string_equal(dir, r->dir);
	assert_string_equal(path_base(r->path), r->base);
}

static void check_lengths(void **state)
{
	auto_free char *name = xmalloc(PATH_NAME_MAX + 2);
	auto_free char *path = xcalloc(1, PATH_LEN_MAX + 2);

	(void)state;
	memset(name, 'x', PATH_NAME_MAX + 1);
	name[PATH_NAME_MAX] = '\0';
	assert_true(path_is_clean(name));
	name[PATH_NAME_MAX] = 'x';
	name[PATH_NAME_MAX + 1] = '\0';
	assert_false(path_is_clean(name));
	memset(path, 'y', PATH_LEN_MAX);
	for (size_t i = 200; i < PATH_LEN_MAX; i += 200)
		path[i] = '/';
	assert_true(path_is_clean(path));
	path[PATH_LEN_MAX] = 'y';
	assert_false(path_is_clean(path));
}

static void check_join(void **state)
{
	auto_free char *a = path_join("a", "b");
	auto_free char *root = path_join("/", "b");
	auto_free char *three = path_join3("a/", "b", "c");

	(void)state;
	assert_string_equal(a, "a/b");
	assert_string_equal(root, "/b");
	assert_string_equal(three, "a/b/c");
}

static void check_project_names(void **state)
{
	char name[65];

	(void)state;
	assert_true(path_is_project_name("web-1_x"));
	assert_true(path_is_project_name("0"));
	assert_false(path_is_project_name(""));
	assert_false(path_is_project_name("-web"));
	assert_false(path_is_project_name("Web"));
	assert_false(path_is_project_name("we.b"));
	memset(name, 'a', 64);
	name[64] = '\0';
	assert_false(path_is_project_name(name));
	name[63] = '\0';
	assert_true(path_is_project_name(name));
}

#define ROWS(table, check)                                                                         \
	for (size_t i = 0; i < COUNT_OF(table); i++)                                               \
		tests[n++] = (struct CMUnitTest)                                                   \
		{                                                                                  \
			table[i].name, check, NULL, NULL, (void *)(uintptr_t)&table[i]             \
		}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(clean_rows) + COUNT_OF(resolve_rows) +
				COUNT_OF(below_rows) + COUNT_OF(split_rows) + 3];
	size_t n = 0;

	ROWS(clean_rows, check_clean);
	ROWS(resolve_rows, check_resolve);
	ROWS(below_rows, check_below);
	ROWS(split_rows, check_split);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(check_lengths);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(check_join);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(check_project_names);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
