/*
 * status - what holds here and how it runs, from the records and one look at the engine. No lock,
 * no change. Depends on: sync.h.
 */
#include "agent/flow/sync.h"

#include "common/file.h"
#include "common/lock.h"
#include "common/mem.h"

#include <string.h>

void status_done(struct status *s)
{
	commit_info_done(&s->commit);
	control_done(&s->control);
	source_record_done(&s->source);
	for (size_t i = 0; i < s->n; i++) {
		struct project_status *p = &s->v[i];

		free(p->name);
		free(p->state);
		free(p->detail);
		free(p->held);
		commit_info_done(&p->commit);
	}
	free(s->v);
	free(s->source_url);
	free(s->busy);
	free(s->engine_error);
	free(s->next);
	free(s->source_error);
	free(s->problem);
	memset(s, 0, sizeof(*s));
}

struct asking {
	const struct config *config;
	struct store *store;
	struct engine *engine; /* NULL: does not answer */
	struct containers running;
	struct generation current;
};

static void look(struct asking *a, struct status *s)
{
	struct err e = ERR_INIT;
	auto_engine struct engine *g = NULL;

	if (engine_open(a->config, &g, &e) == 0 && engine_list(g, NULL, &a->running, &e) == 0) {
		a->engine = TAKE(g);
		drift_refine(a->engine, &a->running);
		s->engine_answers = true;
		return;
	}
	s->engine_error = xstrdup(e.cause);
}

static void set_state(struct project_status *p, const char *state, const char *detail)
{
	free(p->state);
	p->state = xstrdup(state);
	if (detail && !p->detail)
		p->detail = xstrdup(detail);
}

/* One container's part: counts, and the worst of all states. */
static void weigh(struct asking *a, struct project_status *p, struct container *c, bool *checked)
{
	struct err e = ERR_INIT;
	bool gone = false;

	if (c->oneoff || engine_inspect(a->engine, c, &gone, &e) < 0 || gone)
		return;
	p->ended += c->state == CONTAINER_EXITED && c->exit_code == 0 &&
		    (str_eq(c->restart_policy, "no") || str_eq(c->restart_policy, "on-failure"));
	if (c->state == CONTAINER_EXITED && c->exit_code == 0)
		return; /* a one-shot that did its work, or was stopped: drift tells them apart */
	p->containers++;
	p->running += c->state == CONTAINER_RUNNING;
	*checked |= c->health != HEALTH_NONE;
	if (c->health == HEALTH_UNHEALTHY) {
		auto_free char *text = xasprintf("service %s is unhealthy", c->service);

		set_state(p, "unhealthy", text);
	} else if (c->health == HEALTH_STARTING && !p->state) {
		set_state(p, "starting", NULL);
	} else if (c->state != CONTAINER_RUNNING) {
		auto_free char *text =
			xasprintf("service %s is %s", c->service, container_state_name(c->state));

		free(p->detail);
		p->detail = xstrdup(text);
	}
}

/* Of a project none of whose containers says otherwise. */
static const char *state_of(const struct project_status *p, const struct active *x, bool checked)
{
	if (p->containers == 0 && p->ended == 0)
		return cJSON_GetArraySize(x->hashes) > 0 ? "missing" : "running";
	if (p->containers > 0 && p->running == 0)
		return "stopped";
	if (p->running < p->containers)
		return "partly";
	return checked ? "healthy" : "running";
}

static void judge(struct asking *a, struct project_status *p, const struct active *x)
{
	auto_str struct str drift = STR_INIT;
	bool checked = false;

	if (!a->engine) {
		set_state(p, "unknown", NULL);
		return;
	}
	for (size_t i = 0; i < a->running.n; i++)
		if (str_eq(a->running.v[i].project, project_compose_name(&x->want)))
			weigh(a, p, &a->running.v[i], &checked);
	if (!p->state)
		set_state(p, state_of(p, x, checked), NULL);
	if (drift_of(x, &a->running, &drift) && !p->detail)
		p->detail = xasprintf("drift: %s", str_text(&drift));
}

static int add_project(struct asking *a, struct status *s, const struct generation_entry *g,
		       struct err *e)
{
	struct project_status *p = &s->v[s->n++];
	auto_free char *degraded = NULL;

	*p = (struct project_status){.name = xstrdup(g->name),
				     .since = g->active.since,
				     .generation = g->active.generation};
	commit_info_copy(&p->commit, &g->active.commit);
	if (g->status == ENTRY_MISSING)
		set_state(p, "missing", g->why);
	else
		judge(a, p, &g->active);
	p->held = xstrdup_null(json_str(s->source.held, g->name, NULL));
	int64_t since = 0;

