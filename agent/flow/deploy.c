/*
 * deploy - each staged project's trial in a worker of its own, side by side, ordered by `after`.
 * With `atomic` either all become good or all go back. Depends on: trial.h.
 */
#include "agent/flow/trial.h"

#include "common/clock.h"
#include "common/fault.h"
#include "common/mem.h"

#include <string.h>

enum { TRIAL_MS = 6 * 60 * 60 * 1000 };

static void end_trial(struct trial *t, enum outcome_kind k, const char *why)
{
	t->state = TRIAL_ENDED;
	t->outcome = k;
	if (!t->why)
		t->why = xstrdup_null(why);
}

/* Why a project that this one comes after is in the way; NULL: it is not. *wait: it may still
 * become good. */
static char *in_the_way(struct sync *s, const char *dep, bool *wait)
{
	struct trial *d = sync_trial(s, dep);

	if (d && d->action != PLAN_REMOVE) {
		if (d->state == TRIAL_GOOD || d->state == TRIAL_HEALTHY)
			return NULL;
		*wait = d->state != TRIAL_ENDED;
		return *wait ? NULL : xasprintf("comes after %s, which was not deployed", dep);
	}
	struct plan_item *p = plan_find(&s->plan, dep);

	if (p && (p->action == PLAN_HELD || p->action == PLAN_BLOCKED) && p->reasons.n > 0)
		return xasprintf("comes after %s, which is held: %s", dep, p->reasons.v[0]);
	return NULL;
}

static bool ready(struct sync *s, struct trial *t)
{
	if (t->state != TRIAL_STAGED || t->busy)
		return false;
	if (t->action == PLAN_REMOVE)
		return !s->atomic; /* with `atomic` only once all others are good */
	for (size_t i = 0; !s->atomic && i < s->n_trials; i++)
		if (s->trials[i].action == PLAN_REMOVE && s->trials[i].state == TRIAL_STAGED)
			return false; /* a renamed project needs the old one's ports */
	for (size_t i = 0; t->want && i < t->want->settings.after.n; i++) {
		bool wait = false;
		auto_free char *why = in_the_way(s, t->want->settings.after.v[i], &wait);

		if (wait)
			return false;
		if (why) {
			end_trial(t, OUTCOME_BLOCKED, why);
			return false;
		}
	}
	return true;
}

static struct trial *next_ready(struct sync *s)
{
	bool moved;

	do { /* blocking one may decide about another */
		moved = false;
		for (size_t i = 0; i < s->n_trials; i++) {
			enum trial_state before = s->trials[i].state;

			if (ready(s, &s->trials[i]))
				return &s->trials[i];
			moved |= s->trials[i].state != before;
		}
	} while (moved);
	return NULL;
}

static void take_active(struct trial *t, const cJSON *result)
{
	const cJSON *a = json_obj(result, "new");

	if (!a)
		return;
	active_done(&t->new);
	active_from_json(a, &t->new);
}

/* A worker's last word, or none: then it died and recovery takes it up below. */
static void take_end(struct sync *s, struct trial *t, const cJSON *result, const struct err *failed)
{
	const char *end = json_str(result, "end", "");

	if (failed) {
		t->state = TRIAL_RUNNING;
		free(t->why);
		t->why = xstrdup(failed->cause);
		return;
	}
	take_active(t, result);
	free(TAKE(t->why)); /* of a worker that died before this one */
	if (strcmp(end, "good") == 0) {
		t->state = TRIAL_GOOD;
		t->outcome = t->action == PLAN_REMOVE   ? OUTCOME_REMOVED
			     : t->action == PLAN_REPAIR ? OUTCOME_REPAIRED
							: OUTCOME_DEPLOYED;
	} else if (strcmp(end, "healthy") == 0)
		t->state = TRIAL_HEALTHY;
	else if (strcmp(end, "failed") == 0)
		end_trial(t, OUTCOME_FAILED, json_str(result, "why", "?"));
	else if (strcmp(end, "blocked") == 0)
		end_trial(t, OUTCOME_BLOCKED, json_str(result, "why", "?"));
	else if (strcmp(end, "degraded") == 0)
		end_trial(t, OUTCOME_DEGRADED, json_str(result, "why", "?"));
	else /* retry, stopped: its intent stays open */
		end_trial(t, OUTCOME_RETRY,
			  json_str(result, "why", "stopped; it goes on at the next start"));
	if (t->state != TRIAL_HEALTHY)
		report_trial(s, t);
}

static int work(void *arg, struct worker_out *o, cJSON **result, struct err *e)
{
	struct pool_job *j = arg;

	j->out = o;
	if (j->trial->action == PLAN_REMOVE)
		return remove_work(arg, o, result, e);
	if (j->trial->action == PLAN_REPAIR)
		return repair_work(arg, o, result, e);
	return trial_work(arg, o, result, e);
}

static const struct pool trial_pool = {
	.next = next_ready, .work = work, .ended = take_end, .timeout_ms = TRIAL_MS};

/* ---- workers that died ---- */
static struct trial *next_dead(struct sync *s)
{
	for (size_t i = 0; i < s->n_trials; i++)
		if (s->trials[i].state == TRIAL_RUNNING && !s->trials[i].busy)
			return &s->trials[i];
	return NULL;
}

static void take_second_end(struct sync *s, struct trial *t, const cJSON *result,
			    const struct err *failed)
{
	struct err ignored = ERR_INIT;

	if (!failed) {
		take_end(s, t, result, NULL);
		return;
	}
	/* Twice: nothing automatic any more. Unless that cannot be written: then the next start
	 * takes it up. */
	bool parked = park_project(s, t->name, failed->cause, &ignored) == 0;

	end_trial(t, parked ? OUTCOME_DEGRADED : OUTCOME_RETRY, failed->cause);
	report_trial(s, t);
}

