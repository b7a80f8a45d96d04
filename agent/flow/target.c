/*
 * target - a manual rollback: the wanted set is a kept generation's, offline. What is left behind
 * is held before the first effect, so that no poll undoes it, even if we die half way. Depends on:
 * sync.h, store.
 */
#include "agent/flow/sync.h"

#include "common/clock.h"
#include "common/mem.h"

#include <string.h>

static int previous_good(struct sync *s, int64_t *out, struct err *e)
{
	int64_t *v = NULL;
	size_t n = 0;

	if (generation_numbers(s->store, &v, &n, e) < 0)
		return -1;
	*out = 0;
	for (size_t i = 0; i < n; i++)
		if (v[i] < s->current.number)
			*out = v[i]; /* ascending: the last one stays */
	free(v);
	if (*out == 0)
		return err_set(
			e, ERR_USAGE, 0,
			"there is no generation before %lld; `mdc-agent generations` lists them",
			(long long)s->current.number);
	return 0;
}

static int check_number(struct sync *s, int64_t number, struct err *e)
{
	int64_t *v = NULL;
	size_t n = 0;
	bool found = false;

	if (generation_numbers(s->store, &v, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		found |= v[i] == number;
	free(v);
	if (!found)
		return err_set(
			e, ERR_USAGE, 0,
			"generation %lld is not kept here; `mdc-agent generations` lists those that are",
			(long long)number);
	return 0;
}

/* The wanted set: the target's records; with --project only that one's, the rest as it is. */
static int take_records(struct sync *s, struct err *e)
{
	const char *only = s->options->project;
	const struct generation *base = only ? &s->current : &s->target;
	const struct generation_entry *x = only ? generation_find(&s->target, only) : NULL;

	if (only && !x && !generation_find(&s->current, only))
		return err_set(e, ERR_USAGE, 0, "generation %lld has no project %s",
			       (long long)s->target.number, only);
	s->wanted.v = xcalloc(base->n + 1, sizeof(*s->wanted.v));
	for (size_t i = 0; i < base->n; i++)
		if (base->v[i].status != ENTRY_MISSING && !str_eq(base->v[i].name, only))
			project_copy(&s->wanted.v[s->wanted.n++], &base->v[i].active.want);
	if (x && x->status != ENTRY_MISSING) {
		size_t at = s->wanted.n;

		while (at > 0 && strcmp(s->wanted.v[at - 1].name, only) > 0) {
			s->wanted.v[at] = s->wanted.v[at - 1];
			at--;
		}
		project_copy(&s->wanted.v[at], &x->active.want);
		s->wanted.n++;
	}
	return 0;
}

int target_load(struct sync *s, struct err *e)
{
	int64_t number = s->options->target;

	if (s->current.number == 0)
		return err_set(e, ERR_USAGE, 0,
			       "nothing was deployed here yet: there is nothing to go back to");
	if (number == 0 && previous_good(s, &number, e) < 0)
		return -1;
	if (repo_library_init(e) < 0 || check_number(s, number, e) < 0 ||
	    generation_read(s->store, number, &s->target, e) < 0)
		return -1;
	if (generation_read(s->store, s->current.number, &s->current, e) < 0)
		return -1;
	commit_info_copy(&s->commit, &s->target.commit);
	commit_info_copy(&s->report->commit, &s->target.commit);
	return take_records(s, e);
}

/* decide.c made the trials; their new content is a kept record, not something to stage. */
void target_prepare(struct sync *s)
{
	for (size_t i = 0; i < s->n_trials; i++) {
		struct trial *t = &s->trials[i];
		const struct generation_entry *x = generation_find(&s->target, t->name);

		if (t->action == PLAN_REMOVE || !x)
			continue;
		active_copy(&t->new, &x->active);
		t->prepared = true;
	}
}

static int hold_project(struct sync *s, struct err *e)
{
	const struct generation_entry *x = generation_find(&s->current, s->options->project);
	struct mark m = {
		.project = (char *)s->options->project, .manual = true, .when = clock_wall()};

	if (!x || x->status == ENTRY_MISSING)
		return 0;
	m.digest = (char *)x->active.want.digest;
	memcpy(m.commit, x->active.commit.id, sizeof(m.commit));
	return mark_write(s->store, &m, e);
}

int target_hold(struct sync *s, struct err *e)
{
	if (!s->options->rollback)
		return 0;
	if (s->options->project)
		return hold_project(s, e);
	control_done(&s->control);
	s->control = (struct control){
		.mode = CONTROL_HELD,
		.why = xasprintf("rolled back to generation %lld", (long long)s->target.number),
		.since = clock_wall(),
		.pinned = s->options->pin,
		.plan_digest = xstrdup_null(s->source.plan_digest),
	};
	if (control_write(s->store, &s->control, e) < 0)
		return -1;
	report_event(
		s, EVENT_HOLD_SET,
		&(struct event_fields){.generation = s->target.number, .reason = s->control.why},
		s->control.why);
	return 0;
}
