/*
 * decide - the plan: what wanted and current say, marks, holds, foreign containers. Pure comparison
 * of content digests; no Compose, and the engine is asked only when something is to be done.
 * Depends on: sync.h, store.
 */
#include "agent/flow/sync.h"

#include "common/clock.h"
#include "common/mem.h"

#include <string.h>

static void decide_hold(struct plan_item *p, const char *why)
{
	p->action = PLAN_HELD;
	strv_push(&p->reasons, why);
}

/* What memory says against trying this content. *held stays as it is if nothing does. */
static int look_at_marks(struct sync *s, const struct project *w, struct plan_item *p,
			 int *attempts, struct err *e)
{
	auto_mark struct mark m = {.project = NULL};
	auto_free char *degraded = NULL;
	int64_t since = 0;
	bool found = false;

	if (degraded_read(s->store, w->name, &degraded, &since, e) < 0)
		return -1;
	if (degraded) {
		auto_free char *why = xasprintf(
			"degraded: %s (see `mdc-agent status`; then `mdc-agent retry %s`)",
			degraded, w->name);
		decide_hold(p, why);
		p->failed_before = true;
		return 0;
	}
	if (mark_read(s->store, w->name, w->digest, &m, &found, e) < 0 || !found)
		return e->kind == ERR_NONE ? 0 : -1;
	if (m.policy) {
		char policy[DIGEST_HEX_SIZE];

		policy_digest(&s->config->policy, policy);
		if (strcmp(policy, m.policy) != 0)
			return 0; /* refused under another policy: worth a new look */
	}
	*attempts = m.attempts;
	if (m.manual)
		decide_hold(
			p,
			"left behind by a rollback; a new commit or `mdc-agent resume` applies it again");
	else if (m.reason || m.attempts >= 2) {
		auto_free char *why = xasprintf(
			"this content failed here: %s (`mdc-agent retry %s` tries it again)",
			m.reason ? m.reason : "the agent died twice while deploying it", w->name);
		decide_hold(p, why);
		p->failed_before = true;
	}
	return 0;
}

const char *held_by_control(const struct sync *s)
{
	if (s->options->rollback)
		return NULL;
	if (s->control.mode == CONTROL_SUSPENDED)
		return "suspended by `mdc-agent suspend`";
	if (s->control.mode == CONTROL_HELD)
		return s->control.pinned
			       ? "held by a pinned rollback until `mdc-agent resume`"
			       : "held after a rollback until a new commit changes this host's plan";
	return NULL;
}

/* What recovery left to a person is touched by no other way. */
static int decide_parked(struct sync *s, struct plan_item *p, struct err *e)
{
	bool parked = false;

	if (park_is(s, p->project, &parked, e) < 0)
		return -1;
	if (!parked)
		return 0;
	auto_free char *why = xasprintf("degraded: something is half done (see `mdc-agent status`; "
					"`mdc-agent retry %s` finishes or undoes it)",
					p->project);

	decide_hold(p, why);
	return 0;
}

static int decide_wanted(struct sync *s, const struct project *w, struct err *e)
{
	const struct generation_entry *g = generation_find(&s->current, w->name);
	bool here = g && g->status != ENTRY_MISSING;
	const char *hold = held_by_control(s);
	int attempts = 0;

	/* Of a degraded project nobody knows what runs: a person's word brings it up again. */
	bool doubted = strv_has(&s->doubted, w->name) ||
		       (s->options->rollback && degraded_is(s->store, w->name));

	if (here && strcmp(g->active.want.digest, w->digest) == 0 && !doubted) {
		plan_add(&s->plan, w->name, PLAN_KEEP);
		return 0;
	}
	struct plan_item *p = plan_add(&s->plan, w->name, here ? PLAN_CHANGE : PLAN_ADD);

	if (w->settings.suspend == TRI_YES)
		decide_hold(p, "its settings say `suspend: true`");
	else if (hold)
		decide_hold(p, hold);
	else if (!s->options->rollback && look_at_marks(s, w, p, &attempts, e) < 0)
		return -1;
	if (p->action == PLAN_HELD)
		return 0;
	if (w->why_bad) {
		p->action = PLAN_BLOCKED;
		strv_push(&p->reasons, w->why_bad);
		return 0;
	}
	struct trial *t = trial_add(s, w->name, p->action);

	t->want = w;
	t->attempts = attempts;
	t->has_old = here;
	if (here)
		active_copy(&t->old, &g->active);
	return 0;
}

