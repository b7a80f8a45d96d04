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
	unsigned int fields; /* EVENT_HAS_*: those it may carry, beside host and message */
	bool may_wait; /* need not be durable before the next event that must: its loss in a power
			  cut hides nothing */
};

enum {
	EVENT_HAS_PROJECT = 1 << 0,
	EVENT_HAS_GENERATION = 1 << 1,
	EVENT_HAS_COMMIT = 1 << 2, /* with subject and author, where they are known */
	EVENT_HAS_PREVIOUS = 1 << 3,
	EVENT_HAS_REASON = 1 << 4,
	EVENT_HAS_DURATION = 1 << 5,
	EVENT_HAS_RECEIVER = 1 << 6,
	EVENT_HAS_VOLUME = 1 << 7,
	EVENT_HAS_SNAPSHOT = 1 << 8,
	EVENT_HAS_BYTES = 1 << 9,
	EVENT_HAS_DETAILS = 1 << 10,
	EVENT_HAS_PATH = 1 << 11,
};

enum event {
	EVENT_AGENT_STARTED,
	EVENT_AGENT_STOPPED,
	EVENT_RECOVERED,
	EVENT_SAFE_MODE,
	EVENT_SOURCE_UNREACHABLE,
	EVENT_SOURCE_REACHABLE,
	EVENT_SOURCE_REJECTED,
	EVENT_SOURCE_FORCED,
	EVENT_SOURCE_ACCEPTED,
	EVENT_SOURCE_STALE,
	EVENT_SOURCE_MOVES,
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
 *   {"changes": ["service web: image app:1 → app:2", ...], "steps": [{"step": "pull", "ms": 812},
 * ...], "evidence": ["service web: healthy", ...], "log": ["last line", ...]}, members as they
 * apply: see event_detail_rows().
 */
struct event_fields {
	const char *project, *commit, *reason, *previous;
	const char *subject, *author; /* of the commit */
	const char *receiver;         /* of webhook.*: its name */
	const char *volume, *snapshot;
	const char *path; /* of disk.*: a directory on the file system */
	const char *host; /* filled in by those who report */
	int64_t generation, duration_ms, bytes;
	const cJSON *details;
};

/* One member of struct event_fields: where it goes, and how much of it. */
struct event_field {
	const char *name;    /* in JSON */
	const char *journal; /* "MDC_PROJECT" */
	const char *meaning; /* for docs and schema */
	size_t offset;       /* in struct event_fields */
	size_t max_bytes;    /* text; 0: a number, left out when it is 0 */
	unsigned int has;    /* EVENT_HAS_*; 0: every event */
	bool lines;          /* text that keeps its line breaks in JSON */
};
const struct event_field *event_field_rows(size_t *n);
const char *event_field_text(const struct event_field *row,
			     const struct event_fields *f); /* NULL: none, or a number */
int64_t event_field_number(const struct event_field *row, const struct event_fields *f);

/* The lists that `details` may have. */
struct event_detail {
	const char *name, *meaning;
	size_t max_bytes; /* of its items as JSON */
	bool objects;     /* else text */
	bool newest;      /* the last ones matter: what is too long goes at the front */
};
const struct event_detail *event_detail_rows(size_t *n);

/* ---- event_json.c: one form, for history.jsonl, the webhooks and `events --json` ---- */
enum { EVENT_ID_SIZE = 33, EVENT_LINE_MAX_BYTES = 64 * 1024 };
struct event_stamp {
	int64_t seq, time_ms;   /* wall clock */
	char id[EVENT_ID_SIZE]; /* 32 hex digits */
};
/*
 * {"id", "seq", "time", "time_ms", "event", "severity", "host", "message", ...}: docs/events.md and
 * `mdc-agent help --schema` list the members. Text is valid UTF-8 without control characters (but
 * line breaks in reason and log lines), cut to its member's size. As text it has at most
 * EVENT_LINE_MAX_BYTES: of details what is too long goes. The caller frees.
 */
cJSON *event_to_json(enum event ev, const struct event_fields *f, const char *message,
		     const struct event_stamp *at);
const char *event_severity(enum event ev); /* "error", "warning", "notice", "info", ... */
