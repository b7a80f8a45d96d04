/*
 * path - names from a repository, made safe before they touch the disk.
 * Depends on: err, mem.
 */
#pragma once

#include "common/err.h"

#include <stdbool.h>

enum { PATH_NAME_MAX = 255, PATH_LEN_MAX = 1024, PATH_DEPTH_MAX = 16 };

/* "a/b" of the two; a final slash of a is not doubled. The caller frees. */
char *path_join(const char *a, const char *b);
char *path_join3(const char *a, const char *b, const char *c);

/* The part after the last slash (borrowed). */
const char *path_base(const char *path);
/* The part before the last slash, "." if there is none, "/" for "/x". The caller frees. */
char *path_dir(const char *path);

/*
 * A relative path that stays below its start: no empty, "." or ".." part, no leading slash, no
 * control character, no ".git" part in any case, within the limits above. True if it is all that.
 */
bool path_is_clean(const char *path);

/*
 * Resolve `ref` as written in a file of directory `dir` (both relative to a root; dir may be "." or
 * "").
 * "..", "." and double slashes are folded. On 0, *out (the caller frees) is relative to the root,
 * "." for the root itself. Returns -1 without setting an error if ref is absolute or climbs above
 * the root.
 */
int path_resolve(const char *dir, const char *ref, char **out);

/* True if path is dir itself or lies below it. Both normal, "." is everything. */
bool path_below(const char *path, const char *dir);

/* A name as Compose makes one of a directory's: lower case, only [a-z0-9_-], no '_' or '-' in
 * front. The caller frees. */
char *path_project_name(const char *name);

/* Compose's rule for project names: [a-z0-9][a-z0-9_-]*, at most 63 bytes here. */
bool path_is_project_name(const char *name);
