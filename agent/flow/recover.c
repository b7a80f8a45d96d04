/*
 * recover - the first thing a sync does: finish or undo what a killed one left. sync.json says
 * which projects it touched; each one's intent says how far it came; the engine is asked what is
 * true. Depends on: trial.h.
 */
#include "agent/flow/trial.h"

#include "common/clock.h"
#include "common/mem.h"

#include <string.h>

enum { RECOVER_MS = 6 * 60 * 60 * 1000, HISTORY_LOOK = 1000 };

static struct trial *next(struct sync *s)
{
	for (size_t i = 0; i < s->n_trials; i++)
		if (s->trials[i].state == TRIAL_WAITING && !s->trials[i].busy)
			return &s->trials[i];
	return NULL;
}

static struct trial *next_healthy(struct sync *s)
{
	for (size_t i = 0; i < s->n_trials; i++)
		if (s->trials[i].state == TRIAL_HEALTHY && !s->trials[i].busy)
			return &s->trials[i];
	return NULL;
}

static void ended(struct sync *s, struct trial *t, const cJSON *result, const struct err *failed)
{
	const char *end = json_str(result, "end", "");

	if (!failed && strcmp(end, "healthy") == 0) { /* atomic, and nobody decides any more */
		t->state = TRIAL_HEALTHY;
		return;
	}
	t->state = TRIAL_ENDED;
	if (!failed && strcmp(end, "untouched") == 0) { /* the next plan tries it again */
		t->outcome = OUTCOME_RETRY;
		strv_pushf(&s->report->recovered, "%s: %s", t->name, json_str(result, "why", "?"));
		return;
	}
	if (failed || strcmp(end, "retry") == 0 || strcmp(end, "stopped") == 0) {
		t->outcome = OUTCOME_RETRY;
		t->why = xstrdup(failed ? failed->cause : json_str(result, "why", "?"));
		return;
	}
	t->outcome = strcmp(end, "good") == 0       ? OUTCOME_DEPLOYED
		     : strcmp(end, "degraded") == 0 ? OUTCOME_DEGRADED
						    : OUTCOME_FAILED;
	t->why = xstrdup_null(json_str(result, "why", NULL));
	if (t->outcome != OUTCOME_DEPLOYED)
		report_trial(s, t);
	strv_pushf(&s->report->recovered, "%s: %s%s%s", t->name,
		   t->outcome == OUTCOME_DEPLOYED ? "finished" : outcome_name(t->outcome),
		   t->why ? ": " : "", t->why ? t->why : "");
}

static void read_sync(struct sync *s, const cJSON *j)
{
	const cJSON *commit = json_obj(j, "commit"), *i;

	s->number = json_int(j, "number", 0);
	s->atomic = json_bool(j, "atomic", false);
	snprintf(s->commit.id, sizeof(s->commit.id), "%s", json_str(commit, "id", ""));
	snprintf(s->commit.tree, sizeof(s->commit.tree), "%s", json_str(commit, "tree", ""));
	s->commit.subject = xstrdup_null(json_str(commit, "subject", NULL));
	s->commit.author = xstrdup_null(json_str(commit, "author", NULL));
	s->commit.time = json_int(commit, "time", 0);
	cJSON_ArrayForEach (i, json_arr(j, "projects"))
		(void)trial_add(s, i->valuestring, PLAN_CHANGE);
	cJSON_ArrayForEach (i, json_arr(j, "removed")) {
		struct trial *t = sync_trial(s, i->valuestring);

		if (t)
			t->action = PLAN_REMOVE;
	}
}

/* Only projects with an open intent need work, and not those that wait for a person's word. */
static int drop_closed(struct sync *s, size_t *open, struct err *e)
{
	*open = 0;
	for (size_t i = 0; i < s->n_trials; i++) {
		auto_json cJSON *j = NULL;
		bool parked = false;

		if (park_is(s, s->trials[i].name, &parked, e) < 0 ||
		    (!parked && intent_read(s->store, s->trials[i].name, &j, e) < 0))
			return -1;
		if (!j)
			s->trials[i].state = TRIAL_ENDED;
		*open += j != NULL;
	}
	return 0;
}

struct reported {
	int64_t number;
	const char *project, *commit; /* a rollback and the sync after it share a number */
	bool found;
};

static void look_for(const cJSON *entry, void *arg)
{
	struct reported *r = arg;

	r->found |= json_int(entry, "generation", 0) == r->number &&
		    str_eq(json_str(entry, "project", NULL), r->project) &&
		    str_eq(json_str(entry, "commit", NULL), r->commit) &&
		    str_starts(json_str(entry, "event", ""), "project.");
}

