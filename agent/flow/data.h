/*
 * data - what a person may ask about copies of volumes: list, prune, take one, put one back, copy
 * one out, and what a restore would cost. Verbs include this.
 * Depends on: flow.h, retention.
 */
#pragma once

#include "agent/flow/flow.h"
#include "agent/model/retention.h"

struct snapshots_view {
	struct snapshot *v; /* oldest first */
	struct retention_verdict *verdicts;
	size_t n;
};
void snapshots_view_done(struct snapshots_view *l);
#define auto_snapshots_view AUTO(snapshots_view_done)
/* Every snapshot and why it is kept. No lock; changes nothing. */
int flow_snapshots(const struct config *c, struct snapshots_view *out, struct err *e);

struct prune_report {
	size_t snapshots, generations;
	int64_t bytes;
};
/* Remove what retention does not keep, now. Under the lock. */
int flow_prune(const struct config *c, int lock_wait_ms, struct prune_report *r, struct err *e);
/* Remove this one whatever retention says; ERR_USAGE if it is needed or open, unless `force` (then
 * only an open one is refused). */
int flow_discard(const struct config *c, int lock_wait_ms, const char *id, bool force,
		 struct err *e);

struct data_options {
	const char *project;     /* snapshot */
	const char *snapshot;    /* restore: its id */
	const struct strv *only; /* restore: these volumes; empty: all of it */
	int lock_wait_ms;
	const struct progress *progress; /* or NULL */
};
/* Copy a project's volumes now; *out is the record. Under the lock. */
int flow_snapshot(const struct config *c, const struct data_options *o, struct snapshot *out,
		  struct err *e);
/* Put a snapshot back in place; *aside is the record of what was there. Under the lock. */
int flow_restore(const struct config *c, const struct data_options *o, struct snapshot *aside,
		 struct err *e);

/* Copy a snapshot's trees below dir, one directory a volume, for a look. done: what was copied, a
 * line each. */
int flow_copy_out(const struct config *c, const struct data_options *o, const char *dir,
		  struct strv *done, struct err *e);

/* What putting data back would mean for one volume. */
struct loss {
	char *project, *volume; /* as Compose knows it, or the path */
	char *name;             /* as the engine knows it */
	char *snapshot;         /* its id; NULL: it stays as it is, `why_not` says why */
	int64_t made;           /* wall clock of the copy: writes since then are discarded */
	char *why_not;
};
struct losses {
	struct loss *v;
	size_t n;
};
void losses_done(struct losses *l);
#define auto_losses AUTO(losses_done)
struct loss_question {
	const char *snapshot;    /* of restore, or NULL: a rollback ... */
	int64_t target;          /* ... to this generation */
	const char *project;     /* rollback: only this one, or NULL */
	const struct strv *only; /* these volumes; empty: all */
};
/* Asks the engine; no lock, changes nothing. ERR_USAGE when a name in `only` fits nothing. */
int flow_losses(const struct config *c, const struct loss_question *q, struct losses *out,
		struct err *e);

/* The record with this id, or the only one whose id begins so; ERR_USAGE otherwise. */
int snapshot_pick(const struct store *s, const char *id, struct snapshot *out, struct err *e);
