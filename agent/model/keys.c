/*
 * keys - reading YAML maps by tables, and the setters that all tables share.
 * Depends on: common, diag.
 * To add a setter: a function of the type in struct key_row; it reports through key_refuse().
 */
#include "agent/model/keys.h"

#include "common/duration.h"
#include "common/mem.h"
#include "common/str.h"
#include "common/strv.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>

enum { TEXT_MAX = 4096, LIST_MAX = 1000, COUNT_MAX = 1000000 };

int key_refuse(const struct yaml_node *v, const struct key_context *c, const char *fmt, ...)
{
	auto_str struct str text = STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	diags_add(c->diags, DIAG_ERROR, c->file, v->line, v->column, c->project, "%s%s%s",
		  c->key ? c->key : "", c->key ? ": " : "", str_text(&text));
	return -1;
}

/* The row of a key, also in a table that stands in this one. */
static const struct key_row *find_row(const struct key_row *rows, const char *key)
{
	const struct key_row *found = NULL;

	for (; rows->name && !found; rows++) {
		if (rows->name[0] == '\0')
			found = find_row(rows->below, key);
		else if (strcmp(rows->name, key) == 0)
			found = rows;
	}
	return found;
}

static void all_names(const struct key_row *rows, struct strv *names)
{
	for (; rows->name; rows++) {
		if (rows->name[0] == '\0')
			all_names(rows->below, names);
		else
			strv_push(names, rows->name);
	}
}

static void unknown_key(const struct yaml_pair *pair, const struct key_row *rows,
			const struct key_context *c)
{
	auto_strv struct strv names = STRV_INIT;

	all_names(rows, &names);
	const char *nearest = str_nearest(pair->key, (const char *const *)names.v, names.n);
	auto_str struct str text = STR_INIT;
	str_addf(&text, "unknown key '%s'", pair->key);
	if (c->key)
		str_addf(&text, " in %s", c->key);
	if (nearest) {
		str_addf(&text, ": did you mean '%s'?", nearest);
	} else {
		auto_free char *all = strv_join(&names, ", ");
		str_addf(&text, "; known are: %s", all);
	}
	diags_add(c->diags, DIAG_ERROR, c->file, pair->line, pair->column, c->project, "%s",
		  str_text(&text));
}

static int read_pair(const struct yaml_pair *pair, const struct key_row *rows, void *base,
		     const struct key_context *c)
{
	const struct key_row *row = find_row(rows, pair->key);

	if (!row) {
		unknown_key(pair, rows, c);
		return -1;
	}
	auto_free char *key = c->key ? xasprintf("%s.%s", c->key, row->name) : xstrdup(row->name);
	struct key_context inner = *c;
	inner.key = key;
	void *at = (char *)base + row->at;
	if (row->below && !row->set)
		return keys_read(&pair->value, row->below, at, &inner);
	if (pair->value.kind == YAML_NULL)
		return key_refuse(&pair->value, &inner,
				  "has no value: give one (%s) or remove the line", row->type);
	return row->set(&pair->value, at, &inner);
}

int keys_read(const struct yaml_node *map, const struct key_row *rows, void *base,
	      const struct key_context *c)
{
	if (map->kind == YAML_NULL)
		return 0;
	if (map->kind != YAML_MAP)
		return key_refuse(map, c, "expected a map of keys, such as '{%s: ...}', not a %s",
				  rows[0].name, yaml_kind_name(map->kind));
	int rc = 0;
	for (size_t i = 0; i < map->n; i++)
		if (read_pair(&map->pairs[i], rows, base, c) < 0)
			rc = -1;
	return rc;
}

static void each_below(const struct key_row *rows, const char *prefix, int depth,
		       void (*each)(const char *, const struct key_row *, int, void *), void *arg)
{
	for (const struct key_row *r = rows; r->name; r++) {
		if (r->name[0] == '\0') {
			each_below(r->below, prefix, depth, each, arg);
			continue;
		}
		auto_free char *name =
			prefix[0] ? xasprintf("%s.%s", prefix, r->name) : xstrdup(r->name);
		each(name, r, depth, arg);
		if (r->below)
			each_below(r->below, name, depth + 1, each, arg);
	}
}

void keys_each(const struct key_row *rows, const char *prefix,
	       void (*each)(const char *name, const struct key_row *row, int depth, void *arg),
	       void *arg)
{
	each_below(rows, prefix, 0, each, arg);
}

int key_word(const struct yaml_node *v, const char *const *words, size_t n,
	     const struct key_context *c)
{
	const char *text = yaml_text(v);
	auto_str struct str all = STR_INIT;

	for (size_t i = 0; i < n; i++) {
		if (text && strcmp(words[i], text) == 0)
			return (int)i;
		str_addf(&all, "%s%s", i == 0 ? "" : i + 1 == n ? " or " : ", ", words[i]);
	}
	if (!text)
		return key_refuse(v, c, "expected one of %s, not a %s", str_text(&all),
				  yaml_kind_name(v->kind));
	const char *nearest = str_nearest(text, words, n);
	if (nearest)
		return key_refuse(v, c, "expected %s, not '%s': did you mean '%s'?", str_text(&all),
				  text, nearest);
	return key_refuse(v, c, "expected %s, not '%s'", str_text(&all), text);
}

