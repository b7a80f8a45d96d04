/* common/ysubstitute: values in YAML, masks. */
#include "common/ysubstitute.h"

#include "common/file.h"
#include "common/mem.h"
#include "common/str.h"
#include "common/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void read_values(struct substitutions *out)
{
	auto_strv struct strv texts = STRV_INIT, files = STRV_INIT;
	char path[] = "/tmp/mdc-substitute-XXXXXX";
	struct err e = ERR_INIT;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(file_replace_unsynced(path, "s3$c\"ret\n", 9, 0600, &e), 0);
	strv_push(&texts, "a=1");
	strv_push(&texts, "url=x://${pw}@y");
	strv_push(&texts, "lines=one\ntwo: #");
	strv_push(&texts, "equals=b=c");
	strv_pushf(&files, "pw=%s", path);
	assert_int_equal(substitutions_read(&texts, &files, out, &e), 0);
	(void)unlink(path);
}

static void test_text(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"x: ${a}", "x: \"1\""},
		{"x: ${b}", "x: ${b}"},
		{"x: ${a:-2} # ${a}", "x: ${a:-2} # ${a}"},
		{"${a}: [${a}, '${a}']\n", "\"1\": [\"1\", \"1\"]\n"},
		{"? ${url}\n: ${url}", "? \"x://s3$c\\\"ret@y\"\n: \"x://s3$$c\\\"ret@y\""},
		{"x: |\n  $${a}\n  ${HOME}\ny: 1\n", "x: \"$1\\x0a${HOME}\\x0a\"\n\n\ny: 1\n"},
		{"x: \"é${lines}\"\ny: \"ü\"", "x: \"é\\x6f\""},
		{"x: !!str ${equals}", "x: !!str \"b=c\""},
		{"x: {k: ${a}, ${a}: [-${a}, ${b}]} # ${pw}",
		 "x: {k: \"1\", \"1\": [\"-1\", ${b}]} # ${pw}"},
		{"x: &n ${a}\ny: *n", "x: &n \"1\"\ny: *n"},
		{"x: [${a}\n\t\\", "x: [${a}\n\t\\"},
		{"", ""},
	};
	auto_substitutions struct substitutions s = {.n = 0};

	(void)state;
	read_values(&s);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_free char *got = substitute_yaml(&s, cases[i].in, strlen(cases[i].in));

		if (strstr(cases[i].in, "lines"))
			assert_string_equal(got, "x: \"éone\\x0atwo: #\"\ny: \"ü\"");
		else
			assert_string_equal(got, cases[i].out);
	}
}

/* Line numbers of what comes after stay, whatever the scalar looked like. */
static void test_lines(void **state)
{
	static const char text[] =
		"a: >-\n  ${a}\n  b\n\n# c\nd: \"x\n  ${a}\"\ne: {f: 'u\n  ${a}', g: 1}\n";
	auto_substitutions struct substitutions s = {.n = 0};
	auto_yaml struct yaml_node *before = NULL, *after = NULL;
	struct err e = ERR_INIT;

	(void)state;
	read_values(&s);
	auto_free char *got = substitute_yaml(&s, text, strlen(text));

	assert_int_equal(yaml_parse(text, strlen(text), "f", NULL, &before, &e), 0);
	assert_int_equal(yaml_parse(got, strlen(got), "f", NULL, &after, &e), 0);
	for (size_t i = 0; i < before->n; i++)
		assert_int_equal(before->pairs[i].line, after->pairs[i].line);
	assert_string_equal(yaml_text(yaml_get(after, "a")), "1 b");
	assert_string_equal(yaml_text(yaml_get(after, "d")), "x 1");
	assert_string_equal(yaml_text(yaml_get(yaml_get(after, "e"), "g")), "1");
}

static void test_mask(void **state)
{
	auto_substitutions struct substitutions s = {.n = 0};

	(void)state;
	read_values(&s);
	auto_free char *got =
		substitutions_mask(&s, "x s3$c\"ret y s3$$c\"ret x://s3$c\"ret@y 1 two: #");

	assert_string_equal(got, "x *** y *** *** 1 two: #");
}

static void test_refused(void **state)
{
	auto_strv struct strv none = STRV_INIT, files = STRV_INIT;
	auto_substitutions struct substitutions s = {.n = 0};
	struct err e = ERR_INIT;

	(void)state;
	strv_push(&files, "pw=/nonexistent/pw");
	assert_int_equal(substitutions_read(&none, &files, &s, &e), -1);
	assert_non_null(strstr(e.cause, "/nonexistent/pw"));
	err_clear(&e);
	strv_done(&files);
	strv_push(&files, "pw=/proc/self/environ");
	assert_int_equal(substitutions_read(&none, &files, &s, &e), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_mask),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
