/*
 * err - writes causes and contexts into a fixed struct. Texts are composed in a local buffer first,
 * so that a message may quote the error it replaces. Depends on: nothing.
 */
#include "common/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* One row per kind, in the order of enum err_kind. */
static const struct {
	const char *name;
	int exit_code;
} kinds[] = {
	[ERR_NONE] = {"none", 0},     [ERR_USAGE] = {"usage", 2},  [ERR_REJECTED] = {"rejected", 4},
	[ERR_FAILED] = {"failed", 1}, [ERR_RETRY] = {"retry", 75}, [ERR_BROKEN] = {"broken", 3},
};

enum { KIND_COUNT = sizeof(kinds) / sizeof(kinds[0]) };

/* A buffer that was cut may end inside a UTF-8 character: drop the part. */
static void drop_partial(char *s)
{
	size_t len = strlen(s), start = len;

	while (start > 0 && len - start < 3 && ((unsigned char)s[start - 1] & 0xc0) == 0x80)
		start--;
	if (start == 0)
		return;
	unsigned char lead = (unsigned char)s[start - 1];
	size_t want = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
	if (want > 1 && len - (start - 1) < want)
		s[start - 1] = '\0';
}

/* Copy with a cut at a character boundary. */
static void copy_text(char *to, size_t size, const char *from)
{
	size_t len = strnlen(from, size);

	if (len < size) {
		memcpy(to, from, len + 1);
		return;
	}
	memcpy(to, from, size - 1);
	to[size - 1] = '\0';
	drop_partial(to);
}

/* What does not fit is dropped. */
static void append(char *to, size_t size, const char *more)
{
	size_t len = strlen(to), n = strnlen(more, size - len - 1);

	memcpy(to + len, more, n);
	to[len + n] = '\0';
}

int err_set(struct err *e, enum err_kind kind, int errnum, const char *fmt, ...)
{
	char text[sizeof(e->cause)];
	va_list ap;

	if (!e)
		return -1;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		text[0] = '\0';
	if (errnum != 0) {
		char buf[128];

		append(text, sizeof(text), ": ");
		append(text, sizeof(text), strerror_r(errnum, buf, sizeof(buf)));
	}
	drop_partial(text);
	e->kind = kind;
	e->errnum = errnum;
	e->trail[0] = '\0';
	memcpy(e->cause, text, strlen(text) + 1);
	return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char text[sizeof(e->trail)];
	va_list ap;

	if (!e)
		return -1;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return -1;
	if (e->trail[0] != '\0') {
		append(text, sizeof(text), ": ");
		append(text, sizeof(text), e->trail);
	}
	drop_partial(text);
	memcpy(e->trail, text, strlen(text) + 1);
	return -1;
}

void err_clear(struct err *e)
{
	e->kind = ERR_NONE;
	e->errnum = 0;
	e->cause[0] = '\0';
	e->trail[0] = '\0';
}

const char *err_text(const struct err *e, char *buf, unsigned long size)
{
	if (size == 0)
		return buf;
	size_t trail = strlen(e->trail), cause = strlen(e->cause);
	/* Where both do not fit the context goes first: the cause is what a person acts on. */
	if (trail == 0 || cause + 2 + 1 >= size) {
		copy_text(buf, size, e->cause);
		return buf;
	}
	size_t room = size - cause - 2;
	copy_text(buf, room < trail + 1 ? room : trail + 1, e->trail);
	size_t len = strlen(buf);
	(void)snprintf(buf + len, size - len, ": %s", e->cause);
	return buf;
}

const char *err_kind_name(enum err_kind kind)
{
	return (unsigned)kind < KIND_COUNT ? kinds[kind].name : "broken";
}

enum err_kind err_kind_parse(const char *name)
{
	for (unsigned i = 0; name && i < KIND_COUNT; i++) {
		if (strcmp(kinds[i].name, name) == 0)
			return (enum err_kind)i;
	}
	return ERR_BROKEN;
}

int err_exit_code(enum err_kind kind)
{
	return (unsigned)kind < KIND_COUNT ? kinds[kind].exit_code : kinds[ERR_BROKEN].exit_code;
}