static const struct pool dead_pool = {
	.next = next_dead, .work = trial_resume, .ended = take_second_end, .timeout_ms = TRIAL_MS};

/* ---- atomic: the second half ---- */
static struct trial *next_healthy(struct sync *s)
{
	for (size_t i = 0; i < s->n_trials; i++)
		if (s->trials[i].state == TRIAL_HEALTHY && !s->trials[i].busy)
			return &s->trials[i];
	return NULL;
}

static struct trial *next_removal(struct sync *s)
{
	for (size_t i = 0; i < s->n_trials; i++)
		if (s->trials[i].action == PLAN_REMOVE && s->trials[i].state == TRIAL_STAGED &&
		    !s->trials[i].busy)
			return &s->trials[i];
	return NULL;
}

static bool all_healthy(const struct sync *s)
{
	for (size_t i = 0; i < s->n_trials; i++)
		if (s->trials[i].action != PLAN_REMOVE && s->trials[i].state != TRIAL_HEALTHY)
			return false;
	return true;
}

static int finish_atomic(struct sync *s, struct err *e)
{
	bool good = all_healthy(s);
	struct pool p = {.next = next_healthy, .ended = take_end, .timeout_ms = TRIAL_MS};

	/* One record decides for all: from here a restart goes the same way. */
	if (sync_intent_save(s, good ? "commit" : "undo", e) < 0)
		return -1;
	p.work = good ? finish_commit_work : finish_undo_work;
	if (pool_run(s, &p, e) < 0)
		return -1;
	p = (struct pool){
		.next = next_removal, .work = work, .ended = take_end, .timeout_ms = TRIAL_MS};
	for (size_t i = 0; !good && i < s->n_trials; i++)
		if (s->trials[i].state == TRIAL_STAGED)
			end_trial(&s->trials[i], OUTCOME_BLOCKED,
				  "the sync is atomic and another project failed");
	return good ? pool_run(s, &p, e) : 0;
}

/* ---- before ---- */
/* What staging found wrong with the content itself is remembered, as any failure is. */
static int mark_unstaged(struct sync *s, struct err *e)
{
	for (size_t i = 0; i < s->n_trials; i++) {
		struct trial *t = &s->trials[i];

		if (t->state != TRIAL_ENDED)
			continue;
		if (t->outcome == OUTCOME_FAILED && !s->options->rollback) {
			char policy[DIGEST_HEX_SIZE];

			policy_digest(&s->config->policy, policy);
			struct mark m = {.policy = policy,
					 .project = t->name,
					 .digest = (char *)t->want->digest,
					 .reason = t->why,
					 .when = clock_wall(),
					 .attempts = t->attempts + 1};

			memcpy(m.commit, s->commit.id, sizeof(m.commit));
			if (mark_write(s->store, &m, e) < 0)
				return -1;
		}
		report_trial(s, t);
	}
	return 0;
}

static bool block_atomic(struct sync *s)
{
	const char *who = NULL;

	for (size_t i = 0; i < s->plan.n; i++)
		if (s->plan.v[i].action == PLAN_BLOCKED || s->plan.v[i].failed_before)
			who = s->plan.v[i].project;
	for (size_t i = 0; i < s->n_trials; i++)
		if (s->trials[i].state == TRIAL_ENDED)
			who = s->trials[i].name;
	if (!who)
		return false;
	auto_free char *why = xasprintf("the sync is atomic and %s cannot be deployed", who);

	for (size_t i = 0; i < s->n_trials; i++)
		if (s->trials[i].state == TRIAL_STAGED)
			end_trial(&s->trials[i], OUTCOME_BLOCKED, why);
	return true;
}

static size_t count_staged(const struct sync *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_trials; i++)
		n += s->trials[i].state == TRIAL_STAGED;
	return n;
}

static int run_trials(struct sync *s, struct err *e)
{
	if (pool_run(s, &trial_pool, e) < 0)
		return -1;
	if (next_dead(s) && pool_run(s, &dead_pool, e) < 0)
		return -1;
	return s->atomic ? finish_atomic(s, e) : 0;
}

static void gather_outcomes(struct sync *s)
{
	for (size_t i = 0; i < s->n_trials; i++) {
		struct trial *t = &s->trials[i];

		if (t->state == TRIAL_STAGED && stop_asked(&s->stop))
			end_trial(t, OUTCOME_RETRY, "stopped before it began");
		else if (t->state == TRIAL_RUNNING) /* atomic: its worker died in the second half */
			end_trial(t, OUTCOME_RETRY, "its worker died; the next start goes on");
		else if (t->state == TRIAL_STAGED) /* a cycle that evaluation let through */
			end_trial(t, OUTCOME_BLOCKED, "waits for a project that was not deployed");
		if (t->state == TRIAL_ENDED && !t->reported)
			report_trial(s, t);
		sync_outcome(s, t->name, t->outcome, t->why, t->took_ms);
	}
}

int flow_deploy(struct sync *s, struct err *e)
{
	int rc = 0;

	if (mark_unstaged(s, e) < 0)
		return -1;
	if (s->atomic && !s->options->rollback)
		(void)block_atomic(s);
	if (count_staged(s) > 0) {
		if (history_reserve(s->store, e) < 0 ||
		    generation_next(s->store, &s->number, e) < 0 || target_hold(s, e) < 0 ||
		    sync_intent_save(s, "", e) < 0 || fault_hit(FAULT_sync_opened, e) < 0)
			return -1;
		report_started(s);
		rc = run_trials(s, e);
	}
	gather_outcomes(s);
	if (rc < 0)
		return -1;
	return fault_hit(FAULT_projects_done, e);
}
