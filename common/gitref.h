/*
 * gitref - the refs of a repository in a local directory, read in place: no library, no other
 * program, a few thousand instructions. For the daemon's polls of `file` sources. Depends on: err,
 * mem, file, path, refpick.
 */
#pragma once

#include "common/err.h"
#include "common/refpick.h"

/*
 * Where the repository itself is: dir (bare) or dir/.git. The caller frees. ERR_RETRY if dir is not
 * there, ERR_USAGE if it is no repository or a linked work tree.
 */
int gitref_dir(const char *dir, char **git_dir, struct err *e);

/*
 * The object that `ref` ("refs/heads/main") names; id is "" when there is no such ref. One level of
 * symbolic ref is followed. ERR_RETRY if something cannot be read or is no ref.
 */
int gitref_read(const char *dir, const char *ref, char id[GIT_HEX_SIZE], struct err *e);

/*
 * The newest tag that matches (see refpick); id is "" when none does, *name (NULL: not wanted; the
 * caller frees) then NULL. A packed annotated tag gives its commit. A loose one gives the tag
 * object: what it points at stands in the object store, which is not read here. So compare answers
 * of this function with each other only.
 */
int gitref_newest_tag(const char *dir, const char *glob, char id[GIT_HEX_SIZE], char **name,
		      struct err *e);

/* Either of the two: tag when it is not NULL, else the branch. */
int gitref_ask(const char *dir, const char *branch, const char *tag, char id[GIT_HEX_SIZE],
	       struct err *e);
