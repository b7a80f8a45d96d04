/*
 * event - the list of things worth telling: name, severity, MESSAGE_ID. docs/events.md and the
 * catalog come from it. Depends on: common. Never reuse or change an id: people write alerts on it.
 */
#pragma once

#include <stdint.h>

struct event_kind {
	const char *name;    /* "project.deployed" */
	int priority;        /* syslog */
	const char *id;      /* MESSAGE_ID, 32 hex digits */
	const char *meaning; /* one sentence */
	const char *advice;  /* what to do; "Nothing." is an answer */
};

enum event {
	EVENT_AGENT_STARTED,
	EVENT_AGENT_STOPPED,
	EVENT_RECOVERED,
	EVENT_SOURCE_UNREACHABLE,
	EVENT_SOURCE_REACHABLE,
	EVENT_SOURCE_REJECTED,
	EVENT_SOURCE_FORCED,
	EVENT_SYNC_FINISHED,
	EVENT_PROJECT_DEPLOYED,
	EVENT_PROJECT_FAILED,
	EVENT_PROJECT_ROLLED_BACK,
	EVENT_PROJECT_HELD,
	EVENT_PROJECT_REMOVED,
	EVENT_PROJECT_DEGRADED,
	EVENT_DRIFT_FOUND,
	EVENT_DRIFT_REPAIRED,
	EVENT_HOLD_SET,
	EVENT_HOLD_LIFTED,
	EVENT_COUNT,
};

const struct event_kind *event_kind(enum event e);

/* What a report carries; NULL or 0 members are left out. All borrowed. */
struct event_fields {
	const char *project, *commit, *reason, *previous;
	int64_t generation, duration_ms;
};
