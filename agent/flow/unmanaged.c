/*
 * unmanaged - with remove_unmanaged: Compose projects of this host that are neither ours nor wanted
 * go down like a project that is not wanted any more, once and without their volumes. Depends on:
 * sync.h.
 */
#include "agent/flow/sync.h"

#include "common/mem.h"
#include "common/path.h"

#include <string.h>

enum { DOWN_MS = 120 * 1000 };

static bool is_known(const struct sync *s, const char *compose)
{
	for (size_t i = 0; i < s->wanted.n; i++)
		if (strcmp(project_compose_name(&s->wanted.v[i]), compose) == 0)
			return true;
	for (size_t i = 0; i < s->current.n; i++) {
		const struct generation_entry *x = &s->current.v[i];

		if (x->active.want.name &&
		    strcmp(project_compose_name(&x->active.want), compose) == 0)
			return true;
	}
	for (size_t i = 0; i < s->running.n; i++)
		if (s->running.v[i].ours && str_eq(s->running.v[i].project, compose))
			return true;
	return plan_find(&s->plan, compose) != NULL; /* a name of ours would be taken for it */
}

static void add(struct sync *s, const char *name)
{
	static const char why[] =
		"was not started by the agent, and remove_unmanaged is true; its volumes stay";
	const char *hold = held_by_control(s);
	struct plan_item *p = plan_add(&s->plan, name, hold ? PLAN_HELD : PLAN_REMOVE);

	strv_push(&p->reasons, why);
	if (hold) {
		strv_push(&p->reasons, hold);
		return;
	}
	struct trial *t = trial_add(s, name, PLAN_REMOVE);

	strv_push(&t->reasons, why);
	t->has_old = true;
	t->old.want.name = xstrdup(name);
	t->old.want.settings.host.down_timeout_ms = DOWN_MS;
}

int unmanaged_find(struct sync *s, struct err *e)
{
	if (!s->config->remove_unmanaged || s->options->rollback)
		return 0;
	if (sync_look(s, e) < 0)
		return -1;
	for (size_t i = 0; i < s->running.n; i++) {
		const struct container *c = &s->running.v[i];

		if (!c->ours && c->project && path_is_project_name(c->project) &&
		    !is_known(s, c->project))
			add(s, c->project);
	}
	return 0;
}
