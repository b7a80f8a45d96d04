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

static size_t name_length(const char *text)
{
	size_t n = 0;

	while (isalnum((unsigned char)text[n]) || text[n] == '_')
		n++;
	return isdigit((unsigned char)text[0]) ? 0 : n;
}

/* Compose takes these from its own environment, whatever an env file says: nobody knows here what
 * they are. */
static bool is_ambient(const char *name, size_t len)
{
	static const char *const names[] = {"HOME", "PATH", "GOMAXPROCS"};
	static const char *const begins[] = {"COMPOSE_", "DOCKER_"};

	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strlen(names[i]) == len && strncmp(names[i], name, len) == 0)
			return true;
	for (size_t i = 0; i < COUNT_OF(begins); i++)
		if (len > strlen(begins[i]) && str_starts(name, begins[i]))
			return true;
	return false;
}

/* Where the name stands, or would. Sorted: a file may ask for thousands of them, thousands of
 * times.
 */
static size_t find(const struct env *e, const char *name, size_t len, bool *found)
{
	size_t low = 0, high = e->n;

	*found = false;
	while (low < high && !*found) {
		size_t middle = (low + high) / 2;
		int order = strncmp(e->v[middle].name, name, len);

		if (order == 0 && e->v[middle].name[len] != '\0')
			order = 1;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
		*found = order == 0;
	}
	return high;
}

static const struct env_var *lookup_var(const struct env *e, const char *name, size_t len)
{
	bool found;
	size_t i = find(e, name, len, &found);

	return found ? &e->v[i] : NULL;
}

static void set(struct env *e, char *name, char *value)
{
	bool found;
	size_t at = find(e, name, strlen(name), &found);
	size_t weight = env_weight(e, value);

	if (found && e->v) {
		free(e->v[at].value);
		e->v[at].value = value;
		e->v[at].weight = weight;
		free(name);
		return;
	}
	e->v = xreallocarray(e->v, e->n + 1, sizeof(*e->v));
	memmove(&e->v[at + 1], &e->v[at], (e->n - at) * sizeof(*e->v));
	e->v[at] = (struct env_var){.name = name, .value = value, .weight = weight};
	e->n++;
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

size_t env_weight(const struct env *e, const char *text)
{
	size_t weight = strlen(text);

	for (const char *p = strchr(text, '$'); p; p = strchr(p, '$')) {
		p += p[1] == '{' ? 2 : 1;
		size_t n = name_length(p);
		const struct env_var *v = n > 0 ? lookup_var(e, p, n) : NULL;

		if (v)
			weight += v->weight;
		if (weight > ENV_WEIGHT_MAX)
			return ENV_WEIGHT_MAX + 1;
	}
	return weight;
}

const char *env_heavy(const struct env *e)
{
	for (size_t i = 0; i < e->n; i++)
		if (e->v[i].weight > ENV_WEIGHT_MAX)
			return e->v[i].name;
	return NULL;
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

void env_copy(const struct env *from, struct env *to)
{
	to->v = xcalloc(from->n + 1, sizeof(*to->v));
	for (; to->n < from->n; to->n++) {
		to->v[to->n] = from->v[to->n];
		to->v[to->n].name = xstrdup(from->v[to->n].name);
		to->v[to->n].value = xstrdup(from->v[to->n].value);
	}
}

void env_digest(const struct env *e, char out[DIGEST_HEX_SIZE])
{
	struct digest *d = digest_new();

	for (size_t i = 0; i < e->n; i++) {
		digest_add(d, e->v[i].name, strlen(e->v[i].name));
		digest_add(d, e->v[i].value, strlen(e->v[i].value));
	}
	digest_end(d, out);
}

void env_add(const struct env *from, struct env *to)
{
	for (size_t i = 0; i < from->n && to->n < ENV_MAX; i++)
		if (!lookup_var(to, from->v[i].name, strlen(from->v[i].name)))
			set(to, xstrdup(from->v[i].name), xstrdup(from->v[i].value));
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
	const struct env_var *v = lookup_var(e, name, len);

	return v ? v->value : NULL;
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

	if (n == 0 || is_ambient(inner, n))
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
		if (out->cut)
			return false;
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
			if (!value || strchr(value, '$') || is_ambient(text + 1, n))
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
