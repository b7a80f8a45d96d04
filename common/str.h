/*
 * str - a growing string with a cap. Once the cap is reached further text is dropped and `cut` is
 * set; no call fails. Always zero-terminated once something was added.
 * Depends on: mem.
 */
#pragma once

#include "common/auto.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct str {
	char *s;    /* NULL while empty and never added to; see str_text() */
	size_t len; /* bytes without the final zero */
	size_t cap; /* allocated */
	size_t max; /* most bytes to keep; 0: 64 MiB */
	bool cut;   /* something was dropped */
};

#define STR_INIT                                                                                   \
	{                                                                                          \
		.max = 0                                                                           \
	}

void str_add(struct str *s, const char *text);
void str_addn(struct str *s, const char *bytes, size_t n);
void str_addc(struct str *s, char c);
void str_addf(struct str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void str_vaddf(struct str *s, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
const char *str_text(const struct str *s); /* "" instead of NULL */
char *str_take(struct str *s);             /* the caller frees; s is empty again; never NULL */
void str_reset(struct str *s);             /* empty, memory kept */
void str_done(struct str *s);              /* memory freed */

#define auto_str AUTO(str_done)

bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
bool str_eq(const char *a, const char *b); /* NULL equals only NULL */

/*
 * Make text from outside safe to show: control characters, DEL, C1, bidi controls and invalid UTF-8
 * become \xNN; cut at a character boundary so that the result has at most max bytes, with "…" when
 * cut. Newlines become "\n" in the two-character form. The caller frees.
 */
char *str_printable(const char *s, size_t max);

/*
 * The nearest of the n names to `name` by edit distance, or NULL if none is near enough to be meant
 * (distance <= 2, or <= a third of the length). Borrowed from names.
 */
const char *str_nearest(const char *name, const char *const *names, size_t n);
