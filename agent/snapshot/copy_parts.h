/*
 * copy_parts - between the files of the tree copier (copy_tree.c, copy_file.c, copy_meta.c,
 * copy_links.c, copy_flush.c). Nobody else includes this. Depends on: driver.h.
 */
#pragma once

#include "agent/snapshot/driver.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

enum { COPY_BUFFER = 256 * 1024, COPY_XATTR_MAX = 64 * 1024, COPY_DEPTH_MAX = 4096 };

/* A directory that is being copied. It stays open until its own entries are done and each of its
 * subdirectories has been opened, and in memory until nobody below needs its name. */
struct node {
	struct node *up;
	char *name;
	int from, to; /* -1 while not open */
	int depth;
	struct stat st;
	atomic_int openers; /* itself until it is finished, and subdirectories not opened yet */
	atomic_int refs;
};

struct link {
	ino_t ino; /* 0: free */
	struct node *node;
	char *name;
};

/* The first name of each file that has several. */
struct links {
	pthread_mutex_t lock;
	struct link *v;
	size_t cap, n;
};

struct listing; /* what a directory holds: copy_dir.c */

/* A piece of work: a directory, or a slice of one. */
struct part {
	struct part *next;
	struct node *node;
	struct listing *listing; /* NULL: the directory was not looked at yet */
	size_t begin, end;
};

/* What is copied and is to go to the disk; nothing where begin is end. */
struct flush {
	int fd; /* borrowed from who copies */
	off_t begin, end;
	bool busy; /* somebody is at it, and comes back for more */
};

struct copy {
	const struct copy_job *job;
	int root; /* of the copy */
	dev_t dev;
	uid_t uid; /* what new files belong to */
	gid_t gid;
	bool btrfs;          /* files have flags that matter */
	bool in_kernel;      /* copy_file_range() copies here, and does not share */
	atomic_bool reflink; /* it works here, as far as we know */
	atomic_bool over;    /* failed or stopped: everybody ends */
	atomic_llong files, seen_bytes, bytes;
	struct links links;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t more;
	struct part *todo;
	size_t open_parts; /* waiting or in work */
	size_t idle;       /* threads that wait for more */
	struct flush flush;
	struct err *e;
};

/* One thread's own. */
struct hand {
	struct copy *c;
	bool first; /* the caller's thread: reports and asks whether to stop */
	char *buffer;
	struct err e;
};

/* Set h's error with the entry's path below the root of the source; name may be NULL. -1. */
int copy_failed(struct hand *h, const struct node *n, const char *name, int why, const char *doing);
/* False when the copy is to end. Reports progress. */
bool copy_goes_on(struct hand *h);

/* A regular file whose source is open. Closes nothing. */
struct file {
	const char *name;
	int from;
	struct stat st;
};
int copy_file(struct hand *h, struct node *n, const struct file *f);
/* Anything that is neither a regular file nor a directory. */
int copy_special(struct hand *h, struct node *n, const char *name, const struct stat *st);

/* Owner, mode, xattrs and times of an open file or directory; `made` is the mode it has. */
int copy_meta(struct hand *h, const struct node *n, const char *name, const int fd[2],
	      const struct stat *st);
int copy_special_meta(struct hand *h, const struct node *n, const char *name,
		      const struct stat *st);
/* Make the flags of `to` that say how data is stored those of `from`. True if it changed any. */
bool copy_flags(int from, int to);

/*
 * A file with several names: make it (with `make`) under its first name, link the others. Returns 1
 * when it was linked and nothing is left to do, 0 when it was made, -1 on error.
 */
int links_make(struct hand *h, struct node *n, const char *name, const struct stat *st,
	       int (*make)(struct hand *h, struct node *n, const char *name, const struct stat *st,
			   void *arg),
	       void *arg);
void links_done(struct links *l);

/* copy_flush.c: let what was copied go to the disk, by another thread if one has time. */
void flush_range(struct hand *h, int fd, off_t begin, off_t end);
void flush_forget(struct hand *h, int fd); /* before it is closed */
/* Called with the lock, and lets go of it. False: there is nothing to do. */
bool flush_some(struct copy *c);

struct node *node_new(struct node *up, const char *name);
void node_close(struct node *n); /* one opener less */
void node_drop(struct node *n);  /* one that needs it less */

struct part *part_new(struct node *n); /* takes a reference over */
void part_push(struct copy *c, struct part *p);
int part_run(struct hand *h, struct part *p);
void part_free(struct part *p);
