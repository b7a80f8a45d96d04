/*
 * json - a thin layer over cJSON: budgets on the way in, typed getters, replacing setters. The
 * sorted writer is in json_canonical.c. Depends on: err, mem, strv, cJSON.
 */
#include "common/json.h"

#include "common/mem.h"

#include <string.h>

enum { DEPTH_MAX = 128, VALUES_MAX = 2000000 };

/* cJSON returns NULL only when memory has run out. */
static cJSON *must(cJSON *v)
{
	if (!v)
		abort();
	return v;
}

/*
 * Count depth and values before cJSON allocates some 90 bytes for each: "[],[],[]" costs forty
 * times its own size. Good enough for text that is not JSON too, as that is refused afterwards.
 */
static int check_budget(const char *text, size_t len, struct err *e)
{
	size_t values = 1, depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (quoted) {
			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = false;
		} else if (c == '"') {
			quoted = true;
		} else if (c == '[' || c == '{') {
			depth++;
			values++;
		} else if ((c == ']' || c == '}') && depth > 0) {
			depth--;
		} else if (c == ',') {
			values++;
		}
		if (depth > DEPTH_MAX)
			return err_set(e, ERR_REJECTED, 0, "JSON is nested deeper than %d levels",
				       DEPTH_MAX);
		if (values > VALUES_MAX)
			return err_set(e, ERR_REJECTED, 0, "JSON has more than %d values",
				       VALUES_MAX);
	}
	return 0;
}

int json_parse(const char *text, size_t len, cJSON **out, struct err *e)
{
	const char *end = NULL;

	if (len > 0 && memchr(text, '\0', len))
		return err_set(e, ERR_REJECTED, 0, "JSON contains a zero byte");
	if (check_budget(text, len, e) < 0)
		return -1;
	auto_json cJSON *v = cJSON_ParseWithLengthOpts(text, len, &end, false);
	size_t at = end && end >= text ? (size_t)(end - text) : 0;
	if (!v)
		return err_set(e, ERR_REJECTED, 0, "not valid JSON near byte %zu of %zu", at, len);
	while (at < len && strchr(" \t\r\n", text[at]))
		at++;
	if (at < len)
		return err_set(e, ERR_REJECTED, 0, "not valid JSON: more text at byte %zu", at);
	*out = TAKE(v);
	return 0;
}

const char *json_str(const cJSON *o, const char *name, const char *otherwise)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	return cJSON_IsString(v) && v->valuestring ? v->valuestring : otherwise;
}

int64_t json_int(const cJSON *o, const char *name, int64_t otherwise)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	const double two_to_63 = 9223372036854775808.0; /* exact */

	/* A double outside of int64_t must not be cast, and no NaN. */
	if (!cJSON_IsNumber(v) || !(v->valuedouble >= -two_to_63 && v->valuedouble < two_to_63))
		return otherwise;
	return (int64_t)v->valuedouble;
}

bool json_bool(const cJSON *o, const char *name, bool otherwise)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	return cJSON_IsBool(v) ? cJSON_IsTrue(v) : otherwise;
}

const cJSON *json_obj(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	return cJSON_IsObject(v) ? v : NULL;
}

const cJSON *json_arr(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	return cJSON_IsArray(v) ? v : NULL;
}

const cJSON *json_path(const cJSON *o, const char *dotted)
{
	auto_free char *names = xstrdup(dotted);

	for (char *name = names; o && name;) {
		char *dot = strchr(name, '.');

		if (dot)
			*dot = '\0';
		o = cJSON_GetObjectItemCaseSensitive(o, name);
		name = dot ? dot + 1 : NULL;
	}
	return o;
}

/* Put v in the place of the member of that name, or behind the last one. */
static void set(cJSON *o, const char *name, cJSON *v)
{
	if (cJSON_GetObjectItemCaseSensitive(o, name))
		(void)cJSON_ReplaceItemInObjectCaseSensitive(o, name, must(v));
	else if (!cJSON_AddItemToObject(o, name, must(v)))
		abort();
}

void json_set_str(cJSON *o, const char *name, const char *s)
{
	if (s)
		set(o, name, cJSON_CreateString(s));
	else
		cJSON_DeleteItemFromObjectCaseSensitive(o, name);
}

void json_set_int(cJSON *o, const char *name, int64_t v)
{
	set(o, name, cJSON_CreateNumber((double)v));
}

void json_set_bool(cJSON *o, const char *name, bool v)
{
	set(o, name, cJSON_CreateBool(v));
}

void json_set_strv(cJSON *o, const char *name, const struct strv *l)
{
	cJSON *list = must(cJSON_CreateArray());

	for (size_t i = 0; i < l->n; i++)
		(void)cJSON_AddItemToArray(list, must(cJSON_CreateString(l->v[i])));
	set(o, name, list);
}

void json_get_strv(const cJSON *o, const char *name, struct strv *out)
{
	const cJSON *list = json_arr(o, name);
	const cJSON *item = NULL;

	cJSON_ArrayForEach (item, list) {
		if (cJSON_IsString(item) && item->valuestring)
			strv_push(out, item->valuestring);
	}
}

char *json_text(const cJSON *v)
{
	char *text = cJSON_PrintUnformatted(v);

	if (!text)
		abort();
	return text;
}
