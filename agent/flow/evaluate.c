/*
 * evaluate - which projects belong to this host, from the commit's tree and agent.yaml, in a
 * worker. Only what differs from the current generation comes back, so that one changed project of
 * a thousand costs one. Depends on: sync.h, eval, git.
 */
#include "agent/flow/sync.h"

#include "common/clock.h"
#include "common/digest.h"
#include "common/mem.h"

#include <string.h>

struct eval_job {
	struct sync *sync;
	const char *repo_dir;
	char *flake; /* what the repository's flake gave, or NULL */
};

static int store_tree(void *ctx, const char *const *names, const char *const *data,
		      const size_t *lens, size_t n, char id[OBJECT_ID_SIZE], struct err *e)
{
	return repo_store_tree(ctx, names, data, lens, n, id, e);
}

/* {"same": [names], "new": [projects], "atomic":, "warnings":} */
static cJSON *delta(const struct generation *known, const struct eval_result *r)
{
	cJSON *out = cJSON_CreateObject();
	cJSON *same = cJSON_AddArrayToObject(out, "same");
	cJSON *fresh = cJSON_AddArrayToObject(out, "new");

	for (size_t i = 0; i < r->projects.n; i++) {
		const struct project *p = &r->projects.v[i];
		const struct generation_entry *g = generation_find(known, p->name);

		if (g && !p->why_bad && strcmp(g->active.want.digest, p->digest) == 0)
			cJSON_AddItemToArray(same, cJSON_CreateString(p->name));
		else
			cJSON_AddItemToArray(fresh, project_to_json(p));
	}
	json_set_bool(out, "atomic", r->atomic);
	json_set_strv(out, "warnings", &r->warnings);
	json_set_strv(out, "others", &r->others);
	return out;
}

static int eval_work(void *arg, struct worker_out *o, cJSON **result, struct err *e)
{
	struct eval_job *j = arg;
	struct sync *s = j->sync;
	auto_repo struct repo *r = NULL;
	auto_eval_result struct eval_result found = {.atomic = false};

	(void)o;
	if (repo_library_init(e) < 0 || repo_open(j->repo_dir, &s->config->source, &r, e) < 0)
		return -1;
	sync_confine(s, j->repo_dir, false);
	struct tree_reader reader = repo_reader(r);
	struct eval_input in = {
		.config = s->config,
		.reader = s->commit.tree[0] ? &reader : NULL,
		.root = s->commit.tree,
		.known = s->current.number > 0 ? &s->current : NULL,
		.store_tree = store_tree,
		.store_ctx = r,
		.flake = j->flake,
	};

	if (eval_run(&in, NULL, &found, e) < 0)
		return -1;
	*result = delta(&s->current, &found);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct project *)a)->name, ((const struct project *)b)->name);
}

static void take_wanted(struct sync *s, const cJSON *j)
{
	const cJSON *same = json_arr(j, "same"), *fresh = json_arr(j, "new"), *i;
	size_t n = (size_t)cJSON_GetArraySize(same) + (size_t)cJSON_GetArraySize(fresh);
	struct projects *w = &s->wanted;

	w->v = xcalloc(n + 1, sizeof(*w->v));
	cJSON_ArrayForEach (i, same) {
		const struct generation_entry *g = generation_find(&s->current, i->valuestring);

		if (g)
			project_copy(&w->v[w->n++], &g->active.want);
	}
	cJSON_ArrayForEach (i, fresh)
		project_from_json(i, &w->v[w->n++]);
	qsort(w->v, w->n, sizeof(*w->v), by_name);
	s->atomic = json_bool(j, "atomic", false);
	json_get_strv(j, "warnings", &s->report->warnings);
	json_get_strv(j, "others", &s->others);
}

/* One digest over all that this host is to run: a manual rollback's hold is lifted when it changes.
 */
static void seal_plan(struct sync *s)
{
	struct digest *d = digest_new();

	for (size_t i = 0; i < s->wanted.n; i++) {
		digest_add(d, s->wanted.v[i].name, strlen(s->wanted.v[i].name));
		digest_add(d, s->wanted.v[i].digest, strlen(s->wanted.v[i].digest));
	}
	digest_end(d, s->plan_digest);
}

/* A manifest that is wrong as a whole: remembered with the head, so that it is told once and not
 * tried again. */
static void reject_commit(struct sync *s, const struct err *why)
{
	char text[sizeof(why->cause) + sizeof(why->trail)];
	struct err ignored = ERR_INIT;

	err_text(why, text, sizeof(text));
	report_event(s, EVENT_SOURCE_REJECTED,
		     &(struct event_fields){.commit = s->head, .reason = text}, text);
	if (!str_eq(s->source.id, s->head))
		s->source.moved = clock_wall();
	memcpy(s->source.id, s->head, sizeof(s->source.id));
	free(s->source.config_digest);
	s->source.config_digest = xstrdup_null(s->config->digest);
	free(s->source.last_error);
	s->source.last_error = xstrdup(text);
	s->source.failures = 0;
	s->source.settled = true;
	(void)source_write(s->store, &s->source, &ignored);
}

int flow_evaluate(struct sync *s, struct err *e)
{
	auto_free char *dir = sync_repo_dir(s);
	auto_json cJSON *found = NULL;
	struct eval_job j = {.sync = s, .repo_dir = dir};
	int64_t number = s->current.number;

	if (s->options->rollback)
		return 0; /* the target is a kept record; both generations are loaded */
	/* It has been read already if there were objects to fetch. */
	if (number > 0 && !s->current.source &&
	    generation_read(s->store, number, &s->current, e) < 0)
		return -1;
	int rc = flake_evaluate(s, dir, &j.flake, e);
	auto_free char *flake = j.flake;

	if (rc == 0)
		rc = worker_call("evaluate", eval_work, &j, &sync_reader_limits, NULL, NULL, &found,
				 e);
	if (rc < 0) {
		if (e->kind == ERR_REJECTED && !s->dry)
			reject_commit(s, e);
		return err_wrap(e, "evaluate %.12s", s->head);
	}
	take_wanted(s, found);
	seal_plan(s);
	return 0;
}
