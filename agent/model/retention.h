/*
 * retention - which snapshots stay and why: a pure choice, so that it can be tested by tables.
 * What a kept generation would go back to is never dropped; where the share of a disk leaves no
 * other way, the oldest generations are retired first. Depends on: config, generation, snapshot.
 */
#pragma once

#include "agent/model/config.h"
#include "agent/model/generation.h"
#include "agent/model/snapshot.h"

enum retention_why {
	KEEP_OPEN,   /* an open trial names it */
	KEEP_NEEDED, /* a kept generation's data: `generation` says whose */
	KEEP_NEWEST, /* one of the newest of its project and kind */
	KEEP_FAILED, /* set aside, until `until` */
	DROP_EMPTY,  /* its copies were put back: nothing is left of it */
	DROP_COUNT,
	DROP_AGE,
	DROP_SHARE,
};
struct retention_verdict {
	enum retention_why why;
	int64_t generation; /* KEEP_NEEDED: the newest that needs it */
	int64_t until;      /* KEEP_FAILED: wall clock */
};
bool retention_drops(const struct retention_verdict *v);

/* A part of a snapshot on a file system. */
struct retention_use {
	size_t snapshot, disk; /* indices */
	int64_t bytes;
};
struct retention_disk {
	int64_t total_bytes;
};

struct retention_question {
	const struct snapshot *v; /* oldest first */
	size_t n;
	const struct generation *g; /* the kept ones, ascending */
	size_t n_g;
	int64_t current;         /* its number, 0: none */
	const struct strv *open; /* ids that open trials name */
	const struct retention_config *limits;
	int64_t now; /* wall clock */
	const struct retention_use *uses;
	size_t n_uses;
	const struct retention_disk *disks;
	size_t n_disks;
};

/* out: n verdicts. retire: n_g flags, or NULL: no generation may give way. */
void retention_choose(const struct retention_question *q, struct retention_verdict *out,
		      bool *retire);

/*
 * Which of the first n snapshots (oldest first) holds this entry's data as it was when it was left
 * for other content; -1: none. `after` is the generation that brought the project's next content,
 * INT64_MAX if none did.
 */
ssize_t retention_serves(const struct snapshot *v, size_t n, const struct generation_entry *x,
			 int64_t after);
/* The generation that brought the content after this entry's, by the kept ones. */
int64_t retention_after(const struct generation *g, size_t n_g, const struct generation_entry *x);
