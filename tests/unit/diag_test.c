/* Findings: their text, their number, and that warnings leave room for errors. */
#include "agent/model/diag.h"
#include "common/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void check_text(void **state)
{
	auto_diags struct diags d = DIAGS_INIT;

	(void)state;
	diags_add(&d, DIAG_ERROR, "web/compose.yaml", 3, 7, "web", "no %s", "image");
	diags_add(&d, DIAG_WARNING, "web", 0, 0, NULL, "a\nb\x1b[1m");
	diags_add(&d, DIAG_WARNING, NULL, 0, 0, NULL, "whole");
	assert_int_equal(d.n, 3);
	assert_int_equal(d.errors, 1);
	auto_free char *first = diag_text(&d.v[0]);
	auto_free char *second = diag_text(&d.v[1]);
	auto_free char *third = diag_text(&d.v[2]);
	assert_string_equal(first, "web/compose.yaml:3:7: error: no image");
	assert_null(strchr(second, '\n'));
	assert_null(strchr(second, '\x1b'));
	assert_true(str_starts(second, "web: warning: a"));
	assert_string_equal(third, "warning: whole");
	assert_string_equal(d.v[0].project, "web");
}

static void check_limits(void **state)
{
	auto_diags struct diags d = DIAGS_INIT;

	(void)state;
	for (int i = 0; i < 2 * DIAGS_MAX; i++)
		diags_add(&d, DIAG_WARNING, "f", i, 1, NULL, "w");
	assert_true(d.n < DIAGS_MAX);
	for (int i = 0; i < 2 * DIAGS_MAX; i++)
		diags_add(&d, DIAG_ERROR, "f", i, 1, NULL, "e");
	assert_int_equal(d.n, DIAGS_MAX);
	assert_true(d.errors > 0);
	assert_int_equal(d.n + d.dropped, 4 * DIAGS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(check_text),
					   cmocka_unit_test(check_limits)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
