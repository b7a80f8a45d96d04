/*
 * fault - the switch behind fault_hit(). MDC_FAULT=name:kill (the agent), name:crash (only the
 * process that passes the point), name:28, and with a third part name:kill:3 for the third time the
 * point is passed, name:28:* for each time. Depends on: err.
 */
#include "common/fault.h"

#ifdef MDC_FAULTS
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static const char *const names[] = {
#define FAULT_POINT(name) #name,
#include "common/fault.def"
#undef FAULT_POINT
};

/* The program that was started: a point in one of its workers kills the agent as a whole. */
static pid_t program;

__attribute__((constructor)) static void remember_program(void)
{
	program = getpid();
}

/* How often each point was passed in this process. */
static unsigned long passed[FAULT_COUNT];

const char *fault_name(enum fault_point p)
{
	return (unsigned)p < FAULT_COUNT ? names[p] : "unknown";
}

int fault_hit(enum fault_point p, struct err *e)
{
	const char *spec = getenv("MDC_FAULT");
	const char *name = fault_name(p);
	size_t len = strlen(name);
	char *end = NULL;

	if (!spec || strncmp(spec, name, len) != 0 || spec[len] != ':')
		return 0;
	const char *how = spec + len + 1;
	const char *count = strchr(how, ':');
	unsigned long at = count ? strtoul(count + 1, NULL, 10) : 1; /* ":*": each time */
	if (++passed[p] != at && (!count || count[1] != '*'))
		return 0;
	if (strncmp(how, "kill", 4) == 0)
		(void)kill(program, SIGKILL);
	if (strncmp(how, "kill", 4) == 0 || strncmp(how, "crash", 5) == 0)
		(void)kill(getpid(), SIGKILL);
	long number = strtol(how, &end, 10);
	if (end == how || number <= 0)
		return 0;
	return err_set(e, ERR_RETRY, (int)number, "fault point %s", name);
}
#endif
