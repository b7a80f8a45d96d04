/*
 * Tests of common/digest.
 */
#include "common/digest.h"

#include "common/auto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct row {
	const char *name, *in, *want;
} rows[] = {
	{"empty", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	{"abc", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
};

static void check_row(void **state)
{
	const struct row *r = *state;
	char out[DIGEST_HEX_SIZE];

	digest_text(r->in, out);
	assert_string_equal(out, r->want);
	digest_bytes(r->in, strlen(r->in), out);
	assert_string_equal(out, r->want);
}

static void of_two(const char *a, const char *b, char out[DIGEST_HEX_SIZE])
{
	struct digest *d = digest_new();

	digest_add(d, a, strlen(a));
	digest_add(d, b, strlen(b));
	digest_end(d, out);
}

static void check_parts(void **state)
{
	char a[DIGEST_HEX_SIZE], b[DIGEST_HEX_SIZE];

	(void)state;
	of_two("ab", "c", a);
	of_two("a", "bc", b);
	assert_string_not_equal(a, b);
	of_two("ab", "c", b);
	assert_string_equal(a, b);
	of_two("", "abc", b);
	assert_string_not_equal(a, b);
	assert_int_equal(strlen(a), DIGEST_HEX_SIZE - 1);
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(rows) + 1];
	size_t n = 0;

	for (; n < COUNT_OF(rows); n++)
		tests[n] = (struct CMUnitTest){rows[n].name, check_row, NULL, NULL,
					       (void *)(uintptr_t)&rows[n]};
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(check_parts);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
