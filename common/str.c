/*
 * str - the growing string, and comparisons. Making text safe to show is in str_show.c.
 * Depends on: mem.
 */
#include "common/str.h"

#include "common/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { DEFAULT_MAX = 64 * 1024 * 1024, FIRST_CAP = 64 };

/* Room for up to n more bytes and the final zero; returns how many of them may be added. */
static size_t make_room(struct str *s, size_t n)
{
	size_t max = s->max > 0 ? s->max : DEFAULT_MAX;

	if (max > SIZE_MAX / 4) /* so that no sum below can overflow */
		max = SIZE_MAX / 4;
	size_t left = max > s->len ? max - s->len : 0;

	if (n > left) {
		n = left;
		s->cut = true;
	}
	if (s->s && s->cap - s->len > n)
		return n;
	size_t want = s->len + n + 1;
	size_t cap = s->cap > 0 ? s->cap : FIRST_CAP;
	while (cap < want)
		cap *= 2;
	s->s = xrealloc(s->s, cap);
	s->cap = cap;
	s->s[s->len] = '\0';
	return n;
}

void str_addn(struct str *s, const char *bytes, size_t n)
{
	n = make_room(s, n);
	if (n > 0)
		memcpy(s->s + s->len, bytes, n);
	s->len += n;
	s->s[s->len] = '\0';
}

void str_add(struct str *s, const char *text)
{
	str_addn(s, text, strlen(text));
}

void str_addc(struct str *s, char c)
{
	str_addn(s, &c, 1);
}

void str_vaddf(struct str *s, const char *fmt, va_list ap)
{
	char small[256];
	va_list again;

	va_copy(again, ap);
	int n = vsnprintf(small, sizeof(small), fmt, ap);
	if (n >= 0 && (size_t)n < sizeof(small)) {
		str_addn(s, small, (size_t)n);
	} else if (n >= 0) {
		auto_free char *text = xmalloc((size_t)n + 1);

		(void)vsnprintf(text, (size_t)n + 1, fmt, again);
		str_addn(s, text, (size_t)n);
	}
	va_end(again);
}

void str_addf(struct str *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(s, fmt, ap);
	va_end(ap);
}

const char *str_text(const struct str *s)
{
	return s->s ? s->s : "";
}

char *str_take(struct str *s)
{
	char *text = s->s ? s->s : xstrdup("");

	s->s = NULL;
	s->len = 0;
	s->cap = 0;
	s->cut = false;
	return text;
}

void str_reset(struct str *s)
{
	s->len = 0;
	s->cut = false;
	if (s->s)
		s->s[0] = '\0';
}

void str_done(struct str *s)
{
	free(s->s);
	s->s = NULL;
	s->len = 0;
	s->cap = 0;
	s->cut = false;
}

bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t len = strlen(s), tail = strlen(suffix);

	return len >= tail && memcmp(s + len - tail, suffix, tail) == 0;
}

bool str_eq(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}
