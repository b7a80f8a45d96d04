/*
 * Tests of common/log: what reaches stderr on a terminal and under systemd.
 */
#include "common/log.h"

#include "common/auto.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct row {
	const char *name;
	void (*log)(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
	bool verbose;
	const char *text, *plain, *journal;
} rows[] = {
	{"info", log_info, false, "hi", "hi\n", "<6>hi\n"},
	{"warning", log_warn, false, "hi", "mdc-agent: hi\n", "<4>hi\n"},
	{"error", log_error, false, "hi", "mdc-agent: hi\n", "<3>hi\n"},
	{"debug is off", log_debug, false, "hi", "", ""},
	{"debug is on", log_debug, true, "hi", "hi\n", "<7>hi\n"},
	{"two lines", log_warn, false, "a\nb\n", "mdc-agent: a\nmdc-agent: b\n", "<4>a\n<4>b\n"},
	{"escape sequence", log_info, false, "a\033[31m\tb", "a?[31m\tb\n", "<6>a?[31m\tb\n"},
	{"nothing", log_info, false, "", "", ""},
};

static void check_one(const struct row *r, const char *want)
{
	int ends[2], saved = dup(STDERR_FILENO);
	char got[256] = "";

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
	(void)close(ends[1]);
	log_set_verbose(r->verbose);
	r->log("%s", r->text);
	log_set_verbose(false);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	(void)close(saved);
	assert_true(read(ends[0], got, sizeof(got) - 1) >= 0);
	(void)close(ends[0]);
	assert_string_equal(got, want);
}

static void check_row(void **state)
{
	const struct row *r = *state;

	(void)unsetenv("JOURNAL_STREAM");
	check_one(r, r->plain);
	(void)setenv("JOURNAL_STREAM", "8:1234", 1);
	check_one(r, r->journal);
	(void)unsetenv("JOURNAL_STREAM");
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(rows)];

	for (size_t n = 0; n < COUNT_OF(rows); n++)
		tests[n] = (struct CMUnitTest){rows[n].name, check_row, NULL, NULL,
					       (void *)(uintptr_t)&rows[n]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
