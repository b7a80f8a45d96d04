/*
 * tree_reader - how eval reads a repository without knowing where it lies: git/ gives one over the
 * object store, eval/worktree one over a plain directory (for `check`). Depends on: common.
 */
#pragma once

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { OBJECT_ID_SIZE = 65 }; /* hex of an object id and a zero */

enum entry_kind { ENTRY_FILE, ENTRY_EXEC, ENTRY_DIR, ENTRY_SYMLINK, ENTRY_SUBMODULE };

struct tree_entry {
	const char *name; /* borrowed; only set while listing */
	char id[OBJECT_ID_SIZE];
	enum entry_kind kind;
};

struct tree_reader {
	void *ctx;
	/* Each entry of a directory, in byte order of names; `each` returns 0 to go on, 1 to stop,
	 * -1 with e to fail. */
	int (*list)(void *ctx, const char *tree_id,
		    int (*each)(const struct tree_entry *t, void *arg, struct err *e), void *arg,
		    struct err *e);
	/* The entry at a clean relative path below a directory; "." is the directory itself. */
	int (*find)(void *ctx, const char *tree_id, const char *path, struct tree_entry *out,
		    bool *found, struct err *e);
	/* A file's bytes (zero-terminated, the caller frees). ERR_REJECTED if it is larger than
	 * max. */
	int (*read)(void *ctx, const char *blob_id, size_t max, char **out, size_t *len,
		    struct err *e);
};

/* Budgets on one selected project, and on what it reads elsewhere. */
enum {
	TREE_MAX_ENTRIES = 20000,
	TREE_MAX_DEPTH = 16,
	TREE_MAX_FILE = 1024 * 1024,
	TREE_MAX_TOTAL = 32 * 1024 * 1024,
	TREE_MAX_TOP = 50000, /* entries of one directory while discovering */
};