/* A mark of this commit with a reason: it failed, and the worker that went back had no time left.
 */
static bool failed_here(struct sync *s, struct trial *t)
{
	struct err ignored = ERR_INIT;
	struct mark *marks = NULL;
	size_t n = 0;

	if (t->why || marks_of(s->store, t->name, &marks, &n, &ignored) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!marks[i].manual && marks[i].reason && !t->why &&
		    strcmp(marks[i].commit, s->commit.id) == 0)
			t->why = xstrdup(marks[i].reason);
	marks_done(marks, n);
	return t->why != NULL;
}

/* The generation may have been made already: then the project's own record says whose work it is.
 */
static bool by_this(const struct sync *s, const struct trial *t, const struct active *is)
{
	if (!is)
		return t->action == PLAN_REMOVE;
	return is->generation == s->number && strcmp(is->commit.id, s->commit.id) == 0;
}

/* The agent died between a project's end and its report: it is told now. */
static void report_missed(struct sync *s, struct trial *t, const struct generation_entry *was,
			  const struct active *is, bool changed)
{
	struct reported r = {.number = s->number, .project = t->name, .commit = s->commit.id};
	struct err ignored = ERR_INIT;

	if (t->reported || history_each(s->store, HISTORY_LOOK, look_for, &r, &ignored) < 0 ||
	    r.found)
		return;
	t->has_old = was && was->status != ENTRY_MISSING;
	if (t->has_old)
		active_copy(&t->old, &was->active);
	if (changed || by_this(s, t, is))
		t->outcome = is ? OUTCOME_DEPLOYED : OUTCOME_REMOVED;
	else if (failed_here(s, t))
		t->outcome = OUTCOME_FAILED;
	else
		return;
	report_trial(s, t);
}

/* What each touched project is now, laid over the generation before. */
static int overlay(struct sync *s, struct generation *g, bool *changed, struct err *e)
{
	for (size_t i = 0; i < s->current.n; i++)
		if (!sync_trial(s, s->current.v[i].name)) {
			const struct generation_entry *x = &s->current.v[i];
			struct generation_entry *to = generation_add(g, x->name);

			to->status = x->status;
			to->why = xstrdup_null(x->why);
			active_copy(&to->active, &x->active);
		}
	for (size_t i = 0; i < s->n_trials; i++) {
		const char *name = s->trials[i].name;
		const struct generation_entry *was = generation_find(&s->current, name);
		bool before = was && was->status != ENTRY_MISSING, found = false;
		auto_active struct active a;

		active_init(&a);
		if (active_read(s->store, name, &a, &found, e) < 0)
			return -1;
		bool differs = found != before ||
			       (found && strcmp(a.want.digest, was->active.want.digest) != 0);

		*changed |= differs;
		report_missed(s, &s->trials[i], was, found ? &a : NULL, differs);
		if (found)
			active_copy(&generation_add(g, name)->active, &a);
	}
	return 0;
}

static const struct generation_entry *entry_of(const struct generation *g, const char *name)
{
	for (size_t i = 0; i < g->n; i++) /* not sorted yet */
		if (strcmp(g->v[i].name, name) == 0)
			return &g->v[i];
	return NULL;
}

/* Did a whole rollback get through? Then `current` goes to its target instead of a new generation.
 */
static bool reached(struct sync *s, int64_t target, const struct generation *now)
{
	auto_generation struct generation t = {.number = 0};
	struct err ignored = ERR_INIT;
	size_t good = 0;

	if (generation_read(s->store, target, &t, &ignored) < 0)
		return false;
	for (size_t i = 0; i < t.n; i++) {
		const struct generation_entry *x = entry_of(now, t.v[i].name);

		if (t.v[i].status == ENTRY_MISSING)
			continue;
		if (!x || x->status == ENTRY_MISSING ||
		    strcmp(x->active.want.digest, t.v[i].active.want.digest) != 0)
			return false;
		good++;
	}
	for (size_t i = 0; i < now->n; i++)
		good -= now->v[i].status != ENTRY_MISSING;
	return good == 0;
}

