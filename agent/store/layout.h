/*
 * layout - what the files of store/ share: the opened directory, and how paths and records in it
 * are made. Nothing outside store/ includes this.
 * Depends on: common, model.
 */
#pragma once

#include "agent/store/store.h"

#define LAYOUT_VERSION "1"

struct store {
	char *root; /* the state directory, absolute */
};

enum { HISTORY_ROTATE_BYTES = 8 * 1024 * 1024 };
/* Writers of history.jsonl and repeats.json, one at a time; -1 if another has it for too long. */
int history_lock(const struct store *s, int *fd);

enum { LAYOUT_MAX_NAMES = 100000 }; /* entries of one of our directories */

/* projects/<project>/<name>, or the directory itself with NULL; the caller frees. */
char *layout_project(const struct store *s, const char *project, const char *name);
/* generations/<number>; the caller frees. */
char *layout_generation(const struct store *s, int64_t number);
/* A file below the state directory is "made durable": its directory too, if this made it. */
int layout_make_dir(const char *path, struct err *e);
/* record_write() into projects/<project>/, which is made if needed. */
int layout_project_write(const struct store *s, const char *project, const char *name,
			 const cJSON *json, struct err *e);
/*
 * Put "the way out" behind a damaged record's cause: what a person can do. Leaves other kinds of
 * error alone. Always -1.
 */
int layout_damaged(struct err *e, const char *way_out);
