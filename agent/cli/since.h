/*
 * since - points in time as people write them on a command line.
 * Depends on: common.
 */
#pragma once

#include "common/err.h"

#include <stdint.h>

/*
 * "2h", "3d" (before now), "2026-11-19", "2026-11-19 03:12", "2026-11-19 03:12:45" (local time; a T
 * between date and time is fine), "today", "yesterday" to wall clock seconds. ERR_USAGE.
 */
int since_parse(const char *text, int64_t now, int64_t *wall, struct err *e);
