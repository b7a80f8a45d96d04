/*
 * commit - the generation: what every project of this host is now, whole, and then `current` (the
 * point of no return of the sync as a whole; each project passed its own in its trial). Depends on:
 * sync.h, store, git.
 */
#include "agent/flow/staging.h"

#include "common/clock.h"
#include "common/fault.h"
#include "common/mem.h"

#include <string.h>

struct generation_entry *generation_add(struct generation *g, const char *name)
{
	g->v = xreallocarray(g->v, g->n + 1, sizeof(*g->v));
	struct generation_entry *x = &g->v[g->n++];

	memset(x, 0, sizeof(*x));
	x->name = xstrdup(name);
	active_init(&x->active);
	return x;
}

static int keep_objects(struct repo *r, void *arg, cJSON **out, struct err *e)
{
	const struct generation *g = arg;

	(void)out;
	return repo_keep(r, g->number, g, e);
}

int generation_commit(struct sync *s, struct generation *g, struct err *e)
{
	auto_json cJSON *none = NULL;

	generation_sort(g);
	if (with_repo(s, "keep the generation", keep_objects, g, &none, e) < 0)
		return -1;
	if (generation_write(s->store, g, e) < 0 || fault_hit(FAULT_generation_written, e) < 0)
		return -1;
	if (current_switch(s->store, g->number, e) < 0)
		return -1;
	return fault_hit(FAULT_current_switched, e);
}

/* What has not changed is neither copied nor put into words again. */
static void add_kept(struct generation *g, const struct generation_entry *was)
{
	struct generation_entry *x = generation_add(g, was->name);

	active_done(&x->active);
	x->active = was->active;
	x->borrowed = true;
	x->text = was->status == ENTRY_GOOD ? xstrdup_null(was->text) : NULL;
}

static void add_wanted(struct sync *s, struct generation *g, const struct project *w)
{
	const struct trial *t = sync_trial(s, w->name);
	const struct generation_entry *was = generation_find(&s->current, w->name);
	bool here = was && was->status != ENTRY_MISSING;
	struct plan_item *p = plan_find(&s->plan, w->name);

	if (t && t->state == TRIAL_GOOD) {
		active_copy(&generation_add(g, w->name)->active, &t->new);
		return;
	}
	if (here && strcmp(was->active.want.digest, w->digest) == 0) {
		add_kept(g, was);
		return;
	}
	struct generation_entry *x = generation_add(g, w->name);

	x->status = here ? ENTRY_HELD : ENTRY_MISSING;
	x->why = xstrdup(t && t->why         ? t->why
			 : p && p->reasons.n ? p->reasons.v[0]
					     : "not deployed");
	if (here)
		active_copy(&x->active, &was->active);
}

/* Not wanted any more, and still here because its removal did not go through. */
static void add_leftovers(struct sync *s, struct generation *g)
{
	for (size_t i = 0; i < s->current.n; i++) {
		const struct generation_entry *was = &s->current.v[i];
		const struct trial *t = sync_trial(s, was->name);

		if (was->status == ENTRY_MISSING || projects_find(&s->wanted, was->name) ||
		    (t && t->state == TRIAL_GOOD))
			continue;
		struct generation_entry *x = generation_add(g, was->name);

		x->status = ENTRY_HELD;
		x->why = xstrdup("is to be removed");
		active_copy(&x->active, &was->active);
	}
}

static bool moved(const struct sync *s)
{
	for (size_t i = 0; i < s->n_trials; i++)
		if (s->trials[i].state == TRIAL_GOOD && s->trials[i].action != PLAN_REPAIR)
			return true;
	return false;
}

static bool all_good(const struct sync *s)
{
	for (size_t i = 0; i < s->n_trials; i++)
		if (s->trials[i].state != TRIAL_GOOD)
			return false;
	return true;
}

static int make_generation(struct sync *s, struct err *e)
{
	auto_generation struct generation g = {
		.number = s->number,
		.made = clock_wall(),
		.source = xstrdup(s->config->source.url ? s->config->source.url : "agent.yaml"),
		.cause = s->options->rollback
				 ? xasprintf("rollback to %lld", (long long)s->target.number)
				 : xstrdup(s->options->retry ? "retry" : "sync"),
	};

	if (s->config->n_projects > 0)
		g.host_config = xstrdup_null(s->config->digest);
	g.host_system = realpath("/run/current-system", NULL);
	commit_info_copy(&g.commit, &s->commit);
	strv_copy(&g.others, s->options->rollback ? &s->target.others : &s->others);
	for (size_t i = 0; i < s->wanted.n; i++)
		add_wanted(s, &g, &s->wanted.v[i]);
	add_leftovers(s, &g);
	if (generation_commit(s, &g, e) < 0)
		return err_wrap(e, "generation %lld", (long long)g.number);
	return 0;
}

