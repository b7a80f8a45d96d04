/*
 * fuzz - what the fuzz targets share: the input as text, cut into parts, and a directory in memory
 * for what the code under test wants to read from a file.
 * To add a target: a file in targets/ with fuzz_one(), seeds in corpus/<name>/, maybe words in
 * dict/<name>.dict.
 * Depends on: core.
 */
#pragma once

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a target defines. text is zero-terminated at len; it may hold zeros before. */
void fuzz_one(const char *text, size_t len);

/* What must hold whatever the input is: the fuzzer stops here. */
#define FUZZ_CHECK(cond)                                                                           \
	do {                                                                                       \
		if (!(cond))                                                                       \
			__builtin_trap();                                                          \
	} while (0)

/* A directory of this process, on a file system in memory, removed when it ends. */
const char *fuzz_dir(void);
/* A path in it; from a few static buffers in turn. */
const char *fuzz_path(const char *name);
/* Put a file there, without fsync; missing directories are made. */
void fuzz_file(const char *name, const char *data, size_t len);
/* The same as a record: with the header that says it is whole. */
void fuzz_record(const char *name, const char *text, size_t len);

enum { FUZZ_PARTS_MAX = 16 };
struct fuzz_parts {
	char *v[FUZZ_PARTS_MAX]; /* zero-terminated; the last has what is left */
	size_t len[FUZZ_PARTS_MAX];
	size_t n; /* at least 1 */
};
/* Cut at lines "--\n". Free with fuzz_parts_done(). */
void fuzz_cut(const char *text, size_t len, struct fuzz_parts *out);
void fuzz_parts_done(struct fuzz_parts *p);
const char *fuzz_part(const struct fuzz_parts *p, size_t i); /* "" where there is none */

/*
 * answers.c: with --wrap=http_send every request is answered by the next part of the input:
 * "<status>\n<body>", a part without a status is 200, no part is "no answer".
 */
void fuzz_answers(const struct fuzz_parts *p);
