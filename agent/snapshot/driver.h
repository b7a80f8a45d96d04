/*
 * driver - what the files of agent/snapshot share: the form of a driver, and the acts on one tree
 * that several of them need. Nobody else includes this.
 * Depends on: snapshot.h.
 */
#pragma once

#include "agent/snapshot/snapshot.h"

#include <sys/types.h>

/* A copy that is no tree of ours but a name that somebody else keeps (ZFS, the host's program). It
 * lies at `place` as a record; no copied tree can be taken for one, because those are directories.
 */
struct note {
	char *driver;
	char *program; /* command: what to call */
	char *path;    /* what was copied: a directory; zfs: the data set too, in `set` */
	char *set;
	char *name;    /* the copy's name for its keeper */
	char *restore; /* before and after a swap: the name of the copy to go back to, else NULL */
	bool done;     /* the swap is over: `name` is now what was at path */
};
void note_done(struct note *n);
#define auto_note AUTO(note_done)
int note_write(const char *place, const struct note *n, struct err *e);
char *note_name(const char *place); /* for its keeper; the caller frees */
char *note_left(const char *name);  /* a new name for what a restore of `name` takes away */
int note_read(const char *place, struct note *out, struct err *e); /* ERR_BROKEN if there is none */

struct snapshot_driver {
	const char *name;
	bool atomic;
	/* Copy c->path to place, durably; what a failure leaves, the caller removes. *bytes: taken.
	 */
	int (*take)(const struct tree_choice *c, const char *place, const struct tree_progress *p,
		    int64_t *bytes, struct err *e);
	/* The rest is NULL for drivers whose copies are directories: drivers.c does it for all. */
	int (*swap)(struct note *n, struct err *e); /* repeatable: it may have been killed */
	int (*drop)(const struct note *n, struct err *e);
};

extern const struct snapshot_driver driver_btrfs, driver_reflink, driver_copy, driver_zfs,
	driver_command;

/* ---- trees, whoever made them ---- */

struct copy_job {
	const char *from, *to;                /* directories; to is made, unless `into` */
	bool into;                            /* to is there and empty */
	bool reflink;                         /* share the data where the file system can */
	const struct tree_progress *progress; /* may be NULL */
};
/* Copy a tree with all its metadata, without leaving its file system. Durable when it returns (one
 * syncfs). *bytes (may be NULL) is what was copied and not shared. */
int copy_tree(const struct copy_job *j, int64_t *bytes, struct err *e);

/* Remove a tree of any depth: follows no link, leaves no file system except into subvolumes of
 * btrfs, which it deletes. May be killed and called again. A missing tree is success. */
int remove_tree(const char *path, struct err *e);

/* A directory's identity: it goes with it when it is renamed and is nobody else's. */
int identity_of(const char *path, char **out, struct err *e);

/* Exchange a and path so that afterwards path has `identity`; nothing to do if it has. Durable. */
int exchange(const char *a, const char *path, const char *identity, struct err *e);

/* renameat2(); the directories keep their times. errno is set on failure. */
int rename_keeping_times(const char *from, const char *to, unsigned flags);

/* 1: yes; 0: no; -1: that cannot be said (ERR_RETRY): never the same as no. */
int subvolume_is(const char *path, struct err *e);                    /* nothing there: no */
int subvolume_same_disk(const char *a, const char *b, struct err *e); /* one btrfs for both */
int subvolume_snapshot(const char *path, const char *place, bool read_only, struct err *e);
int subvolume_delete(const char *path, struct err *e);
int subvolume_writable(const char *path, struct err *e);
int subvolume_identity(const char *path, char **out, struct err *e);
int subvolume_convert(const char *path, const struct tree_progress *p, struct err *e);
/* *out: the first subvolume below the directory path, relative to it; NULL: there is none. */
int subvolume_below(const char *path, char **out, struct err *e);
/* Does the file system of path still clean up subvolumes that were deleted? Has it go on at once.
 */
bool subvolume_pending(const char *path);

/* ---- what choose.c asks ----
 * A question without an answer is an error, so that it is asked again before anything is touched: a
 * volume taken for one that cannot be copied would lose its way back. */

/* c->store: the directory for copies of c->path, or NULL: none is known. */
int store_find(struct tree_choice *c, const struct tree_where *w, struct err *e);
/* The same where only the names of copies are kept: any file system will do. */
void store_any(struct tree_choice *c, const struct tree_where *w);
/* Do files there share their blocks (FICLONE)? Tried with files that have no name. 1, 0, or -1. */
int store_shares(const char *store, struct err *e);
/* c->consume: can a copy in the store be renamed to where path is? */
int store_consume(struct tree_choice *c, struct err *e);
/* *out: the name of the ZFS data set that is mounted at path, or NULL. The caller frees. */
int zfs_set_of(const char *path, char **out, struct err *e);
struct tree_size {
	int64_t files, bytes;
	char *elsewhere; /* a directory in it that is on another file system; or NULL */
};
/* Count the tree; stops after about two seconds and then says what it would come to. */
int estimate(const char *path, struct tree_size *out, struct err *e);
