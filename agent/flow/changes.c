/*
 * changes - what a deployment changes, in words, for the plan, the history and the webhooks: the
 * model's services, files, settings. Names of variables and files, never values or contents.
 * Depends on: staging.h, engine.
 */
#include "agent/flow/staging.h"

#include "agent/engine/model.h"
#include "common/mem.h"

#include <string.h>

enum { SETTINGS_DEPTH = 3 };

static bool equal(const cJSON *a, const cJSON *b)
{
	return a && b ? cJSON_Compare(a, b, true) : a == b;
}

/* Dotted names of keys that differ: "health.timeout". */
static void add_keys(const cJSON *a, const cJSON *b, const char *prefix, int depth,
		     struct strv *out)
{
	const cJSON *sides[] = {b, a}, *item = NULL;

	for (size_t side = 0; side < COUNT_OF(sides); side++) {
		cJSON_ArrayForEach (item, sides[side]) {
			const cJSON *x = cJSON_GetObjectItemCaseSensitive(a, item->string);
			const cJSON *y = cJSON_GetObjectItemCaseSensitive(b, item->string);
			auto_free char *name = xasprintf("%s%s", prefix, item->string);

			if (equal(x, y))
				continue;
			if (depth < SETTINGS_DEPTH && cJSON_IsObject(x) && cJSON_IsObject(y)) {
				auto_free char *inner = xasprintf("%s.", name);

				add_keys(x, y, inner, depth + 1, out);
			} else {
				(void)strv_add_once(out, name);
			}
		}
	}
}

void changes_settings(const struct project *old, const struct project *new, struct strv *out)
{
	auto_json cJSON *a = settings_to_json(&old->settings);
	auto_json cJSON *b = settings_to_json(&new->settings);
	auto_strv struct strv keys = STRV_INIT;

	add_keys(a, b, "", 1, &keys);
	for (size_t i = 0; i < keys.n; i++) {
		size_t n = strlen(keys.v[i]);

		/* Times are kept in ms; people write "timeout". */
		n -= str_ends(keys.v[i], "_ms") ? strlen("_ms") : 0;
		strv_pushf(out, "setting %.*s of the project changed", (int)n, keys.v[i]);
	}
	if (!strv_equal(&old->files, &new->files))
		strv_push(out, "other Compose files are used");
	if (!strv_equal(&old->env_files, &new->env_files))
		strv_push(out, "other env_files are used");
}

static void tell(struct pool_job *j, const struct strv *lines)
{
	for (size_t i = 0; i < lines->n; i++)
		job_tell(j, "changes", lines->v[i]);
}

void changes_find(struct staging *g, const cJSON *old, const cJSON *new)
{
	struct trial *t = g->trial;
	const struct active *a = &t->old, *b = &t->new;
	auto_strv struct strv rest = STRV_INIT, notes = STRV_INIT;

	model_compare(old, new, &t->reasons, &t->services, &notes);
	if (t->has_old) {
		const struct model_files f = {.live = g->live,
					      .old = a->files,
					      .n_old = a->n_files,
					      .new = b->files,
					      .n_new = b->n_files};

		model_compare_files(&f, old, new, &t->reasons, &rest);
		changes_settings(&a->want, &b->want, &rest);
	}
	tell(g->job, &t->reasons);
	tell(g->job, &notes);
	tell(g->job, &rest);
	for (size_t i = 0; i < notes.n; i++)
		strv_push(&t->notes, notes.v[i]);
	strv_copy(&t->quiet, &rest);
}
