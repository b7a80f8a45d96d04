/*
 * strv - a growing list of owned strings, kept NULL-terminated so that it can serve as argv.
 * Depends on: mem.
 */
#pragma once

#include "common/auto.h"

#include <stdbool.h>
#include <stddef.h>

struct strv {
	char **v; /* v[n] is NULL; NULL while empty */
	size_t n;
};

#define STRV_INIT                                                                                  \
	{                                                                                          \
		.n = 0                                                                             \
	}

void strv_push(struct strv *l, const char *s); /* copies */
void strv_pushf(struct strv *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strv_push_own(struct strv *l, char *s); /* takes s */
bool strv_has(const struct strv *l, const char *s);
bool strv_add_once(struct strv *l, const char *s);        /* true if it was new */
void strv_copy(struct strv *to, const struct strv *from); /* replaces to */
bool strv_equal(const struct strv *a, const struct strv *b);
void strv_sort(struct strv *l);                             /* byte order */
char *strv_join(const struct strv *l, const char *between); /* the caller frees */
void strv_done(struct strv *l);

#define auto_strv AUTO(strv_done)
