/*
 * Tests of common/strv.
 */
#include "common/strv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct row {
	const char *name;
	const char *in[5];
	const char *sorted, *once;
} rows[] = {
	{"empty", {NULL}, "", ""},
	{"one", {"a", NULL}, "a", "a"},
	{"bytes, not words", {"b", "a", "B", "\xc3\xa4", NULL}, "B,a,b,\xc3\xa4", "b,a,B,\xc3\xa4"},
	{"twice", {"x", "y", "x", NULL}, "x,x,y", "x,y"},
};

static void check_row(void **state)
{
	const struct row *r = *state;
	auto_strv struct strv l = STRV_INIT, once = STRV_INIT;

	for (size_t i = 0; r->in[i]; i++) {
		bool known = strv_has(&l, r->in[i]);

		strv_push(&l, r->in[i]);
		assert_int_equal(strv_add_once(&once, r->in[i]), !known);
		assert_null(l.v[l.n]);
	}
	auto_free char *joined_once = strv_join(&once, ",");
	assert_string_equal(joined_once, r->once);
	strv_sort(&l);
	auto_free char *sorted = strv_join(&l, ",");
	assert_string_equal(sorted, r->sorted);
}

static void check_copies(void **state)
{
	auto_strv struct strv a = STRV_INIT, b = STRV_INIT;

	(void)state;
	assert_true(strv_equal(&a, &b));
	strv_pushf(&a, "%s-%d", "x", 7);
	assert_false(strv_equal(&a, &b));
	strv_push(&b, "old");
	assert_false(strv_equal(&a, &b));
	strv_copy(&b, &a);
	assert_true(strv_equal(&a, &b));
	assert_string_equal(b.v[0], "x-7");
	assert_ptr_not_equal(a.v[0], b.v[0]);
	strv_done(&b);
	assert_int_equal(b.n, 0);
	assert_null(b.v);
}

static void check_many(void **state)
{
	auto_strv struct strv l = STRV_INIT;

	(void)state;
	for (int i = 0; i < 5000; i++)
		strv_pushf(&l, "%d", i);
	assert_int_equal(l.n, 5000);
	assert_string_equal(l.v[4999], "4999");
	assert_true(strv_has(&l, "4321"));
	assert_false(strv_has(&l, "5000"));
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(rows) + 2];
	size_t n = 0;

	for (; n < COUNT_OF(rows); n++)
		tests[n] = (struct CMUnitTest){rows[n].name, check_row, NULL, NULL,
					       (void *)(uintptr_t)&rows[n]};
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(check_copies);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(check_many);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