/* The scalar's text, or NULL after an error that says what was expected. */
static const char *scalar(const struct yaml_node *v, const char *expected,
			  const struct key_context *c)
{
	const char *text = yaml_text(v);

	if (!text)
		(void)key_refuse(v, c, "expected %s, not a %s", expected, yaml_kind_name(v->kind));
	return text;
}

static int check_text(const struct yaml_node *v, const char *text, const struct key_context *c)
{
	if (text[0] == '\0')
		return key_refuse(v, c, "is empty: give a value or remove the line");
	if (strnlen(text, TEXT_MAX + 1) > TEXT_MAX)
		return key_refuse(v, c, "is longer than %d bytes", TEXT_MAX);
	return 0;
}

int key_set_text(const struct yaml_node *v, void *at, const struct key_context *c)
{
	const char *text = scalar(v, "text, such as 'abc'", c);

	if (!text || check_text(v, text, c) < 0)
		return -1;
	free(*(char **)at);
	*(char **)at = xstrdup(text);
	return 0;
}

int key_set_texts(const struct yaml_node *v, void *at, const struct key_context *c)
{
	auto_strv struct strv got = STRV_INIT;

	if (yaml_text(v)) {
		if (check_text(v, yaml_text(v), c) < 0)
			return -1;
		strv_push(&got, yaml_text(v));
	} else if (v->kind != YAML_LIST) {
		return key_refuse(v, c, "expected a list, such as [a, b], not a %s",
				  yaml_kind_name(v->kind));
	}
	if (v->kind == YAML_LIST && v->n > LIST_MAX)
		return key_refuse(v, c, "has more than %d entries", LIST_MAX);
	for (size_t i = 0; v->kind == YAML_LIST && i < v->n; i++) {
		const char *text = scalar(&v->items[i], "a list of texts, such as [a, b]", c);
		if (!text || check_text(&v->items[i], text, c) < 0)
			return -1;
		strv_push(&got, text);
	}
	struct strv *to = at;
	strv_done(to);
	*to = got;
	got = (struct strv)STRV_INIT;
	return 0;
}

int key_set_bool(const struct yaml_node *v, void *at, const struct key_context *c)
{
	static const char *const yes[] = {"true", "yes", "on"}, *const no[] = {"false", "no",
									       "off"};
	const char *text = scalar(v, "true or false", c);

	if (!text)
		return -1;
	for (size_t i = 0; i < COUNT_OF(yes) && !v->quoted; i++) {
		if (strcasecmp(text, yes[i]) != 0 && strcasecmp(text, no[i]) != 0)
			continue;
		*(bool *)at = strcasecmp(text, yes[i]) == 0;
		return 0;
	}
	return key_refuse(v, c, "expected true or false%s, not '%s'",
			  v->quoted ? " without quotes" : "", text);
}

/* Digits only, at most max. */
static int whole(const char *text, int max, int *out)
{
	int n = 0;

	if (text[0] == '\0' || strspn(text, "0123456789") != strlen(text))
		return -1;
	for (const char *p = text; *p; p++) {
		n = n * 10 + (*p - '0');
		if (n > max)
			return -1;
	}
	*out = n;
	return 0;
}

int key_set_count(const struct yaml_node *v, void *at, const struct key_context *c)
{
	const char *text = scalar(v, "a whole number, such as 10", c);

	if (!text)
		return -1;
	if (whole(text, COUNT_MAX, at) < 0)
		return key_refuse(v, c,
				  "expected a whole number from 0 to %d, such as 10, not '%s'",
				  COUNT_MAX, text);
	return 0;
}

int key_set_duration(const struct yaml_node *v, void *at, const struct key_context *c)
{
	const char *text = scalar(v, "a duration, such as 90s, 5m or 1h30m", c);
	struct err why = ERR_INIT;

	if (!text)
		return -1;
	if (duration_parse(text, at, &why) == 0)
		return 0;
	if (text[0] && strspn(text, "0123456789") == strlen(text))
		return key_refuse(v, c, "a duration needs its unit: write %ss, %sm or %sh", text,
				  text, text);
	return key_refuse(v, c, "expected a duration, such as 90s, 5m or 1h30m, not '%s'", text);
}

int key_set_percent(const struct yaml_node *v, void *at, const struct key_context *c)
{
	const char *text = scalar(v, "a percentage, such as 20%", c);

	if (!text)
		return -1;
	size_t len = strlen(text);
	auto_free char *digits = xstrndup(text, len > 0 && text[len - 1] == '%' ? len - 1 : 0);
	if (whole(digits, 100, at) < 0)
		return key_refuse(v, c,
				  "expected a percentage from 0%% to 100%%, such as 20%%, not '%s'",
				  text);
	return 0;
}
