/*
 * strv - the growing list of strings.
 * Depends on: mem, str.
 */
#include "common/strv.h"

#include "common/mem.h"
#include "common/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void strv_push_own(struct strv *l, char *s)
{
	/* Grown one by one: realloc is nearly free for lists of our size, and there is no capacity
	 * to keep. */
	l->v = xreallocarray(l->v, l->n + 2, sizeof(*l->v));
	l->v[l->n++] = s;
	l->v[l->n] = NULL;
}

void strv_push(struct strv *l, const char *s)
{
	strv_push_own(l, xstrdup(s));
}

void strv_pushf(struct strv *l, const char *fmt, ...)
{
	struct str text = STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	strv_push_own(l, str_take(&text));
}

bool strv_has(const struct strv *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(l->v[i], s) == 0)
			return true;
	}
	return false;
}

bool strv_add_once(struct strv *l, const char *s)
{
	if (strv_has(l, s))
		return false;
	strv_push(l, s);
	return true;
}

void strv_copy(struct strv *to, const struct strv *from)
{
	struct strv copy = STRV_INIT;

	for (size_t i = 0; i < from->n; i++)
		strv_push(&copy, from->v[i]);
	strv_done(to);
	*to = copy;
}

bool strv_equal(const struct strv *a, const struct strv *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	}
	return true;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(struct strv *l)
{
	if (l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), by_bytes);
}

char *strv_join(const struct strv *l, const char *between)
{
	struct str text = STR_INIT;

	for (size_t i = 0; i < l->n; i++) {
		if (i > 0)
			str_add(&text, between);
		str_add(&text, l->v[i]);
	}
	return str_take(&text);
}

void strv_done(struct strv *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	l->v = NULL;
	l->n = 0;
}
