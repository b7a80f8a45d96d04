/*
 * quiesce - hold up whoever writes to the volumes while they are copied, and let go again. Only
 * containers of the project itself are held: another project's are never touched, its volumes are
 * copied only by drivers that need no hold. Depends on: snap_parts.h, engine.
 */
#include "agent/flow/snap_parts.h"

#include "agent/engine/model.h"
#include "common/clock.h"
#include "common/mem.h"

#include <string.h>

static bool writes_to(const struct taking *t, const struct user *c, bool *all_atomic)
{
	bool any = false;

	for (size_t i = 0; i < t->volumes.n; i++) {
		const struct project_volume *v = &t->volumes.v[i];
		const struct mount *m = taking_has(v) ? volume_mount(c, v) : NULL;

		if (!m || !m->writes)
			continue;
		any = true;
		*all_atomic &= driver_is_atomic(v->tree.driver) && !v->tree.convert;
	}
	return any;
}

bool quiesce_replaced(const struct taking *t, const struct user *c)
{
	const cJSON *services = json_obj(t->new_model, "services");

	if (t->bench->sync->options->restore_volumes) /* all of them go, for the restore */
		return true;
	return !c->oneoff && (strv_has(&t->bench->trial->services, c->service) ||
			      !cJSON_GetObjectItemCaseSensitive(services, c->service));
}

static void add_hold(struct snap_state *s, const struct user *c, bool paused, bool leave)
{
	s->holds = xreallocarray(s->holds, s->n_holds + 1, sizeof(*s->holds));
	s->holds[s->n_holds++] = (struct hold){
		.id = xstrdup(c->id),
		.name = xstrdup(c->name),
		.service = xstrdup(c->service),
		.paused = paused,
		.leave = leave,
	};
}

void quiesce_plan(struct taking *t)
{
	struct snap_state *s = &t->bench->intent.snap;

	snap_holds_done(s);
	for (size_t i = 0; i < t->volumes.uses.n; i++) {
		const struct user *c = &t->volumes.uses.v[i];
		bool atomic = true;

		if (t->quiesce == QUIESCE_NONE || !user_runs(c) || c->state == CONTAINER_PAUSED ||
		    !writes_to(t, c, &atomic))
			continue;
		bool leave = t->trial_follows && quiesce_replaced(t, c);
		bool pause = t->quiesce == QUIESCE_PAUSE ? !t->convert : !leave && atomic;

		add_hold(s, c, pause, leave && !pause);
	}
}

/* ---- the order of stops: who depends on others goes first ---- */
static bool depends_on(const cJSON *model, const char *service, const char *on)
{
	const cJSON *s = cJSON_GetObjectItemCaseSensitive(json_obj(model, "services"), service);

	return cJSON_GetObjectItemCaseSensitive(json_obj(s, "depends_on"), on) != NULL;
}

static bool is_needed(const cJSON *model, const struct snap_state *s, const bool *gone, size_t i)
{
	for (size_t k = 0; k < s->n_holds; k++)
		if (k != i && !gone[k] && !s->holds[k].paused &&
		    depends_on(model, s->holds[k].service, s->holds[i].service))
			return true;
	return false;
}

static int stop_in_order(struct taking *t, struct err *e)
{
	struct snap_state *s = &t->bench->intent.snap;
	auto_free bool *gone = xcalloc(s->n_holds + 1, sizeof(*gone));

	for (;;) {
		auto_strv struct strv ids = STRV_INIT;
		auto_free bool *now = xcalloc(s->n_holds + 1, sizeof(*now));
		bool left = false;

		for (size_t i = 0; i < s->n_holds; i++) {
			if (gone[i] || s->holds[i].paused)
				continue;
			left = true;
			now[i] = !is_needed(t->old_model, s, gone, i);
			if (now[i])
				strv_push(&ids, s->holds[i].id);
		}
		if (!left)
			return 0;
		for (size_t i = 0; ids.n == 0 && i < s->n_holds; i++) /* a ring: all the rest */
			if (!gone[i] && !s->holds[i].paused) {
				strv_push(&ids, s->holds[i].id);
				now[i] = true;
			}
		if (engine_stop_all(t->bench->sync->engine, &ids, e) < 0)
			return -1;
		for (size_t i = 0; i < s->n_holds; i++)
			gone[i] |= now[i];
	}
}

static int pause_each(struct taking *t, struct err *e)
{
	struct snap_state *s = &t->bench->intent.snap;
	struct engine *g = t->bench->sync->engine;
	auto_strv struct strv stop = STRV_INIT;

	for (size_t i = 0; i < s->n_holds; i++) {
		struct hold *h = &s->holds[i];
		struct err why = ERR_INIT;

		if (!h->paused || engine_pause(g, h->id, &why) == 0)
			continue;
		clock_pause_ms(50); /* "unable to freeze" passes; measured once in 200 */
		err_clear(&why);
		if (engine_pause(g, h->id, &why) == 0)
			continue;
		h->paused = false;
		strv_push(&stop, h->id);
	}
	return stop.n > 0 ? engine_stop_all(g, &stop, e) : 0;
}

int quiesce_hold(struct taking *t, struct err *e)
{
	const struct snap_state *s = &t->bench->intent.snap;
	bool stops = false, pauses = false;

	for (size_t i = 0; i < s->n_holds; i++) {
		stops |= !s->holds[i].paused;
		pauses |= s->holds[i].paused;
	}
	if (stops && stop_in_order(t, e) < 0)
		return err_wrap(e, "quiesce");
	if (pauses && pause_each(t, e) < 0)
		return err_wrap(e, "quiesce");
	return 0;
}

int quiesce_let_go(struct engine *g, const struct snap_state *s, bool all, struct err *e)
{
	int rc = 0;

	/* Each is tried, whatever became of the others; what was stopped last starts first. */
	for (size_t i = s->n_holds; i > 0; i--) {
		const struct hold *h = &s->holds[i - 1];
		struct err why = ERR_INIT;

		if (h->leave && !all)
			continue;
		if (((h->paused || all) && engine_unpause(g, h->id, &why) < 0) ||
		    ((!h->paused || all) && engine_start(g, h->id, &why) < 0)) {
			*e = why;
			(void)err_wrap(e, "start %s again", h->name);
			rc = -1;
		}
	}
	return rc;
}
