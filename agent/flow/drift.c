/*
 * drift - does what runs still match the record? One request to the engine answers for every
 * project. Reported once per finding; put right only when `drift: repair` says so, or a person
 * asked with `sync --drift` and repair. Depends on: sync.h.
 */
#include "agent/flow/sync.h"

#include "common/mem.h"

#include <string.h>

static const struct container *container_of(const struct containers *l, const char *project,
					    const char *service)
{
	for (size_t i = 0; i < l->n; i++)
		if (!l->v[i].oneoff && str_eq(l->v[i].project, project) &&
		    str_eq(l->v[i].service, service))
			return &l->v[i];
	return NULL;
}

static void add_text(struct str *what, const char *service, const char *text)
{
	str_addf(what, "%sservice %s %s", what->len ? "; " : "", service, text);
}

bool drift_of(const struct active *a, const struct containers *running, struct str *what)
{
	const cJSON *h;

	cJSON_ArrayForEach (h, a->hashes) {
		const struct container *c =
			container_of(running, project_compose_name(&a->want), h->string);

		if (!c)
			add_text(what, h->string, "has no container");
		else if (!str_eq(c->config_hash, cJSON_GetStringValue(h)))
			add_text(what, h->string, "runs with another configuration");
		else if (c->state == CONTAINER_EXITED && !c->ended_well)
			add_text(what, h->string, "is stopped");
		else if (c->state == CONTAINER_PAUSED || c->state == CONTAINER_CREATED ||
			 c->state == CONTAINER_DEAD)
			add_text(what, h->string, container_state_name(c->state));
	}
	return what->len > 0;
}

static void add_repair(struct sync *s, const struct generation_entry *x, const char *why)
{
	struct plan_item *p = plan_find(&s->plan, x->name);

	/* Suspended means: nothing is touched, not even put right. Degraded: a person must look. */
	if (!p || p->action != PLAN_KEEP || s->control.mode == CONTROL_SUSPENDED ||
	    x->active.want.settings.suspend == TRI_YES || degraded_is(s->store, x->name))
		return;
	p->action = PLAN_REPAIR;
	strv_push(&p->reasons, why);
	struct trial *t = trial_add(s, x->name, PLAN_REPAIR);

	t->has_old = true;
	active_copy(&t->old, &x->active);
	active_copy(&t->new, &x->active);
	strv_push(&t->reasons, why);
}

/* What was told of this project before; both lists are sorted by name, and `at` goes along. */
static const char *told(const cJSON **at, const char *name)
{
	while (*at && strcmp((*at)->string, name) < 0)
		*at = (*at)->next;
	return *at && strcmp((*at)->string, name) == 0 ? cJSON_GetStringValue(*at) : NULL;
}

/* True if it is what was told before. */
static bool look_at_all(struct sync *s, const cJSON *known, cJSON *now)
{
	const cJSON *at = known->child;
	bool same = true;
	int n = 0;

	for (size_t i = 0; i < s->current.n; i++) {
		const struct generation_entry *x = &s->current.v[i];
		auto_str struct str what = STR_INIT;

		if (x->status == ENTRY_MISSING || !drift_of(&x->active, &s->running, &what))
			continue;
		const char *text = str_text(&what);

		n++;
		cJSON_AddItemToObject(now, x->name, cJSON_CreateString(text));
		if (!str_eq(told(&at, x->name), text)) {
			struct event_fields f = {.project = x->name, .reason = text};

			same = false;
			report_event(s, EVENT_DRIFT_FOUND, &f, text);
			strv_pushf(&s->report->warnings, "drift: %s: %s", x->name, text);
		}
		if (s->config->drift == DRIFT_REPAIR)
			add_repair(s, x, text);
	}
	return same && n == cJSON_GetArraySize(known);
}

void drift_refine(struct engine *g, struct containers *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct container *c = &l->v[i];
		struct err ignored = ERR_INIT;
		bool gone = false;

		if (c->state != CONTAINER_EXITED || !c->ours)
			continue;
		if (engine_inspect(g, c, &gone, &ignored) == 0 && !gone && c->ended_well)
			c->ended_well = str_eq(c->restart_policy, "no") ||
					str_eq(c->restart_policy, "on-failure");
	}
}

int drift_find(struct sync *s, struct err *e)
{
	auto_json cJSON *known = NULL, *now = cJSON_CreateObject();

	if (s->current.number == 0)
		return 0;
	if (sync_look(s, e) < 0 || drift_read(s->store, &known, e) < 0)
		return -1;
	drift_refine(s->engine, &s->running);
	if (look_at_all(s, known, now) || s->dry)
		return 0;
	return drift_write(s->store, now, e);
}
