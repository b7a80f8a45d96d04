/*
 * event - the list of things worth telling: name, severity, MESSAGE_ID. docs/events.md, the
 * journal's catalog and the JSON schema come from it. Depends on: common. Never reuse or change an
 * id: people write alerts on it.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
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
	EVENT_SYNC_STARTED,
	EVENT_SYNC_FINISHED,
	EVENT_PROJECT_DEPLOYED,
	EVENT_PROJECT_UNCHANGED,
	EVENT_PROJECT_FAILED,
	EVENT_PROJECT_ROLLED_BACK,
	EVENT_PROJECT_HELD,
	EVENT_PROJECT_REMOVED,
	EVENT_PROJECT_DEGRADED,
	EVENT_DRIFT_FOUND,
	EVENT_DRIFT_REPAIRED,
	EVENT_SNAPSHOT_MADE,
	EVENT_SNAPSHOT_FAILED,
	EVENT_SNAPSHOT_RESTORED,
	EVENT_SNAPSHOT_PRUNED,
	EVENT_HOLD_SET,
	EVENT_HOLD_LIFTED,
	EVENT_DISK_SHORT,
	EVENT_DISK_ENOUGH,
	EVENT_WEBHOOK_UNDELIVERABLE,
	EVENT_WEBHOOK_DELIVERABLE,
	EVENT_WEBHOOK_DROPPED,
	EVENT_COUNT,
};

const struct event_kind *event_kind(enum event e);

/*
 * What a report carries; NULL or 0 members are left out. All borrowed.
 * details goes to the history and the webhooks, not to the journal:
 *   {"changes": ["image web: app:1 -> app:2", ...], "steps": [{"step": "pull", "ms": 812}, ...],
 *    "evidence": ["service web: healthy", ...], "log": ["last line", ...]}, members as they apply.
 */
struct event_fields {
	const char *project, *commit, *reason, *previous;
	const char *subject, *author; /* of the commit */
	const char *receiver;         /* of webhook.*: its name */
	const char *volume, *snapshot;
	int64_t generation, duration_ms, bytes;
	const cJSON *details;
};
