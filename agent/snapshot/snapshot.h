/*
 * snapshot - copies of one directory tree, and putting one back: the table of drivers. Knows paths
 * only; which volumes a project has, who must stop first and what is recorded is flow's part.
 * Every call may be killed at any instruction: what it made is below `place` (or the sibling that
 * tree_sibling() names) and goes with snapshot_drop(); `path` holds the old or the new tree, whole.
 * Sources: reference measurements in docs/manual.md#snapshots; each driver says its own.
 * Depends on: common, model.
 * To add a driver: a file with its struct snapshot_driver, a line in drivers.c.
 */
#pragma once

#include "agent/model/config.h"
#include "common/err.h"
#include "common/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What was found out about one directory: which driver, where copies go, what it will cost. */
struct tree_choice {
	const struct snapshot_driver *driver; /* NULL: cannot be snapshotted, `why` says it */
	char *why;                            /* why this driver, or why none; one line */
	char *path;                           /* resolved, absolute */
	char *store;   /* directory for copies, on path's own file system; made on first use */
	bool consume;  /* a copy can be exchanged into place itself: same mount and subvolume */
	bool convert;  /* tree_take() makes path a subvolume first; its writers are stopped then */
	char *command; /* of the command driver: absolute path */
	int64_t bytes; /* a copy will take about so much; -1: unknown */
	int64_t files; /* -1: not counted */
	int64_t cost_ms;                 /* it will take about so long */
	int64_t free_bytes, total_bytes; /* of the file system */
};
void tree_choice_done(struct tree_choice *c);
#define auto_tree_choice AUTO(tree_choice_done)

struct tree_where {
	const char *state_dir;   /* first choice of the store: <state_dir>/snapshots */
	const char *engine_root; /* second: <engine's root>/.mdc-agent/<name of this state dir> */
	const char *store_dir;   /* from agent.yaml, or NULL: used instead of both */
	const char *driver;  /* wanted by the settings: a driver's name, or NULL: by what it can */
	bool subvolumes;     /* opt-in: on btrfs make the directory a subvolume first */
	const char *command; /* of the command driver: absolute path, or NULL */
};

/*
 * Look at path (a directory) and choose. Changes nothing but a probe file in the store's parent
 * that is removed again. count: also walk it for bytes and files (bounded; for `plan`). 0 also when
 * nothing can snapshot it: then driver is NULL. ERR_RETRY for I/O errors.
 */
int tree_choose(const char *path, const struct tree_where *w, bool count, struct tree_choice *out,
		struct err *e);

/* May it be taken while writers are paused or (atomic) alive, or must they be stopped? */
bool driver_is_atomic(const struct snapshot_driver *d);
const char *driver_name(const struct snapshot_driver *d);
const struct snapshot_driver *driver_find(const char *name); /* NULL: no such driver */

struct tree_progress {
	void (*show)(int64_t files, int64_t bytes, void *arg); /* now and then; may be NULL */
	bool (*stop)(void *arg);                               /* asked now and then; may be NULL */
	void *arg;
};

/* Is path the place where something is mounted (*root), and what is mounted below it (*below, or
 * NULL; the caller frees)? */
int mounts_look(const char *path, bool *root, char **below, struct err *e);

/* Flush the file systems of these paths, before writers are held up: shortens the hold. */
int tree_presync(const struct strv *paths, struct err *e);

/*
 * Copy the tree to place (absolute, must not exist; its parent directory is made). Durable when it
 * returns. *identity (caller frees) names the copy. ERR_RETRY with errnum ENOSPC when the disk is
 * full; whatever failed, nothing is left at place.
 */
int tree_take(const struct tree_choice *c, const char *place, const struct tree_progress *p,
	      char **identity, int64_t *bytes, struct err *e);

/*
 * Restore, first half: make the tree that will be swapped in, beside path, from the copy at place
 * (consume: the copy itself is what will be swapped in and nothing is built). Nothing at path is
 * touched. A left-over of an earlier try is removed first. *built is where it lies, *identity its
 * identity; the caller frees and records both before the second half. Durable when it returns.
 */
int tree_build(const struct tree_choice *c, const char *place, bool consume, char **built,
	       char **identity, struct err *e);

/*
 * Restore, second half: exchange path and built, unless path already has that identity (a restart).
 * Afterwards built holds what was at path. Durable when it returns. Needs no space.
 */
int tree_swap(const struct tree_choice *c, const char *built, const char *identity, struct err *e);

/* Give what lies at `from` (same file system, for example built after a swap) its place in a store.
 */
int tree_set_aside(const struct snapshot_driver *d, const char *from, const char *place,
		   struct err *e);

/* Where tree_build() puts what it makes: beside path, so that it can be exchanged. Caller frees. */
char *tree_sibling(const char *path);

/* The identity of what lies at path now; the caller frees. */
int tree_identity(const struct snapshot_driver *d, const char *path, char **out, struct err *e);

/* Remove a copy, or what is left of one. 0 also when it is not there. */
int snapshot_drop(const struct snapshot_driver *d, const char *place, struct err *e);

/* What was dropped on the file system of path (a directory) counts as free room afterwards, unless
 * that takes longer than 30 seconds. At once where nothing is pending. */
void snapshot_settle(const char *path);

/* Remove everything below store that is not in `places` (absolute paths of copies that have a
 * record, each <store>/<snapshot>/<copy>): what a crash left. Only what has a snapshot's name is
 * looked at. *dropped (may be NULL) counts. */
int snapshot_sweep(const char *store, const struct strv *places, size_t *dropped, struct err *e);
