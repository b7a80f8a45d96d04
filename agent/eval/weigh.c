/*
 * weigh - what variables and port ranges would make of a small file. Compose itself has no limits:
 * 446 bytes of .env cost it gigabytes, a range of ports a gigabyte. Depends on: scan.
 */
#include "agent/eval/scan.h"

#include <string.h>

enum { FILE_WEIGHT_MAX = 8 * ENV_WEIGHT_MAX, NEST_MAX = 32 };

/* Compose's time grows with the square of the depth. */
static bool too_deep(const char *text)
{
	int depth = 0;

	for (const char *p = text; *p; p++) {
		if (p[0] == '$' && p[1] == '{' && ++depth > NEST_MAX)
			return true;
		if (*p == '}' && depth > 0)
			depth--;
	}
	return false;
}

/* True to go on. */
static bool weigh(struct scan *s, const char *file, const struct yaml_node *v)
{
	if (v->kind == YAML_SCALAR && strchr(v->text, '$')) {
		size_t own = env_weight(&s->env, v->text);
		bool large = own > ENV_WEIGHT_MAX || (s->weight += own) > FILE_WEIGHT_MAX;

		if (!large && !too_deep(v->text))
			return true;
		scan_note(s, DIAG_ERROR, file, v,
			  large ? "the values of variables make this file too large"
				: "variables are nested too deeply here");
		return false;
	}
	for (size_t i = 0; v->kind == YAML_MAP && i < v->n; i++)
		if (!weigh(s, file, &v->pairs[i].value))
			return false;
	for (size_t i = 0; v->kind == YAML_LIST && i < v->n; i++)
		if (!weigh(s, file, &v->items[i]))
			return false;
	return true;
}

void scan_weigh(struct scan *s, const char *file, const struct yaml_node *root)
{
	(void)weigh(s, file, root);
}

void scan_weigh_env(struct scan *s, const char *file, const struct env *env)
{
	const char *name = env_heavy(env);

	if (name)
		scan_note(s, DIAG_ERROR, file, NULL,
			  "the value of %s grows beyond %d KiB with the variables in it", name,
			  ENV_WEIGHT_MAX / 1024);
}