static int close_generation(struct sync *s, const cJSON *j, struct err *e)
{
	int64_t now = 0, target = json_int(j, "target", 0);
	bool changed = false;

	if (current_read(s->store, &now, e) < 0)
		return -1;
	if (target > 0 && now == target)
		return 0; /* `current` was switched before we died */
	if (now > 0 && generation_read(s->store, now, &s->current, e) < 0)
		return -1;
	auto_generation struct generation g = {
		.number = s->number,
		.made = clock_wall(),
		.source = xstrdup(s->config->source.url ? s->config->source.url : "agent.yaml"),
		.cause = xstrdup("recovery"),
	};

	commit_info_copy(&g.commit, &s->commit);
	if (overlay(s, &g, &changed, e) < 0)
		return -1;
	if (!changed)
		return 0;
	/* The sync had made its generation, and a trial that it left open ended just now. */
	if (now == s->number && generation_next(s->store, &s->number, e) < 0)
		return -1;
	g.number = s->number;
	if (target > 0 && reached(s, target, &g))
		return current_switch(s->store, target, e);
	return generation_commit(s, &g, e);
}

void recover_forget(struct sync *s)
{
	trials_done(s);
	commit_info_done(&s->commit);
	memset(&s->commit, 0, sizeof(s->commit));
	generation_done(&s->current);
	memset(&s->current, 0, sizeof(s->current));
	s->number = 0;
	s->atomic = false;
}

/* One that went back for the world's fault is closed: the next plan tries its content again. */
static bool still_open(struct sync *s, const struct trial *t)
{
	auto_json cJSON *intent = NULL;
	struct err ignored = ERR_INIT;

	return t->outcome == OUTCOME_RETRY && t->why &&
	       (intent_read(s->store, t->name, &intent, &ignored) < 0 || intent);
}

static void tell_went_back(struct sync *s, struct trial *t)
{
	report_trial(s, t);
	strv_pushf(&s->report->recovered, "%s: went back: %s", t->name, t->why);
}

static int finish_trials(struct sync *s, const cJSON *j, struct err *e)
{
	const char *decided = json_str(j, "decided", "");
	struct pool p = {
		.next = next, .work = trial_resume, .ended = ended, .timeout_ms = RECOVER_MS};
	size_t open = 0;

	if (drop_closed(s, &open, e) < 0)
		return -1;
	if (open == 0)
		return 0;
	if (sync_engine(s, e) < 0)
		return -1;
	/* An atomic sync that was decided goes the way it was decided; else trial_resume() takes
	 * healthy ones back. */
	if (strcmp(decided, "commit") == 0)
		p.work = resume_decided;
	if (pool_run(s, &p, e) < 0)
		return -1;
	p.next = next_healthy; /* good again, but the sync was not decided: back, as the others */
	if (pool_run(s, &p, e) < 0)
		return -1;
	for (size_t i = 0; i < s->n_trials; i++) {
		struct trial *t = &s->trials[i];

		if (still_open(s, t))
			return err_set(e, ERR_RETRY, 0, "%s: %s", t->name, t->why);
		if (t->outcome == OUTCOME_RETRY && t->why)
			tell_went_back(s, t);
	}
	return 0;
}

static int recover(struct sync *s, const cJSON *j, struct err *e)
{
	struct err ignored = ERR_INIT;

	sync_show(s, NULL, "recover", "an earlier sync was cut off");
	if (repo_library_init(e) < 0)
		return -1;
	read_sync(s, j);
	(void)history_reserve(s->store, &ignored);
	if (finish_trials(s, j, e) < 0 || close_generation(s, j, e) < 0)
		return -1;
	report_event(s, EVENT_RECOVERED,
		     &(struct event_fields){.commit = s->commit.id,
					    .generation = s->number,
					    .reason = "a sync was cut off"},
		     "finished what a sync that was cut off had left");
	if (s->report->recovered.n == 0)
		strv_push(&s->report->recovered,
			  "an earlier sync had been cut off; nothing was left half done");
	if (report_settled(s, e) < 0)
		return -1;
	/* In this order: a count without a sync would be the next one's. */
	if (recovery_forget(s->store, e) < 0 || sync_intent_remove(s->store, e) < 0)
		return -1;
	recover_forget(s);
	return 0;
}

int recover_run(struct sync *s, struct err *e)
{
	auto_json cJSON *j = NULL;

	if (sync_intent_read(s->store, &j, e) < 0)
		return -1;
	if (!j)
		return recovery_forget(s->store, e); /* somebody has removed it by hand */
	if (safe_enter(s, e) < 0)
		return -1;
	if (recover(s, j, e) == 0)
		return 0;
	safe_leave(s);
	return -1;
}
