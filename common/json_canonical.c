/*
 * json_canonical - JSON text in which equal values look equal: members sorted by name at every
 * level. Depends on: json, mem, str.
 */
#include "common/json.h"
#include "common/mem.h"
#include "common/str.h"

#include <stdint.h>
#include <string.h>

struct member {
	const cJSON *v;
	size_t at; /* place in the file: keeps the order of two members of one name */
};

static int by_name(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int order = strcmp(x->v->string ? x->v->string : "", y->v->string ? y->v->string : "");

	if (order != 0)
		return order;
	return x->at < y->at ? -1 : x->at > y->at;
}

static void add_scalar(struct str *out, const cJSON *v)
{
	auto_free char *text = json_text(v);

	str_add(out, text);
}

static void add_name(struct str *out, const char *name)
{
	/* A value that borrows the name, so that cJSON does the escaping. */
	cJSON text = {.type = cJSON_String | cJSON_IsReference};

	memcpy(&text.valuestring, &name, sizeof(name)); /* read only; drops the const */
	add_scalar(out, &text);
	str_addc(out, ':');
}

static void add_value(struct str *out, const cJSON *v);

static void add_object(struct str *out, const cJSON *o)
{
	size_t n = 0;
	const cJSON *v = NULL;

	cJSON_ArrayForEach (v, o)
		n++;
	auto_free struct member *members = xcalloc(n, sizeof(*members));
	size_t i = 0;
	cJSON_ArrayForEach (v, o) {
		members[i].v = v;
		members[i].at = i;
		i++;
	}
	if (n > 1)
		qsort(members, n, sizeof(*members), by_name);
	str_addc(out, '{');
	for (i = 0; i < n; i++) {
		if (i > 0)
			str_addc(out, ',');
		add_name(out, members[i].v->string ? members[i].v->string : "");
		add_value(out, members[i].v);
	}
	str_addc(out, '}');
}

/* Recursive: json_parse() bounds the depth, and what we build ourselves is shallow. */
static void add_value(struct str *out, const cJSON *v)
{
	const cJSON *item = NULL;

	if (cJSON_IsObject(v)) {
		add_object(out, v);
	} else if (cJSON_IsArray(v)) {
		str_addc(out, '[');
		cJSON_ArrayForEach (item, v) {
			if (item != v->child)
				str_addc(out, ',');
			add_value(out, item);
		}
		str_addc(out, ']');
	} else {
		add_scalar(out, v);
	}
}

char *json_canonical(const cJSON *v)
{
	struct str out = {.max = SIZE_MAX}; /* cut text would compare equal */

	add_value(&out, v);
	return str_take(&out);
}
