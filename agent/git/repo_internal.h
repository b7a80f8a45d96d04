/*
 * repo_internal - what the files of agent/git share. Nobody else includes it.
 * Depends on: repo.h, libgit2.
 */
#pragma once

#include "agent/git/repo.h"

#include <git2.h>
#include <stdint.h>

#define REF_SOURCE      "refs/mdc/source"
#define REF_GENERATIONS "refs/mdc/generations/"

struct repo {
	char *dir, *objects;             /* repo.git, repo.git/objects */
	const struct source_config *src; /* or NULL */
	char *source_dir; /* the repository of a `file` source, NULL while it is not there */
	git_repository *git;
	git_odb *odb;      /* of git: own objects, then the alternates' */
	git_odb *own;      /* own objects only; NULL until repo_own() */
	char *fetched_ref; /* of a server: what repo_fetch() got, or NULL */
	char fetched_object[OBJECT_ID_SIZE];
};

static inline bool repo_from_file(const struct repo *r)
{
	return r->src && r->src->kind == SOURCE_FILE;
}

/* libgit2's own text behind ours, copied at once: the next call overwrites it. Always returns -1.
 */
int repo_fail(struct err *e, enum err_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* An object could not be read: missing or damaged, here or in the source. Always returns -1. */
int repo_fail_object(const struct repo *r, const git_oid *id, struct err *e);

/* "ab12..." to an oid; ERR_USAGE for ids of SHA-256 repositories, ERR_BROKEN for what is no id. */
int repo_parse_id(const char *id, git_oid *out, struct err *e);

/* Before a ref is written: a killed agent has left its lock there, which libgit2 would wait for in
 * vain. Under the sync's lock nobody else writes one. */
void repo_ref_unlock(const struct repo *r, const char *name);

/* The same for all of them, and for packs of which a worker that was killed has left half. */
void repo_drop_halves(const struct repo *r);

/* Our own objects without the alternates. Borrowed. */
int repo_own(struct repo *r, git_odb **out, struct err *e);

/* Close and open libgit2's side again, after packs were removed. */
int repo_reopen(struct repo *r, struct err *e);

/* Make objects/info/alternates name what the source needs; true in *changed if it did not. */
int alternates_update(struct repo *r, bool *changed, struct err *e);

/* batch - new objects, gathered and written as one pack: four fsyncs instead of two an object. */
struct batch {
	struct repo *r;
	git_odb *own, *all;       /* all: staged, own, alternates */
	git_repository *wrap;     /* around `all`, for the pack builder */
	git_packbuilder *builder; /* NULL while nothing is new */
	size_t entries;           /* of trees copied so far */
};

int batch_open(struct repo *r, struct batch *b, struct err *e);
void batch_done(struct batch *b);
#define auto_batch AUTO(batch_done)
/* Add an object; its id in *id. One that is in our own store already costs nothing. */
int batch_put(struct batch *b, git_object_t type, const void *data, size_t len, git_oid *id,
	      struct err *e);
/* Copy an object of the alternates, a tree with all below it. A tree in our own store is always
 * complete. */
int batch_copy(struct batch *b, const git_oid *id, bool tree, struct err *e);
/* Is it in our own store? */
bool batch_has(const struct batch *b, const git_oid *id);
/* Write the pack; on disk when it returns. */
int batch_write(struct batch *b, struct err *e);

/* link - one conversation of libgit2 with a server over our own transports. */
struct link;

struct link *link_new(const struct source_config *src);
void link_free(struct link *l);
AUTO_PTR(link_free, struct link)
#define auto_link AUTO(link_free_at)
/* For git_remote_callbacks: transport, with the link as payload. */
int link_transport(git_transport **out, git_remote *owner, void *link);
/* What went wrong in a transport, ERR_NONE if the fault is libgit2's. */
const struct err *link_error(const struct link *l);
