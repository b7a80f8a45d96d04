/*
 * Tests of common/str: the growing string, printable text, near names.
 */
#include "common/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct row {
	const char *name, *in;
	size_t max;
	const char *want;
} printable[] = {
	{"plain", "hello", 100, "hello"},
	{"empty", "", 100, ""},
	{"umlaut stays", "gr\xc3\xbcn", 100, "gr\xc3\xbcn"},
	{"four bytes stay", "\xf0\x9f\x98\x80", 100, "\xf0\x9f\x98\x80"},
	{"newline", "a\nb", 100, "a\\nb"},
	{"escape sequence", "\033[31mred", 100, "\\x1B[31mred"},
	{"del and tab", "\x7f\t", 100, "\\x7F\\x09"},
	{"c1", "\xc2\x9b", 100, "\\xC2\\x9B"},
	{"bidi", "\xe2\x80\xae", 100, "\\xE2\\x80\\xAE"},
	{"isolate", "a\xe2\x81\xa6z", 100, "a\\xE2\\x81\\xA6z"},
	{"overlong", "\xc0\xaf", 100, "\\xC0\\xAF"},
	{"surrogate", "\xed\xa0\x80", 100, "\\xED\\xA0\\x80"},
	{"above 10ffff", "\xf4\x90\x80\x80", 100, "\\xF4\\x90\\x80\\x80"},
	{"lone tail", "a\x80z", 100, "a\\x80z"},
	{"cut in a character at the end", "a\xe2\x82", 100, "a\\xE2\\x82"},
	{"fits exactly", "12345", 5, "12345"},
	{"cut", "1234567", 6, "123\xe2\x80\xa6"},
	{"cut before a character", "12\xc3\xa4\xc3\xa4", 5, "12\xe2\x80\xa6"},
	{"no room for dots", "1234567", 2, ""},
	{"no room at all", "x", 0, ""},
	{"an escape is not split", "\x01\x01\x01", 10, "\\x01\xe2\x80\xa6"},
};

static void check_printable(void **state)
{
	const struct row *r = *state;
	auto_free char *got = str_printable(r->in, r->max);

	assert_string_equal(got, r->want);
	assert_true(strlen(got) <= r->max);
}

static const struct near_row {
	const char *name, *word, *want;
} near_rows[] = {
	{"one letter missing", "imge", "image"},
	{"swapped", "iamge", "image"},
	{"one too many", "volumess", "volumes"},
	{"the nearest of two", "timeot", "timeout"},
	{"a third of a long word", "healtchek_intrvl", "healthcheck_interval"},
	{"exact", "pull", "pull"},
	{"another word", "frobnicate", NULL},
	{"nothing in common", "xy", NULL},
	{"empty", "", NULL},
};

static void check_nearest(void **state)
{
	static const char *const names[] = {"image",   "volumes", "time",
					    "timeout", "pull",    "healthcheck_interval"};
	const struct near_row *r = *state;
	const char *got = str_nearest(r->word, names, COUNT_OF(names));

	if (r->want)
		assert_string_equal(got, r->want);
	else
		assert_null(got);
}

static void check_growing(void **state)
{
	auto_str struct str s = STR_INIT;

	(void)state;
	assert_string_equal(str_text(&s), "");
	for (int i = 0; i < 1000; i++)
		str_addf(&s, "%d,", i);
	assert_int_equal(s.len, 10 * 2 + 90 * 3 + 900 * 4);
	assert_int_equal(strlen(s.s), s.len);
	assert_false(s.cut);
	str_reset(&s);
	assert_string_equal(str_text(&s), "");
	str_addn(&s, "a\0b", 3);
	assert_int_equal(s.len, 3);
	auto_free char *taken = str_take(&s);
	assert_memory_equal(taken, "a\0b", 4);
	assert_null(s.s);
	auto_free char *empty = str_take(&s);
	assert_string_equal(empty, "");
}

static void check_cap(void **state)
{
	auto_str struct str s = {.max = 10};

	(void)state;
	str_add(&s, "12345678");
	str_addc(&s, '9');
	assert_false(s.cut);
	str_add(&s, "abc");
	assert_true(s.cut);
	assert_string_equal(s.s, "123456789a");
	str_add(&s, "x");
	str_addf(&s, "%500d", 7);
	assert_string_equal(s.s, "123456789a");
}

static void check_long_format(void **state)
{
	auto_str struct str s = STR_INIT;

	(void)state;
	str_addf(&s, "%5000d|", 7);
	assert_int_equal(s.len, 5001);
	assert_true(str_ends(s.s, "7|"));
}

static void check_comparing(void **state)
{
	(void)state;
	assert_true(str_starts("abc", "ab"));
	assert_true(str_starts("abc", ""));
	assert_false(str_starts("a", "ab"));
	assert_true(str_ends("abc", "bc"));
	assert_false(str_ends("c", "bc"));
	assert_true(str_eq("a", "a"));
	assert_true(str_eq(NULL, NULL));
	assert_false(str_eq("a", NULL));
	assert_false(str_eq("a", "b"));
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(printable) + COUNT_OF(near_rows) + 4];
	size_t n = 0;

	for (size_t i = 0; i < COUNT_OF(printable); i++)
		tests[n++] = (struct CMUnitTest){printable[i].name, check_printable, NULL, NULL,
						 (void *)(uintptr_t)&printable[i]};
	for (size_t i = 0; i < COUNT_OF(near_rows); i++)
		tests[n++] = (struct CMUnitTest){near_rows[i].name, check_nearest, NULL, NULL,
						 (void *)(uintptr_t)&near_rows[i]};
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(check_growing);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(check_cap);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(check_long_format);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(check_comparing);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