static int decide_gone(struct sync *s, const struct generation_entry *g, struct err *e)
{
	const char *hold = held_by_control(s);

	if (g->status == ENTRY_MISSING || projects_find(&s->wanted, g->name))
		return 0;
	struct plan_item *p = plan_add(&s->plan, g->name, PLAN_REMOVE);

	if (hold)
		decide_hold(p, hold);
	else if (decide_parked(s, p, e) < 0)
		return -1;
	if (p->action == PLAN_HELD)
		return 0;
	struct trial *t = trial_add(s, g->name, PLAN_REMOVE);

	t->has_old = true;
	active_copy(&t->old, &g->active);
	return 0;
}

static void block(struct sync *s, struct trial *t, const char *why)
{
	struct plan_item *p = plan_find(&s->plan, t->name);

	p->action = PLAN_BLOCKED;
	strv_push(&p->reasons, why);
	t->state = TRIAL_ENDED;
	t->outcome = OUTCOME_BLOCKED;
	t->why = xstrdup(why);
}

/* Under another Compose name it would come up beside the old one, with new and empty volumes. */
static void look_for_rename(struct sync *s, struct trial *t)
{
	if (t->action != PLAN_CHANGE || !t->want)
		return;
	const char *was = project_compose_name(&t->old.want);
	const char *is = project_compose_name(t->want);

	if (strcmp(was, is) == 0)
		return;
	auto_free char *why = xasprintf(
		"its Compose project name would change from %s to %s, and its volumes (%s_...) would not "
		"be used any more: keep `project_name: %s`; or remove the project, sync, copy the volumes, "
		"and add it again",
		was, is, was, was);

	block(s, t, why);
}

/* A project of that name that runs here and is not ours: never touched without a word from its
 * owner. */
static int look_for_clash(struct sync *s, struct trial *t, struct err *e)
{
	if (t->action != PLAN_ADD || t->want->settings.adopt == TRI_YES)
		return 0;
	if (sync_look(s, e) < 0)
		return -1;
	for (size_t i = 0; i < s->running.n; i++) {
		const struct container *c = &s->running.v[i];

		const char *name = trial_compose_name(t);

		if (c->ours || !str_eq(c->project, name))
			continue;
		auto_free char *why = xasprintf(
			"a Compose project named %s already runs here (container %s) and is not ours; take it down "
			"(docker compose -p %s down keeps its volumes), or set `adopt: true` for it",
			name, c->name, name);
		block(s, t, why);
		return 0;
	}
	return 0;
}

/* Held after a rollback: another plan for this host lifts it. */
static int review_hold(struct sync *s, struct err *e)
{
	if (s->control.mode != CONTROL_HELD || s->control.pinned || s->options->rollback ||
	    str_eq(s->control.plan_digest, s->plan_digest))
		return 0;
	control_done(&s->control);
	s->control = (struct control){.mode = CONTROL_AUTO};
	if (s->dry)
		return 0;
	if (control_write(s->store, &s->control, e) < 0)
		return -1;
	report_event(s, EVENT_HOLD_LIFTED, &(struct event_fields){.commit = s->head},
		     "hold lifted: a new commit changes this host's plan");
	return 0;
}

