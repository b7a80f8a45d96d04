/*
 * Tests of common/clock.
 */
#include "common/clock.h"

#include "common/auto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/time.h>
#include <signal.h>

#include <cmocka.h>

static const struct row {
	const char *name;
	int64_t wall;
	const char *want;
} rows[] = {
	{"epoch", 0, "1970-01-01T00:00:00Z"},
	{"a day", 1795057965, "2026-11-19T03:12:45Z"},
	{"after 2038", 4102444800, "2100-01-01T00:00:00Z"},
	{"no date at all", INT64_MAX, "@9223372036854775807"},
};

static void check_row(void **state)
{
	const struct row *r = *state;
	char buf[CLOCK_ISO_SIZE];

	assert_string_equal(clock_iso(r->wall, buf), r->want);
}

static void check_deadlines(void **state)
{
	struct deadline soon = deadline_in(2000), past = deadline_in(20),
			never = deadline_in(INT64_MAX);

	(void)state;
	assert_false(deadline_over(soon));
	assert_false(deadline_over(never));
	assert_true(deadline_over(deadline_in(0)));
	assert_true(deadline_over(deadline_in(-5)));
	clock_pause_ms(30);
	assert_true(deadline_over(past));
	assert_int_equal(deadline_left_ms(past), 0);
}

static void on_alarm(int sig)
{
	(void)sig;
}

static void check_pause_and_signals(void **state)
{
	const struct itimerval often = {.it_interval = {.tv_usec = 5000},
					.it_value = {.tv_usec = 5000}};
	const struct itimerval off = {.it_value = {.tv_sec = 0}};
	struct sigaction act = {.sa_handler = on_alarm};

	(void)state;
	(void)sigaction(SIGALRM, &act, NULL);
	(void)setitimer(ITIMER_REAL, &often, NULL);
	int64_t before = clock_ms();
	clock_pause_ms(100);
	(void)setitimer(ITIMER_REAL, &off, NULL);
	assert_true(clock_ms() - before >= 99);
}

static void check_parse_iso(void **state)
{
	static const struct {
		const char *text;
		int64_t wall; /* -1: no time */
	} cases[] = {
		{"1970-01-01T00:00:10Z", 10},
		{"2026-11-22T10:06:27.123456789Z", 1795341987},
		{"2026-11-22T11:06:27.1+01:00", 1795341987},
		{"2026-11-22T06:36:27-03:30", 1795341987},
		{"0001-01-01T00:00:00Z", -62135596800},
		{"2026-11-22", -1},
		{"2026-11-22T10:06:27", -1},
		{"2026-11-22T10:06:27 o'clock", -1},
		{"", -1},
		{NULL, -1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t wall = -1;

		assert_int_equal(clock_parse_iso(cases[i].text, &wall), cases[i].wall != -1);
		assert_int_equal(wall, cases[i].wall);
	}
}

static void check_boot_id(void **state)
{
	(void)state;
	assert_ptr_equal(clock_boot_id(), clock_boot_id());
	assert_true(strlen(clock_boot_id()) == 36 || strcmp(clock_boot_id(), "unknown") == 0);
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(rows) + 4];
	size_t n = 0;

	for (; n < COUNT_OF(rows); n++)
		tests[n] = (struct CMUnitTest){rows[n].name, check_row, NULL, NULL,
					       (void *)(uintptr_t)&rows[n]};
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(check_deadlines);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(check_pause_and_signals);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(check_parse_iso);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(check_boot_id);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
