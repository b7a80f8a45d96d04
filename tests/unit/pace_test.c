/*
 * pace: backoff and jitter stay in their bounds, also at the ends of their ranges.
 */
#include "agent/daemon/pace.h"

#include "common/auto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
	int64_t base, max, want;
	int failures;
} backoffs[] = {
	{60000, 1800000, 60000, 0},
	{60000, 1800000, 120000, 1},
	{60000, 1800000, 960000, 4},
	{60000, 1800000, 1800000, 5},
	{60000, 1800000, 1800000, 2147483647},
	{30000, 1800000, 30000, 0},
	{3600000, 1800000, 3600000, 3}, /* a long interval stays */
	{1000, 1000, 1000, 9},
	{5000, INT64_MAX, INT64_MAX, 200},
	{60000, 1800000, 60000, -1},
};

static void backoff(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(backoffs); i++)
		assert_int_equal(
			pace_backoff(backoffs[i].base, backoffs[i].failures, backoffs[i].max),
			backoffs[i].want);
}

static const struct {
	int64_t base, want;
	uint32_t random;
	int percent;
} jitters[] = {
	{60000, 48000, 0, 20},
	{60000, 72000, UINT32_MAX, 20},
	{60000, 60000, UINT32_MAX / 2, 20},
	{30000, 6000, 0, 80},           /* a tenth of 60 s */
	{30000, 54000, UINT32_MAX, 80}, /* nine tenths */
	{0, 0, 77, 20},
	{3, 3, 0, 20},                       /* too small to spread */
	{315360000000, 252288000000, 0, 20}, /* ten years */
	{315360000000, 378432000000, UINT32_MAX, 20},
};

static void jitter(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(jitters); i++) {
		int64_t got = pace_jitter(jitters[i].base, jitters[i].percent, jitters[i].random);

		assert_in_range(got, jitters[i].want > 0 ? jitters[i].want - 1 : 0,
				jitters[i].want + 1);
	}
}

static void random_numbers_differ(void **state)
{
	(void)state;
	uint32_t a = pace_random(), b = pace_random(), c = pace_random();

	assert_false(a == b && b == c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(backoff),
		cmocka_unit_test(jitter),
		cmocka_unit_test(random_numbers_differ),
	};

	return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
