/*
 * template - see template.h.
 * Depends on: common. To add a field: a word in `fields`; it is then looked up in the history's
 * line by that name.
 */
#include "agent/model/template.h"

#include "common/auto.h"
#include "common/json.h"
#include "common/mem.h"

#include <inttypes.h>
#include <string.h>

enum { FIELD_MAX = 64 };

static const char *const fields[] = {
	"id",      "seq",         "time",       "time_ms", "event",    "severity", "host",
	"message", "project",     "generation", "commit",  "previous", "subject",  "author",
	"reason",  "duration_ms", "receiver",   "volume",  "snapshot", "bytes",
};

enum template_escape template_escape_of(const char *content_type)
{
	if (strstr(content_type, "json"))
		return TEMPLATE_JSON;
	return strstr(content_type, "form-urlencoded") ? TEMPLATE_FORM : TEMPLATE_PLAIN;
}

static bool is_known(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";

	for (size_t i = 0; i < COUNT_OF(fields); i++)
		if (strcmp(fields[i], name) == 0)
			return true;
	/* What is in details depends on the event. */
	return str_starts(name, "details.") && name[8] != '\0' &&
	       strspn(name + 8, letters) == strlen(name + 8);
}

/*
 * The next {{field}}: the result is where it begins, *to what follows it, name its trimmed name.
 * NULL: no further one. With {{ that is never closed, or a name too long, *to is NULL.
 */
static const char *next_field(const char *text, char name[FIELD_MAX], const char **to)
{
	const char *from = strstr(text, "{{");
	const char *end = from ? strstr(from, "}}") : NULL;

	*to = NULL;
	if (!end)
		return from;
	const char *p = from + 2;
	while (p < end && *p == ' ')
		p++;
	size_t n = (size_t)(end - p);
	while (n > 0 && p[n - 1] == ' ')
		n--;
	if (n >= FIELD_MAX)
		return from;
	memcpy(name, p, n);
	name[n] = '\0';
	*to = end + 2;
	return from;
}

int template_check(const char *text, struct err *e)
{
	char name[FIELD_MAX];
	const char *to = NULL;

	for (const char *p = next_field(text, name, &to); p; p = next_field(to, name, &to)) {
		if (!to)
			return err_set(e, ERR_USAGE, 0,
				       "the template has {{ without a field and }} after it");
		if (is_known(name))
			continue;
		auto_free char *shown = str_printable(name, FIELD_MAX);
		const char *nearest = str_nearest(name, fields, COUNT_OF(fields));
		return err_set(e, ERR_USAGE, 0, "the template has an unknown field {{%s}}%s%s%s",
			       shown, nearest ? ": did you mean {{" : "", nearest ? nearest : "",
			       nearest ? "}}?" : "; fields are those of `mdc-agent events --json`");
	}
	return 0;
}

static void add_value(struct str *out, const cJSON *v)
{
	const cJSON *i;
	const char *between = "";

	if (cJSON_IsString(v)) {
		str_add(out, v->valuestring);
	} else if (cJSON_IsArray(v)) {
		cJSON_ArrayForEach (i, v) {
			str_add(out, between);
			add_value(out, i);
			between = "\n";
		}
	} else if (v && !cJSON_IsNull(v)) {
		auto_free char *text = json_text(v);

		str_add(out, text);
	}
}

static void add_form(struct str *out, const char *s)
{
	for (; *s != '\0'; s++) {
		bool plain = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
			     (*s >= '0' && *s <= '9') || strchr("-._~", *s);
		if (plain)
			str_addc(out, *s);
		else
			str_addf(out, "%%%02X", (unsigned char)*s);
	}
}

static void add_escaped(struct str *out, const char *text, enum template_escape how)
{
	if (how == TEMPLATE_PLAIN) {
		str_add(out, text);
	} else if (how == TEMPLATE_FORM) {
		add_form(out, text);
	} else {
		auto_json cJSON *j = cJSON_CreateString(text);
		auto_free char *quoted = json_text(j);

		str_addn(out, quoted + 1, strlen(quoted) - 2);
	}
}

void template_fill(const char *text, const cJSON *entry, enum template_escape how, struct str *out)
{
	char name[FIELD_MAX];
	const char *to = NULL, *rest = text;

	for (const char *p = next_field(text, name, &to); p && to; p = next_field(to, name, &to)) {
		auto_str struct str value = STR_INIT;

		str_addn(out, rest, (size_t)(p - rest));
		add_value(&value, json_path(entry, name));
		add_escaped(out, str_text(&value), how);
		rest = to;
	}
	str_add(out, rest);
}
