/*
 * fault - named points at which a test can kill the process or make a call fail:
 * MDC_FAULT=name:kill, or name:28 for ENOSPC, in the environment. In a release build every point is
 * a constant 0. To add one: a line in fault.def, and fault_hit(FAULT_name, e) where it belongs.
 * Depends on: err.
 */
#pragma once

#include "common/err.h"

enum fault_point {
#define FAULT_POINT(name) FAULT_##name,
#include "common/fault.def"
#undef FAULT_POINT
	FAULT_COUNT
};

#ifdef MDC_FAULTS
/*
 * 0 normally; -1 with e when MDC_FAULT names this point with an errno. "kill" ends the whole agent
 * (a worker's point kills the program that started it), "crash" only the process that passes the
 * point.
 */
int fault_hit(enum fault_point p, struct err *e);
const char *fault_name(enum fault_point p);
#else
static inline int fault_hit(enum fault_point p, struct err *e)
{
	(void)p;
	(void)e;
	return 0;
}
#endif
