/*
 * pace - how long to wait: jitter, so that a hundred hosts do not ask at once, and backoff, so that
 * a server that is down is not asked all the time. Pure; the caller brings the randomness.
 * Depends on: nothing.
 */
#pragma once

#include <stdint.h>

/* base ± percent of it, by where `random` stands in its range. */
int64_t pace_jitter(int64_t base_ms, int percent, uint32_t random);

/* base * 2^failures, at most max; base itself may be above max and is then the answer. */
int64_t pace_backoff(int64_t base_ms, int failures, int64_t max_ms);

uint32_t pace_random(void); /* from the kernel */
