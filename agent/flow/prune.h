/*
 * prune - retention of snapshots against what is on disk. The choice itself is model/retention.
 * Depends on: sync.h, retention, snapshot.
 */
#pragma once

#include "agent/flow/snap.h"
#include "agent/model/retention.h"

/* Everything the choice is made from, and what came out. */
struct keeping {
	struct snapshot *v; /* every record, oldest first */
	size_t n;
	struct retention_verdict *verdicts; /* n */
	struct generation *g;               /* kept ones, ascending */
	size_t n_g;
	bool *retire; /* n_g */
	int64_t current;
	struct strv open; /* ids that open trials name */
	struct retention_use *uses;
	size_t n_uses;
	struct retention_disk *disks;
	unsigned long long *devices; /* n_disks */
	size_t n_disks;
};
/* may_retire: generations may give way where the share of a disk leaves nothing else. */
int keeping_load(const struct store *s, const struct config *c, bool may_retire,
		 struct keeping *out, struct err *e);
void keeping_done(struct keeping *k);
#define auto_keeping AUTO(keeping_done)

/*
 * Nobody removes snapshots meanwhile. Trials run side by side and each may need room, and a person
 * may be copying one out.
 */
int snap_lock(const struct store *s, int wait_ms, int *fd, struct err *e);

struct prune_count {
	size_t snapshots, generations;
	int64_t bytes;
};
/* Remove what retention does not keep, and tell. Generations only under the sync's lock: retire. */
int snap_prune(struct sync *s, bool retire, struct prune_count *count, struct err *e);
/* gc: what lies in our stores and has no record. Nothing while any trial is open. */
int snap_sweep(struct sync *s, size_t *dropped, struct err *e);
/* cleanup.c: remove these generations (a list of numbers) and let go of their objects. */
int cleanup_generations(struct sync *s, cJSON *numbers, struct err *e);
