/*
 * secrets_fill - placeholders: what stands for a value in a model that is kept. One is made of the
 * ciphertext's id and the variable's name, so it tells nothing of the value and is the same for as
 * long as the ciphertext is. Depends on: secrets.h.
 */
#include "agent/flow/secrets.h"

#include "common/digest.h"
#include "common/mem.h"

#include <stdlib.h>
#include <string.h>

#define MARK "mdcsecret"
enum { HEX = 32, WHOLE = sizeof(MARK) - 1 + HEX };

struct entry {
	char hex[HEX + 1];
	char *value; /* with doubled dollars, as everything in a model */
};

struct secret_table {
	struct entry *v;
	size_t n;
};

void secret_placeholder(const char *id, const char *name, char out[64])
{
	struct digest *d = digest_new();
	char hex[DIGEST_HEX_SIZE];

	digest_add(d, id, strlen(id));
	digest_add(d, name, strlen(name));
	digest_end(d, hex);
	(void)snprintf(out, 64, MARK "%.*s", (int)HEX, hex);
}

struct secret_table *secret_table_new(void)
{
	return xcalloc(1, sizeof(struct secret_table));
}

static char *doubled(const char *value)
{
	struct str out = STR_INIT;

	for (; *value; value++) {
		str_addc(&out, *value);
		if (*value == '$')
			str_addc(&out, '$');
	}
	return str_take(&out);
}

void secret_table_add(struct secret_table *t, const char *id, const struct secret_values *v)
{
	t->v = xreallocarray(t->v, t->n + v->n + 1, sizeof(*t->v));
	for (size_t i = 0; i < v->n; i++) {
		struct entry *x = &t->v[t->n++];
		char mark[64];

		secret_placeholder(id, v->names[i], mark);
		memcpy(x->hex, mark + strlen(MARK), sizeof(x->hex));
		x->value = doubled(v->values[i]);
	}
}

void secret_table_free(struct secret_table *t)
{
	for (size_t i = 0; i < t->n; i++)
		secret_forget(t->v[i].value, strlen(t->v[i].value));
	free(t->v);
	free(t);
}

static const struct entry *find(const struct secret_table *t, const char *hex)
{
	for (size_t i = 0; i < t->n; i++)
		if (strncmp(t->v[i].hex, hex, HEX) == 0)
			return &t->v[i];
	return NULL;
}

static bool is_mark(const char *at)
{
	return strspn(at + strlen(MARK), "0123456789abcdef") >= HEX;
}

static int fill(const struct secret_table *t, cJSON *item, struct err *e)
{
	const char *text = item->valuestring;
	struct str out = STR_INIT;

	for (const char *at; (at = strstr(text, MARK));) {
		const struct entry *x = is_mark(at) ? find(t, at + strlen(MARK)) : NULL;

		if (is_mark(at) && !x) {
			str_done(&out);
			return err_set(e, ERR_BROKEN, 0,
				       "a secret that the model needs is in none of its files");
		}
		str_addn(&out, text, (size_t)(at - text));
		str_add(&out, x ? x->value : MARK);
		text = at + (x ? (size_t)WHOLE : strlen(MARK));
	}
	str_add(&out, text);
	size_t len = out.len;
	char *whole = str_take(&out);
	char *filled = cJSON_SetValuestring(item, whole);

	secret_forget(whole, len);
	if (!filled)
		abort();
	return 0;
}

int secret_table_fill(const struct secret_table *t, cJSON *model, struct err *e)
{
	cJSON *child = NULL;

	cJSON_ArrayForEach (child, model) {
		if (cJSON_IsString(child) && strstr(child->valuestring, MARK)) {
			if (fill(t, child, e) < 0)
				return -1;
		} else if (secret_table_fill(t, child, e) < 0) {
			return -1;
		}
	}
	return 0;
}
