/*
 * file - reading with a cap, and the only way state is written.
 * Depends on: err, mem, str.
 */
#pragma once

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Read a whole regular file of at most max bytes. *out is zero-terminated, the caller frees; len
 * may be NULL. ERR_RETRY with errnum for I/O errors (ENOENT included), ERR_REJECTED if it is larger
 * than max or not a regular file.
 */
int file_read(const char *path, size_t max, char **out, size_t *len, struct err *e);

/* Temporary files of file_replace() begin with this; after a crash one may stay behind. */
#define FILE_TMP_PREFIX ".mdc-tmp."

/*
 * Replace path with these bytes: temporary name beside it, write, fsync, rename, fsync of the
 * directory. After a crash at any point path holds the old or the new bytes, whole.
 */
int file_replace(const char *path, const void *data, size_t len, mode_t mode, struct err *e);

/* As file_replace(), without any fsync: for what can be made again (live files before the sync,
 * stage). */
int file_replace_unsynced(const char *path, const void *data, size_t len, mode_t mode,
			  struct err *e);

/* Append a line (a newline is added) with one write and fdatasync; creates with mode 0600. */
int file_append_line(const char *path, const char *line, struct err *e);
/* Durable with the next one that is. */
int file_append_line_unsynced(const char *path, const char *line, struct err *e);

/* Unlink, then fsync of the directory. A file that is not there is success. */
int file_remove(const char *path, struct err *e);

/* Make a directory and its parents. An existing directory is success; its mode is left alone. */
int dir_make(const char *path, mode_t mode, struct err *e);

/* fsync of a directory, or of a file. */
int path_sync(const char *path, struct err *e);

/*
 * Remove a tree without following symbolic links and without leaving its file system. A tree that
 * is not there is success. Depth is limited to 128.
 */
int tree_remove(const char *path, struct err *e);

/*
 * Names in a directory, without "." and ".." and without half-written files (FILE_TMP_PREFIX),
 * sorted, at most max (more is ERR_REJECTED). Replaces what out held; ERR_RETRY with errnum if it
 * cannot be read.
 */
struct strv;
int dir_list(const char *path, size_t max, struct strv *out, struct err *e);

/* Remove what file_replace() left in this directory when it was killed: temporary files over an
 * hour old. */
int dir_sweep(const char *path, struct err *e);

bool file_exists(const char *path); /* follows no final symlink */

/* Free bytes for us on the file system of path, and its size; either may be NULL. */
int disk_space(const char *path, unsigned long long *free_bytes, unsigned long long *total_bytes,
	       struct err *e);
