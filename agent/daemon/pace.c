/*
 * pace - see pace.h.
 * Depends on: nothing.
 */
#include "agent/daemon/pace.h"

#include <sys/random.h>
#include <time.h>

int64_t pace_jitter(int64_t base_ms, int percent, uint32_t random)
{
	int64_t spread = base_ms / 100 * percent + base_ms % 100 * percent / 100;

	if (spread <= 0)
		return base_ms;
	/* In two steps: spread can be days, and days in ms times 2^32 would overflow. */
	double where = (double)random / (double)UINT32_MAX;
	return base_ms - spread + (int64_t)(where * 2.0 * (double)spread);
}

int64_t pace_backoff(int64_t base_ms, int failures, int64_t max_ms)
{
	int64_t ms = base_ms;

	while (failures-- > 0 && ms < max_ms)
		ms = ms > max_ms / 2 ? max_ms : ms * 2;
	return ms;
}

uint32_t pace_random(void)
{
	uint32_t r = 0;

	/* Without randomness the clock will do: only jitter comes from it. */
	if (getrandom(&r, sizeof(r), GRND_NONBLOCK) != (ssize_t)sizeof(r)) {
		struct timespec t = {0};

		(void)clock_gettime(CLOCK_MONOTONIC, &t);
		r = (uint32_t)t.tv_nsec * 2654435761U;
	}
	return r;
}
