/*
 * env - values from .env and env_files, and putting them into text as Compose does: only what is
 * needed to know which files, ports and names are meant. What cannot be resolved is left open and
 * judged by Compose itself later. Depends on: scan.
 */
#include "agent/eval/scan.h"

#include "common/mem.h"
#include "common/str.h"

#include <ctype.h>
#include <string.h>

enum { ENV_MAX = 5000, EXPAND_MAX_BYTES = 8192, NEST_MAX = 8 };

static void set(struct env *e, char *name, char *value)
{
	for (size_t i = 0; i < e->n; i++) {
		if (strcmp(e->v[i].name, name) != 0)
			continue;
		free(e->v[i].value);
		e->v[i].value = value;
		free(name);
		return;
	}
	e->v = xreallocarray(e->v, e->n + 1, sizeof(*e->v));
	e->v[e->n++] = (struct env_var){.name = name, .value = value};
}

/* The value of a line: quotes are taken off, a comment after white space is dropped. */
static char *value_of(const char *text, size_t len)
{
	while (len > 0 && isspace((unsigned char)text[0])) {
		text++;
		len--;
	}
	if (len > 0 && (text[0] == '"' || text[0] == '\'')) {
		const char *end = memchr(text + 1, text[0], len - 1);
		return end ? xstrndup(text + 1, (size_t)(end - text - 1)) : xstrndup(text, len);
	}
	for (size_t i = 0; i + 1 < len; i++)
		if (isspace((unsigned char)text[i]) && text[i + 1] == '#')
			len = i;
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		len--;
	return xstrndup(text, len);
}

static size_t name_length(const char *text)
{
	size_t n = 0;

	while (isalnum((unsigned char)text[n]) || text[n] == '_')
		n++;
	return isdigit((unsigned char)text[0]) ? 0 : n;
}

void env_parse(const char *text, struct env *to)
{
	while (*text && to->n < ENV_MAX) {
		size_t len = strcspn(text, "\n");
		const char *line = text + strspn(text, " \t");
		const char *end = text + len;
		text = end + (*end == '\n');
		if (str_starts(line, "export "))
			line += strlen("export ");
		size_t n = name_length(line);
		if (n == 0 || line + n >= end || line[n] != '=')
			continue;
		set(to, xstrndup(line, n), value_of(line + n + 1, (size_t)(end - line) - n - 1));
	}
}

void env_done(struct env *e)
{
	for (size_t i = 0; i < e->n; i++) {
		free(e->v[i].name);
		free(e->v[i].value);
	}
	free(e->v);
	*e = (struct env){.n = 0};
}

static const char *lookup(const struct env *e, const char *name, size_t len)
{
	for (size_t i = 0; i < e->n; i++)
		if (strncmp(e->v[i].name, name, len) == 0 && e->v[i].name[len] == '\0')
			return e->v[i].value;
	return NULL;
}

/* The end of "${...}" that begins at text, past its brace; NULL if it has none. */
static const char *closing(const char *text)
{
	int depth = 0;

	for (const char *p = text; *p; p++) {
		if (p[0] == '$' && p[1] == '{') {
			depth++;
			p++;
		} else if (*p == '}' && --depth == 0) {
			return p + 1;
		}
	}
	return NULL;
}

static bool expand(const struct env *e, const char *text, struct str *out, int depth);

/* What stands between the braces. False if it cannot be known here. */
static bool expand_braces(const struct env *e, const char *inner, struct str *out, int depth)
{
	size_t n = name_length(inner);
	const char *value = lookup(e, inner, n), *rest = inner + n;
	bool empty_too = rest[0] == ':';

	if (n == 0)
		return false;
	if (empty_too)
		rest++;
	bool given = value && (!empty_too || value[0]);
	if (rest[0] == '\0' || rest[0] == '?' || (rest[0] == '-' && given)) {
		if (!value || strchr(value, '$'))
			return false;
		str_add(out, value);
		return true;
	}
	if (rest[0] == '-')
		return expand(e, rest + 1, out, depth + 1);
	if (rest[0] == '+')
		return !given || expand(e, rest + 1, out, depth + 1);
	return false;
}

static bool expand(const struct env *e, const char *text, struct str *out, int depth)
{
	if (depth > NEST_MAX)
		return false;
	while (*text) {
		if (*text != '$') {
			str_addc(out, *text++);
		} else if (text[1] == '$') {
			str_addc(out, '$');
			text += 2;
		} else if (text[1] == '{') {
			const char *end = closing(text);
			if (!end)
				return false;
			auto_free char *inner = xstrndup(text + 2, (size_t)(end - text) - 3);
			if (!expand_braces(e, inner, out, depth))
				return false;
			text = end;
		} else {
			size_t n = name_length(text + 1);
			const char *value = n > 0 ? lookup(e, text + 1, n) : NULL;
			if (!value || strchr(value, '$'))
				return false;
			str_add(out, value);
			text += n + 1;
		}
	}
	return true;
}

char *env_expand(const struct env *e, const char *text, bool *open)
{
	struct str out = {.max = EXPAND_MAX_BYTES};

	*open = !expand(e, text, &out, 0) || out.cut;
	return str_take(&out);
}
