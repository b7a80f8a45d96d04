/*
 * snap - copies of a project's volumes: which it has, holding its writers, taking, putting back.
 * Everything a restart needs stands in the trial's intent (struct snap_state). The sequences and
 * why they are as they are: docs/architecture.md. Depends on: sync.h, snapshot.
 */
#pragma once

#include "agent/flow/sync.h"
#include "agent/model/snapshot.h"
#include "agent/snapshot/snapshot.h"

struct bench;

/* ---- which volumes a project has (volumes.c) ---- */
enum volume_kind { VOLUME_NAMED, VOLUME_ANONYMOUS, VOLUME_BIND };

struct project_volume {
	char *name;  /* the engine's name; of a bind its path */
	char *mount; /* as Compose knows it ("data"); NULL: anonymous, or a bind */
	enum volume_kind kind;
	char *path;    /* where the data lies; NULL while absent */
	bool absent;   /* the model names it and the engine has none yet */
	char *why_not; /* cannot or is not to be copied, in words for a person; NULL: it can */
	bool unwanted; /* ... because the settings leave it out (why_not says so) */
	enum restore restore;    /* what the settings say about this one */
	struct strv services;    /* of this project that mount it to write */
	struct strv shared_with; /* others that do: "container x of project y" */
	struct strv shared_ids;  /* ... the ids of those that run now */
	struct tree_choice tree; /* filled unless why_not or absent */
};
struct project_volumes {
	struct project_volume *v; /* sorted by name */
	size_t n;
	struct uses uses; /* the project's containers, as looked at */
};
void project_volumes_done(struct project_volumes *l);
#define auto_project_volumes AUTO(project_volumes_done)

struct volumes_query {
	const char *project;
	const char *compose;             /* what Compose knows it by */
	const struct settings *settings; /* finished ones */
	const cJSON *model;              /* what is to run, or NULL */
	const cJSON *old_model;          /* what runs, or NULL */
	bool count;                      /* also bytes and files: for `plan` */
};
/*
 * By the containers' mounts, the models' names and the volumes that carry the project's label. A
 * project without any costs one request to the engine. Changes nothing.
 */
int volumes_of(struct sync *s, const struct volumes_query *q, struct project_volumes *out,
	       struct err *e);
/* How this container mounts it, to write if it does so anywhere; NULL: it does not. Borrowed. */
const struct mount *volume_mount(const struct user *c, const struct project_volume *v);
bool user_runs(const struct user *c); /* or is paused, or about to be restarted */
/* Bytes that must be free on its file system before this one is copied. */
int64_t volume_need_bytes(const struct sync *s, const struct project_volume *v);
/* data_notes.c: what a plan says about the data: drivers, costs, what cannot be put back. */
int data_notes(struct sync *s, const struct volumes_query *q, struct strv *notes, struct err *e);
/* What tree_choose() is to know of this host; root: of the engine, or NULL. Borrowed strings. */
struct tree_where snap_where(const struct sync *s, const char *root, const char *driver);
/* "/var/lib/docker" from ".../volumes/NAME/_data"; NULL if it does not look so. The caller frees.
 */
char *engine_root_of(const char *path, const char *name);

/* ---- what an open trial knows of its copies: part of the intent (snap_state.c) ---- */
struct hold { /* a container that we stopped or paused */
	char *id, *name, *service;
	char *policy; /* its restart policy, where we set it to "no"; else NULL */
	bool paused;
	bool leave; /* `up` replaces it: not started again once the copies are made */
};
struct exchange { /* one volume on its way back */
	char *name, *mount, *path, *driver;
	char *from;             /* the copy's place */
	char *built, *identity; /* what is swapped in */
	char *aside;            /* where what was there goes; NULL: it is dropped */
	bool consume;
};
#define RESTORE_BEGUN "begin" /* containers go, trees are built */
#define RESTORE_BUILT "built" /* trees and identities are known: swapping */
#define RESTORE_DONE  "done"  /* the data is in place, what was there is set aside */

struct snap_state {
	struct snapshot snapshot; /* id NULL: none; made 0: planned only */
	struct strv auto_restore; /* names of its volumes that an undo puts back */
	struct strv left;         /* ... that it does not, with the reason, a line each */
	struct strv
		dropped; /* what the failed version wrote there was not kept: its disk is full */
	struct hold *holds;
	size_t n_holds;
	char *stage;    /* RESTORE_*, or NULL: no restore was begun */
	bool undoing;   /* the restore under way is the undo's */
	bool by_hand;   /* the restore was asked for by a verb: it is finished, never undone */
	char *aside_id; /* id of the record of what is set aside */
	struct exchange *exchanges;
	size_t n_exchanges;
	char *from_id; /* a restore forward: the record it comes from */
};
void snap_state_done(struct snap_state *s);
void snap_holds_done(struct snap_state *s);
void snap_exchanges_done(struct snap_state *s); /* and the stage: as if none was begun */
void snap_drop_exchange(struct snap_state *s, size_t i);
void snap_stage(struct snap_state *s, const char *stage);
void snap_state_to_json(const struct snap_state *s, cJSON *intent);   /* nothing if nothing */
void snap_state_from_json(const cJSON *intent, struct snap_state *s); /* overwritten, not freed */

/* ---- for the verbs; each takes its own intent and leaves none, whatever happens ---- */
/*
 * Take a copy by hand (kind MANUAL) of every volume that can be: the bench is open, its trial has
 * `old` filled (action PLAN_CHANGE) and stands in an open sync.json. Hooks and quiesce as in a
 * trial; everything runs again afterwards.
 */
int snap_by_hand(struct bench *b, struct snapshot *out, struct err *e);
/*
 * Put `from` back by hand (only: names or mounts, NULL or empty: all of it): containers that use
 * them are stopped and removed, data exchanged, what was there kept as record *aside (kind MANUAL),
 * the model brought up again and judged. The copy in `from` stays.
 */
int restore_by_hand(struct bench *b, const struct snapshot *from, const struct strv *only,
		    struct snapshot *aside, struct err *e);
/* The record whose data belonged to this content when it was left; *found false: none is kept.
 * For `rollback --restore-volumes`. */
int snap_of_target(struct sync *s, const struct active *target, int64_t number,
		   struct snapshot *out, bool *found, struct err *e);

/* ---- offered by the retention (retention of snapshots) ---- */
/*
 * Make room on the file system of `store`: prune what may be pruned, oldest first, until need bytes
 * are free or nothing is left to prune. 0 also when it was not enough: the caller looks again.
 */
int snap_make_room(struct sync *s, const char *store, int64_t need_bytes, struct err *e);
/* Remove a record and its copies. */
int snap_discard(struct sync *s, const struct snapshot *x, struct err *e);
