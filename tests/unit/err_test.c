/*
 * Tests of common/err: what a person reads, and where it is cut.
 */
#include "common/err.h"

#include "common/auto.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct row {
	const char *name;
	int errnum;
	const char *cause, *inner, *outer;
	unsigned long size;
	const char *want;
} rows[] = {
	{"cause only", 0, "no such key", NULL, NULL, 200, "no such key"},
	{"errno text", ENOENT, "cannot open x", NULL, NULL, 200,
	 "cannot open x: No such file or directory"},
	{"outermost first", 0, "bad", "plan web", "deploy 3f2a", 200, "deploy 3f2a: plan web: bad"},
	{"the trail is cut first", 0, "0123456789", "abcdefgh", NULL, 16, "abc: 0123456789"},
	{"no room for a trail", 0, "0123456789", "abcdefgh", NULL, 12, "0123456789"},
	{"no room for the cause", 0, "0123456789", "abc", NULL, 5, "0123"},
	{"cut at a character", 0, "ab\xc3\xa4z", NULL, NULL, 4, "ab"},
	{"character fits", 0, "ab\xc3\xa4z", NULL, NULL, 5, "ab\xc3\xa4"},
};

static void check_row(void **state)
{
	const struct row *r = *state;
	struct err e = ERR_INIT;
	char buf[256];

	assert_int_equal(err_set(&e, ERR_RETRY, r->errnum, "%s", r->cause), -1);
	if (r->inner)
		assert_int_equal(err_wrap(&e, "%s", r->inner), -1);
	if (r->outer)
		assert_int_equal(err_wrap(&e, "%s", r->outer), -1);
	assert_int_equal(e.kind, ERR_RETRY);
	assert_int_equal(e.errnum, r->errnum);
	assert_string_equal(err_text(&e, buf, r->size), r->want);
}

static void check_quoting_itself(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	err_set(&e, ERR_RETRY, 0, "first");
	err_wrap(&e, "context");
	err_set(&e, ERR_BROKEN, 0, "after: %s", e.cause);
	assert_string_equal(e.cause, "after: first");
	assert_string_equal(e.trail, "");
	err_clear(&e);
	assert_int_equal(e.kind, ERR_NONE);
	assert_string_equal(e.cause, "");
}

static void check_long_texts(void **state)
{
	struct err e = ERR_INIT;
	char text[4000], buf[4000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	err_set(&e, ERR_RETRY, EIO, "%s", text);
	assert_int_equal(strlen(e.cause), sizeof(e.cause) - 1);
	for (int i = 0; i < 100; i++)
		err_wrap(&e, "step %d", i);
	assert_true(strlen(e.trail) < sizeof(e.trail));
	assert_memory_equal(e.trail, "step 99: step 98: ", 18);
	assert_non_null(strstr(err_text(&e, buf, sizeof(buf)), "xxx"));
}

static void check_kinds(void **state)
{
	static const struct {
		enum err_kind kind;
		const char *name;
		int code;
	} kinds[] = {
		{ERR_NONE, "none", 0},     {ERR_USAGE, "usage", 2},  {ERR_REJECTED, "rejected", 4},
		{ERR_FAILED, "failed", 1}, {ERR_RETRY, "retry", 75}, {ERR_BROKEN, "broken", 3},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		assert_string_equal(err_kind_name(kinds[i].kind), kinds[i].name);
		assert_int_equal(err_kind_parse(kinds[i].name), kinds[i].kind);
		assert_int_equal(err_exit_code(kinds[i].kind), kinds[i].code);
	}
	assert_int_equal(err_kind_parse("nonsense"), ERR_BROKEN);
	assert_int_equal(err_kind_parse(NULL), ERR_BROKEN);
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(rows) + 3];
	size_t n = 0;

	for (; n < COUNT_OF(rows); n++)
		tests[n] = (struct CMUnitTest){rows[n].name, check_row, NULL, NULL,
					       (void *)(uintptr_t)&rows[n]};
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(check_quoting_itself);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(check_long_texts);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(check_kinds);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