/* A whole rollback that went through makes no new generation: `current` goes back, as on NixOS. */
static int settle_current(struct sync *s, struct err *e)
{
	bool back = s->options->rollback && !s->options->project && all_good(s);

	if (!moved(s) && !back)
		return 0;
	if (back && current_switch(s->store, s->target.number, e) < 0)
		return -1;
	if (!back && make_generation(s, e) < 0)
		return -1;
	s->current.number = back ? s->target.number : s->number;
	s->report->made = true;
	return 0;
}

/* Project -> why its newest content is not applied; NULL: everything wanted holds. */
static cJSON *held_projects(const struct sync *s)
{
	cJSON *o = cJSON_CreateObject();

	for (size_t i = 0; i < s->report->n; i++) {
		const struct outcome *x = &s->report->v[i];

		const char *why = x->why ? x->why : outcome_name(x->kind);

		if (x->kind == OUTCOME_DEPLOYED || x->kind == OUTCOME_REPAIRED ||
		    x->kind == OUTCOME_REMOVED)
			continue;
		auto_free char *text = xasprintf(
			"%s%s", x->kind == OUTCOME_RETRY ? "will be tried again: " : "", why);

		json_set_str(o, x->project, text);
	}
	if (cJSON_GetArraySize(o) > 0)
		return o;
	cJSON_Delete(o);
	return NULL;
}

/* What the next sync compares with. Not written when nothing in it changed. */
static int write_source(struct sync *s, struct err *e)
{
	if (s->options->rollback)
		return 0;
	struct source_record *r = &s->source;
	bool ok = !s->retry_later;
	auto_json cJSON *held = held_projects(s);

	if (str_eq(r->id, s->head) && r->settled == ok && !r->last_error &&
	    str_eq(r->config_digest, s->config->digest) && str_eq(r->plan_digest, s->plan_digest) &&
	    (held ? cJSON_Compare(held, r->held, true) : !r->held))
		return 0;
	cJSON_Delete(r->held);
	r->held = TAKE(held);
	if (!str_eq(r->id, s->head)) {
		r->moved = clock_wall();
		age_look(s);
	}
	memcpy(r->id, s->head, sizeof(r->id));
	free(r->config_digest);
	r->config_digest = xstrdup_null(s->config->digest);
	free(r->plan_digest);
	r->plan_digest = xstrdup(s->plan_digest);
	free(TAKE(r->last_error));
	r->settled = ok;
	r->fetched = clock_wall();
	return source_write(s->store, r, e);
}

/* {"counts": [{"outcome": "failed", "count": 2, "first": "web: unhealthy"}, ...]}: what receivers
 * and the forge judge a sync by. */
static cJSON *counts_of(const struct sync *s)
{
	cJSON *details = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(details, "counts");

	for (int k = OUTCOME_DEPLOYED; k <= OUTCOME_DEGRADED; k++) {
		const struct outcome *first = NULL;
		int64_t n = 0;

		for (size_t i = 0; i < s->report->n; i++) {
			const struct outcome *x = &s->report->v[i];

			if ((int)x->kind != k)
				continue;
			n++;
			first = first ? first : x;
		}
		if (!first)
			continue;
		auto_free char *why = reason_short(first->why ? first->why : "");
		auto_free char *text = xasprintf("%s%s%s", first->project, why[0] ? ": " : "", why);
		cJSON *o = cJSON_CreateObject();
		json_set_str(o, "outcome", outcome_name((enum outcome_kind)k));
		json_set_int(o, "count", n);
		json_set_str(o, "first", text);
		cJSON_AddItemToArray(list, o);
	}
	return details;
}

static void report_end(struct sync *s)
{
	auto_json cJSON *details = counts_of(s);
	size_t counts[OUTCOME_DEGRADED + 1] = {0};
	struct event_fields f = {.commit = s->commit.id,
				 .generation = s->current.number,
				 .duration_ms = clock_ms() - s->begun_ms};
	auto_str struct str text = STR_INIT;

	for (size_t i = 0; i < s->report->n; i++)
		counts[s->report->v[i].kind]++;
	str_addf(&text, "generation %lld, commit %.12s", (long long)s->current.number,
		 s->commit.id);
	for (size_t k = 0; k < COUNT_OF(counts); k++)
		if (counts[k] > 0)
			str_addf(&text, ", %zu %s", counts[k], outcome_name((enum outcome_kind)k));
	f.reason = str_text(&text);
	f.details = details;
	if (s->options->rollback && !s->options->project)
		f.previous = s->current.commit.id; /* that was left behind */
	report_event(s, EVENT_SYNC_FINISHED, &f, str_text(&text));
}

int flow_commit(struct sync *s, struct err *e)
{
	bool opened = s->number > 0;

	if (settle_current(s, e) < 0 || write_source(s, e) < 0)
		return -1;
	if (!opened)
		return 0;
	report_end(s);
	if (report_settled(s, e) < 0)
		return -1;
	if (sync_open_trials(s))
		return 0; /* a trial is still open: the next start goes on with it */
	if (sync_intent_remove(s->store, e) < 0)
		return -1;
	return fault_hit(FAULT_sync_closed, e);
}
