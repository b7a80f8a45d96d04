/*
 * outbox - outbox/<receiver>.json: how far each receiver of reports has got in the history. The
 * history itself is the queue, so an event costs nothing more for having receivers.
 * Depends on: store.
 */
#pragma once

#include "agent/store/store.h"

struct cursor {
	int64_t acked;                   /* seq of the last event that is done with */
	int64_t skip_to;                 /* informational events up to this seq are given up */
	int failures;                    /* in a row */
	int64_t first_failure, next_try; /* wall clock, seconds; 0: none */
	char *last_error;                /* or NULL */
	int64_t dropped;                 /* events given up since it last took one */
	bool told, told_dropped;         /* that it is undeliverable; that events were dropped */
	char *last; /* forge: what was said last, so that it is not said again */
};

#define OUTBOX_FORGE "forge" /* the forge's name among the receivers */

/*
 * Give each receiver of the config that has none a cursor at the end of the history: it gets what
 * happens from now on. store_open() does it before the first event of a run.
 */
int outbox_open(const struct store *s, const struct config *c, struct err *e);
/* *found false: none, or a damaged one; out is then at the end of the history. */
int outbox_read(const struct store *s, const char *receiver, struct cursor *out, bool *found,
		struct err *e);
int outbox_write(const struct store *s, const char *receiver, const struct cursor *c,
		 struct err *e);
int outbox_tidy(const struct store *s, const struct config *c,
		struct err *e); /* forget receivers that the config no longer has */
/* When somebody should deliver: 0 nothing waits, else the wall clock (in the past: now). Cheap. */
int outbox_due(const struct store *s, const struct config *c, int64_t *at, struct err *e);
void cursor_done(struct cursor *c);
#define auto_cursor AUTO(cursor_done)