/* A project's content that cannot be deployed is told once, by its mark. */
static int note_blocked(struct sync *s, struct err *e)
{
	for (size_t i = 0; i < s->plan.n; i++) {
		const struct plan_item *p = &s->plan.v[i];
		const struct project *w = projects_find(&s->wanted, p->project);

		if (p->action != PLAN_BLOCKED || !w || !w->why_bad)
			continue;
		struct mark m = {.project = w->name,
				 .digest = (char *)w->digest,
				 .reason = w->why_bad,
				 .when = clock_wall(),
				 .attempts = 1};

		memcpy(m.commit, s->commit.id, sizeof(m.commit));
		if (mark_write(s->store, &m, e) < 0)
			return -1;
		report_event(s, EVENT_PROJECT_FAILED,
			     &(struct event_fields){
				     .project = w->name, .commit = s->head, .reason = w->why_bad},
			     w->why_bad);
		sync_outcome(s, w->name, OUTCOME_FAILED, w->why_bad, 0);
	}
	return 0;
}

int decide_plan(struct sync *s, struct err *e)
{
	if (review_hold(s, e) < 0)
		return -1;
	for (size_t i = 0; i < s->wanted.n; i++)
		if (decide_wanted(s, &s->wanted.v[i], e) < 0)
			return -1;
	for (size_t i = 0; i < s->current.n; i++)
		if (decide_gone(s, &s->current.v[i], e) < 0)
			return -1;
	if (unmanaged_find(s, e) < 0)
		return -1;
	if (s->options->rollback)
		target_prepare(s);
	for (size_t i = 0; i < s->n_trials; i++) {
		look_for_rename(s, &s->trials[i]);
		if (look_for_clash(s, &s->trials[i], e) < 0)
			return -1;
	}
	return 0;
}

/* Held by a person's word, which is not told by a mark: by the rule of repeats. */
static void note_held(struct sync *s, const struct plan_item *p)
{
	const char *why = p->reasons.n ? p->reasons.v[0] : "held";
	const struct event_fields f = {.project = p->project, .commit = s->head, .reason = why};
	auto_free char *message = xasprintf("%s: held: %s", p->project, why);

	if (!p->failed_before)
		report_failure(s, EVENT_PROJECT_HELD, &f, message);
}

static void keep_held(const struct repeat_key *k, void *arg)
{
	if (k->event == EVENT_PROJECT_HELD && k->project)
		strv_push(arg, k->project);
}

/* What was told to be held and is wanted no more, or is what runs: nothing waits any more. */
static void note_free(struct sync *s)
{
	auto_strv struct strv names = STRV_INIT;
	struct err ignored = ERR_INIT;

	if (s->dry || repeat_each(s->store, keep_held, &names, &ignored) < 0)
		return;
	for (size_t i = 0; i < names.n; i++) {
		const struct plan_item *p = plan_find(&s->plan, names.v[i]);
		const struct event_fields f = {.project = names.v[i], .commit = s->head};
		auto_free char *text = xasprintf("%s: nothing waits any more", names.v[i]);

		if (!p || p->action == PLAN_KEEP)
			(void)report_recovery(s, EVENT_PROJECT_HELD, EVENT_HOLD_LIFTED, &f, text);
	}
}

int flow_decide(struct sync *s, struct err *e)
{
	if (decide_plan(s, e) < 0 || note_blocked(s, e) < 0)
		return err_wrap(e, "plan");
	note_free(s);
	if (s->options->drift && drift_find(s, e) < 0)
		return err_wrap(e, "plan");
	for (size_t i = 0; i < s->plan.n; i++) {
		const struct plan_item *p = &s->plan.v[i];

		s->report->kept += p->action == PLAN_KEEP;
		if (p->action == PLAN_KEEP)
			report_unchanged(s, p->project, "its content is what was deployed last");
		const char *why = p->reasons.n ? p->reasons.v[0] : NULL;

		if (p->action == PLAN_HELD)
			note_held(s, p);
		if (p->action == PLAN_HELD)
			sync_outcome(s, p->project,
				     why && str_starts(why, "degraded:") ? OUTCOME_DEGRADED
									 : OUTCOME_HELD,
				     why, 0);
	}
	return 0;
}
