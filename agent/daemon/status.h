/*
 * status - what the daemon says of itself: one line for `systemctl status`, one JSON line on the
 * control socket. Pure.
 * Depends on: common.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct status_view {
	bool stopping, degraded;
	const char *doing;    /* "sync", "drift check", "gc" while one runs; else NULL */
	bool has_source;      /* false: only projects of agent.yaml */
	int64_t generation;   /* 0: none yet */
	int64_t seen;         /* wall clock of the source's last answer; 0: never */
	int64_t next_poll_ms; /* from now; -1: none is due */
	int failures;         /* polls in a row that failed */
	const char *error;    /* the last one that is not over, printable; or NULL */
};

char *status_text(const struct status_view *v); /* the caller frees */
char *status_json(const struct status_view *v); /* one line without newline; the caller frees */
