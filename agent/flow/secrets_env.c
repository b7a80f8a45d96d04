/*
 * secrets_env - the decrypted text of an env file. Stricter than Compose: what is not NAME=value is
 * an error with its line, nothing of which is shown, and a dollar means itself. Depends on:
 * secrets.h.
 */
#include "agent/flow/secrets.h"

#include "common/mem.h"

#include <ctype.h>
#include <string.h>

enum { VALUES_MAX = 2000 };

struct reader {
	const char *p;
	int line;
};

static bool in_name(char c, bool first)
{
	return isalpha((unsigned char)c) || c == '_' ||
	       (!first && (isdigit((unsigned char)c) || c == '.' || c == '-'));
}

static void blank(struct reader *r)
{
	while (*r->p == ' ' || *r->p == '\t' || *r->p == '\r')
		r->p++;
}

static char unescaped(char c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return c;
	}
}

/* After the opening quote; may go over lines. */
static int quoted(struct reader *r, char quote, struct str *out)
{
	for (; *r->p && *r->p != quote; r->p++) {
		if (quote == '"' && r->p[0] == '\\' && r->p[1]) {
			r->p++;
			str_addc(out, unescaped(*r->p));
		} else {
			str_addc(out, *r->p);
		}
		r->line += *r->p == '\n';
	}
	if (*r->p != quote)
		return -1;
	r->p++;
	blank(r);
	return *r->p == '\0' || *r->p == '\n' || *r->p == '#' ? 0 : -1;
}

/* To the end of the line; a comment begins with # after a blank. */
static void plain(struct reader *r, struct str *out)
{
	const char *begin = r->p;

	while (*r->p && *r->p != '\n' &&
	       !(*r->p == '#' && (r->p == begin || isspace((unsigned char)r->p[-1]))))
		r->p++;
	size_t len = (size_t)(r->p - begin);

	while (len > 0 && isspace((unsigned char)begin[len - 1]))
		len--;
	str_addn(out, begin, len);
}

static int one(struct reader *r, struct secret_values *out)
{
	struct str value = STR_INIT;
	int rc = 0;

	if (strncmp(r->p, "export ", strlen("export ")) == 0)
		r->p += strlen("export ");
	blank(r);
	const char *name = r->p;

	while (in_name(*r->p, r->p == name))
		r->p++;
	size_t len = (size_t)(r->p - name);

	blank(r);
	if (len == 0 || *r->p != '=' || out->n >= VALUES_MAX)
		return -1;
	r->p++;
	blank(r);
	if (*r->p == '"' || *r->p == '\'') {
		char quote = *r->p++;

		rc = quoted(r, quote, &value);
	} else {
		plain(r, &value);
	}
	out->names = xreallocarray(out->names, out->n + 1, sizeof(*out->names));
	out->values = xreallocarray(out->values, out->n + 1, sizeof(*out->values));
	out->names[out->n] = xstrndup(name, len);
	out->values[out->n++] = str_take(&value);
	return rc;
}

int secret_values_parse(const char *text, struct secret_values *out, struct err *e)
{
	struct reader r = {.p = text, .line = 1};
	struct secret_values v = {.n = 0};

	while (*r.p) {
		int line = r.line;

		blank(&r);
		if (*r.p != '#' && *r.p != '\n' && *r.p != '\0' && one(&r, &v) < 0) {
			secret_values_done(&v);
			return err_set(e, ERR_REJECTED, 0,
				       "line %d of its decrypted text is not NAME=value", line);
		}
		r.p += strcspn(r.p, "\n");
		if (*r.p == '\n') {
			r.p++;
			r.line++;
		}
	}
	*out = v;
	return 0;
}

void secret_values_done(struct secret_values *v)
{
	for (size_t i = 0; i < v->n; i++) {
		free(v->names[i]);
		secret_forget(v->values[i], strlen(v->values[i]));
	}
	free(v->names);
	free(v->values);
	*v = (struct secret_values){.n = 0};
}
