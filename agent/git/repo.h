/*
 * repo - the agent's bare repository: asking the source what it has, fetching it, reading trees,
 * keeping what generations need. Everything here runs libgit2 (except repo_ask_source); call
 * repo_library_init() once before the first fork. Functions that talk to a server or read what
 * strangers wrote are to be called inside a worker with limits: a parser's fault, a name that does
 * not resolve or a pack without end then costs the worker only.
 * Depends on: common, model.
 */
#pragma once

#include "agent/model/config.h"
#include "agent/model/generation.h"
#include "agent/model/tree_reader.h"
#include "common/auto.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>

struct repo;

/* Costs 56 M instructions (libgit2 reads the CA bundle): not for a process that only asks the
 * source. */
int repo_library_init(struct err *e);

/*
 * repo_ls() without a repository and without libgit2: for a sync that finds nothing new. One
 * difference: a tag of a `file` source that is annotated and not packed gives the tag object's id
 * instead of the commit's.
 */
int repo_ask_source(const struct source_config *src, char id[OBJECT_ID_SIZE], struct err *e);

/*
 * Open (or make) the bare repository at dir. For a `file` source its objects are read in place
 * through objects/info/alternates and what a generation needs is copied by repo_keep(): a fetch is
 * O(1) in the size of the repository. A repository that is corrupt is ERR_BROKEN; repo_reset()
 * starts a new one. src is borrowed as long as the repository is open; NULL: no source (classic
 * mode, rollback). A source that is not there is no error here.
 */
int repo_open(const char *dir, const struct source_config *src, struct repo **out, struct err *e);
int repo_reset(const char *dir, struct err *e); /* moves the old one aside as <dir>.broken */
void repo_free(struct repo *r);
AUTO_PTR(repo_free, struct repo)
#define auto_repo AUTO(repo_free_at)

/*
 * ls-refs: the object the source's branch (or its newest matching tag, peeled) names. id is "" when
 * the branch does not exist or the repository is empty. ERR_RETRY: not reachable, the cause says
 * how and why; ERR_USAGE: credentials or known_hosts are wrong on our side (missing key file, host
 * key not listed, 401).
 */
int repo_ls(struct repo *r, char id[OBJECT_ID_SIZE], struct err *e);

/*
 * Get the objects of that id (no tags, no other refs) and name it refs/mdc/source. Servers give out
 * branches, not ids: when somebody pushed since repo_ls(), id becomes the newer one. ERR_REJECTED
 * if the pack is larger than RLIMIT_FSIZE of the worker allows.
 */
int repo_fetch(struct repo *r, char id[OBJECT_ID_SIZE], struct err *e);

/*
 * After repo_fetch() of a source with a tag: the tag's name, without refs/tags/ (the caller frees),
 * and the object it names, which is the tag object if it is annotated.
 */
int repo_source_tag(struct repo *r, char **name, char object[OBJECT_ID_SIZE], struct err *e);

/* ---- signatures (verify.c) ---- */
struct repo_question {
	const struct verify_config *config;
	const char *scratch; /* a directory that this may make and removes */
	const struct commit_info *head;
	const char *anchor; /* strict: commits behind it are not asked; NULL: the head alone */
	const char *tag, *tag_object; /* mode tag: as repo_source_tag() gave them */
};
/*
 * Is it signed as verify.mode wants, by somebody who may? *who (the caller frees) says by whom.
 * ERR_REJECTED with the commit or tag and why; ERR_USAGE: agent.yaml names what is not there. Runs
 * ssh-keygen and gpg.
 */
int repo_verify(struct repo *r, const struct repo_question *q, char **who, struct err *e);

int repo_commit(struct repo *r, const char *id, struct commit_info *out, struct err *e);
/* *yes: is `old` an ancestor of (or equal to) `new`? false also if `old` is gone. */
int repo_is_ancestor(struct repo *r, const char *old, const char *new, bool *yes, struct err *e);

/* A reader over this repository; valid as long as r. */
struct tree_reader repo_reader(struct repo *r);

/* A file to be written out by repo_export(). */
struct export_file {
	const char *path; /* clean, relative to the target directory */
	const char *id;   /* blob */
	bool executable;
};
/*
 * Write files below dir (made if needed; nothing else there is touched), O_EXCL|O_NOFOLLOW beneath
 * a directory descriptor, modes 0644/0755. Not fsynced.
 */
int repo_export(struct repo *r, const char *dir, const struct export_file *files, size_t n,
		struct err *e);
/* Write one blob to an open file descriptor. */
int repo_blob_to_fd(struct repo *r, const char *id, int fd, struct err *e);

/*
 * All files below a tree, for a project: appends to *files (paths with prefix/ in front, NULL:
 * none). Symlinks and submodules are ERR_REJECTED and named, as are unclean names and anything over
 * the TREE_* budgets.
 */
int repo_files(struct repo *r, const char *tree_id, const char *prefix, struct live_file **files,
	       size_t *n, struct err *e);

/* True if every blob is here (the way back is checked before anything is touched). *missing: the
 * first that is not. */
int repo_has(struct repo *r, const struct live_file *files, size_t n,
	     const struct live_file **missing, struct err *e);

/* Store host files as a tree (projects declared in agent.yaml). names[i] is the entry's name for
 * data[i]. */
int repo_store_tree(struct repo *r, const char *const *names, const char *const *data,
		    const size_t *lens, size_t n, char id[OBJECT_ID_SIZE], struct err *e);

/*
 * Keep alive what generation `number` needs: a commit of ours over a tree made of every project's
 * tree and elsewhere objects, named refs/mdc/generations/<number>; with alternates the objects are
 * copied into our own store first. On disk (fsynced) when it returns.
 */
int repo_keep(struct repo *r, int64_t number, const struct generation *g, struct err *e);
int repo_unkeep(struct repo *r, int64_t number, struct err *e); /* not there: success */

/*
 * Repack and drop what nothing names any more, when packs (> 30) or loose objects (> 3000) pile up.
 * Only between syncs: what repo_store_tree() and repo_fetch() brought is kept by repo_keep() and
 * refs/mdc/source.
 */
int repo_maintain(struct repo *r, bool force, struct err *e);