	if (degraded_read(a->store, g->name, &degraded, &since, e) < 0)
		return -1;
	if (degraded) {
		free(TAKE(p->detail));
		set_state(p, "degraded", degraded);
		p->since = since;
	}
	return 0;
}

/* Projects that never made it into a generation: a held or degraded record is all there is of them.
 */
static int add_unknown(struct asking *a, struct status *s, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;
	const cJSON *h;

	if (active_names(a->store, &names, e) < 0)
		return -1;
	cJSON_ArrayForEach (h, s->source.held)
		(void)strv_add_once(&names, h->string);
	for (size_t i = 0; i < names.n; i++) {
		struct generation_entry g = {.name = names.v[i], .status = ENTRY_MISSING};
		auto_free char *degraded = NULL;
		int64_t since = 0;

		if (generation_find(&a->current, names.v[i]))
			continue;
		if (degraded_read(a->store, names.v[i], &degraded, &since, e) < 0)
			return -1;
		if (!degraded && !json_str(s->source.held, names.v[i], NULL))
			continue;
		s->v = xreallocarray(s->v, s->n + 1, sizeof(*s->v));
		active_init(&g.active);
		int rc = add_project(a, s, &g, e);

		active_done(&g.active);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static int read_recovery(struct asking *a, struct status *s, struct err *e)
{
	struct recovery r = {.died = 0};

	if (recovery_read(a->store, &r, e) < 0)
		return -1;
	s->recoveries = r.died;
	/* The last try may be under way. */
	s->safe_mode = r.died >= RECOVERY_MAX && !s->busy;
	return 0;
}

static int read_all(struct asking *a, struct status *s, struct err *e)
{
	int64_t *numbers = NULL;
	size_t n = 0;
	auto_json cJSON *open = NULL;
	auto_free char *lock = store_path(a->store, "lock");
	char busy[128];

	if (current_read(a->store, &s->generation, e) < 0 ||
	    generation_numbers(a->store, &numbers, &n, e) < 0)
		return -1;
	free(numbers);
	s->generations = (int64_t)n;
	if (s->generation > 0 && generation_read(a->store, s->generation, &a->current, e) < 0)
		return -1;
	if (control_read(a->store, &s->control, e) < 0 ||
	    source_read(a->store, &s->source, e) < 0 || sync_intent_read(a->store, &open, e) < 0)
		return -1;
	s->recovery_open = open != NULL;
	if (lock_holder(lock, busy, sizeof(busy))[0])
		s->busy = xstrdup(busy);
	if (open && read_recovery(a, s, e) < 0)
		return -1;
	commit_info_copy(&s->commit, &a->current.commit);
	s->made = a->current.made;
	s->v = xcalloc(a->current.n + 1, sizeof(*s->v));
	for (size_t i = 0; i < a->current.n; i++)
		if (add_project(a, s, &a->current.v[i], e) < 0)
			return -1;
	return add_unknown(a, s, e);
}

/* The daemon knows best when the source was seen; records only know when it had something new. */
static void ask_daemon(const struct config *c, struct status *s)
{
	auto_json cJSON *j = NULL;
	struct err ignored = ERR_INIT;

	s->source_seen = s->source.fetched;
	s->source_error =
		xstrdup_null(s->source.refused[0] ? s->source.refused_why : s->source.last_error);
	s->daemon = flow_ask_daemon(c, &j, &ignored) == 0;
	if (!s->daemon)
		return;
	int64_t seen = json_int(j, "source_seen", 0);

	if (seen > s->source_seen)
		s->source_seen = seen;
	if (json_int(j, "failures", 0) > 0 && json_str(j, "last_error", NULL)) {
		free(s->source_error);
		s->source_error = xstrdup(json_str(j, "last_error", ""));
	}
}

int flow_status(const struct config *c, struct status *out, struct err *e)
{
	struct asking a = {.config = c};
	int rc = 0;

	memset(out, 0, sizeof(*out));
	out->source_url = xstrdup_null(c->source.url);
	/* Before the first sync there is nothing, and that is an answer too. */
	if (file_exists(c->state_dir) && store_open(c, false, &a.store, e) < 0)
		return -1;
	look(&a, out);
	if (a.store)
		rc = read_all(&a, out, e);
	if (rc == 0) {
		out->synced = out->generation > 0 || out->source.id[0] || out->source.last_error ||
			      out->n > 0;
		ask_daemon(c, out);
		status_sum_up(out, c);
	}
	containers_done(&a.running);
	generation_done(&a.current);
	if (a.engine)
		engine_close(a.engine);
	if (a.store)
		store_close(a.store);
	return rc;
}
