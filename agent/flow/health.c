/*
 * health - our own judgement, not `up --wait`, which passes crash loops and fails one-shots
 * (measured). Good: with a health check healthy, without one running, one-shots ended with 0, and
 * all of it for `settle` without a break. An engine that does not answer stops the clock; it is no
 * verdict. Depends on: trial.h, engine.
 */
#include "agent/flow/trial.h"

#include "agent/engine/model.h"
#include "common/clock.h"
#include "common/mem.h"

#include <string.h>

enum {
	ROUND_MAX_MS = 2000,
	POLL_MS = 250,
	LOOP_RESTARTS = 2,
	LOG_LINES = 10,
	LOG_BYTES = 700,
	ENGINE_AWAY_MS = 30000
};

/* One look at everything. */
struct look {
	struct strv bad;   /* names that failed for good */
	struct str why;    /* the reasons */
	struct str log;    /* last lines of what failed, for behind the reasons */
	struct strv lines; /* the same, "service: line" */
	struct strv good;  /* what probes answered */
	struct sights sights;
	struct str pending; /* what is not there yet */
	struct strv seen;   /* container id:restarts of the last look, to notice a restart */
	bool moved;         /* a container was restarted or replaced since the last look */
	cJSON *base;        /* container id -> restarts that are not this trial's */
};

static void look_done(struct look *l)
{
	strv_done(&l->bad);
	str_done(&l->why);
	str_done(&l->log);
	strv_done(&l->lines);
	strv_done(&l->good);
	sights_done(&l->sights);
	str_done(&l->pending);
	strv_done(&l->seen);
	cJSON_Delete(l->base);
}

static bool excused(const struct judge *j, const char *name)
{
	return j->failing && strv_has(j->failing, name);
}

static void pend(struct look *l, const char *service, const char *what)
{
	if (l->pending.len > 0)
		str_add(&l->pending, ", ");
	str_addf(&l->pending, "%s %s", service, what);
}

static void keep_log(struct look *l, const char *service, const char *log)
{
	str_addf(&l->log, "; last lines of %s: %s", service, log);
	for (const char *p = log; *p != '\0';) {
		size_t n = strcspn(p, "\n");

		strv_pushf(&l->lines, "%s: %.*s", service, (int)n, p);
		p += n + (p[n] == '\n');
	}
}

static void blame(const struct judge *j, struct look *l, const struct container *c,
		  const char *what)
{
	auto_free char *name = xasprintf("service %s", c->service);

	if (excused(j, name))
		return;
	auto_free char *log = NULL;
	struct err ignored = ERR_INIT;

	strv_add_once(&l->bad, name);
	str_addf(&l->why, "%sservice %s: %s", l->why.len ? "; " : "", c->service, what);
	if (c->health_log && c->health == HEALTH_UNHEALTHY)
		str_addf(&l->why, "; its health check said: %s", c->health_log);
	if (engine_logs(j->engine, c->id, LOG_LINES, LOG_BYTES, &log, &ignored) == 0 && log[0])
		keep_log(l, c->service, log);
}

static void judge_exited(const struct judge *j, struct look *l, const struct container *c)
{
	bool once = str_eq(c->restart_policy, "no") || str_eq(c->restart_policy, "on-failure") ||
		    (j->model && model_expects_exit(j->model, c->service));

	if (c->exit_code == 0 && once)
		return;
	auto_free char *what = c->oom_killed ? xstrdup("was killed: out of memory")
			       : c->exit_code == 0
				       ? xasprintf("ended with 0 although its restart policy is %s",
						   c->restart_policy)
				       : xasprintf("ended with %d", c->exit_code);
	blame(j, l, c, what);
}

static void judge_running(const struct judge *j, struct look *l, const struct container *c)
{
	struct err ignored = ERR_INIT;

	(void)engine_health_kick(j->engine, c, &ignored);
	if (c->health == HEALTH_UNHEALTHY)
		blame(j, l, c, "unhealthy");
	else if (c->health == HEALTH_STARTING)
		pend(l, c->service, "is starting");
}

/* Restarts since this trial began: a container that is older has a history of its own. */
static int restarts(const struct judge *j, struct look *l, const struct container *c)
{
	if (!l->base)
		l->base = cJSON_CreateObject();
	if (!cJSON_GetObjectItemCaseSensitive(l->base, c->id))
		json_set_int(l->base, c->id, c->created < j->since ? c->restart_count : 0);
	return c->restart_count - (int)json_int(l->base, c->id, 0);
}

static void judge_one(const struct judge *j, struct look *l, const struct container *c)
{
	int again = restarts(j, l, c);

	if (again >= LOOP_RESTARTS || (j->now_only && c->state == CONTAINER_RESTARTING)) {
		auto_free char *what =
			xasprintf("restarts again and again (%d times, last ended with %d)", again,
				  c->exit_code);

		blame(j, l, c, what);
		return;
	}
	switch (c->state) {
	case CONTAINER_RUNNING:
		judge_running(j, l, c);
		break;
	case CONTAINER_RESTARTING:
	case CONTAINER_REMOVING:
		pend(l, c->service, container_state_name(c->state));
		break;
	case CONTAINER_EXITED:
		judge_exited(j, l, c);
		break;
	case CONTAINER_CREATED: {
		auto_free char *what = xasprintf("was never started%s%s", c->error ? ": " : "",
						 c->error ? c->error : "");

		blame(j, l, c, what);
		break;
	}
	default:
		blame(j, l, c, container_state_name(c->state));
	}
}

/* Services that the model wants and no container stands for. */
static void judge_missing(const struct judge *j, struct look *l, const struct containers *now)
{
	const cJSON *services = j->model ? json_obj(j->model, "services") : NULL, *s;

	cJSON_ArrayForEach (s, services) {
		bool found = false;
		const cJSON *replicas = json_path(s, "deploy.replicas");

		for (size_t i = 0; i < now->n && !found; i++)
			found = str_eq(now->v[i].service, s->string);
		if (found || (replicas && replicas->valueint == 0) || json_int(s, "scale", 1) == 0)
			continue;
		pend(l, s->string, "has no container");
	}
}

/* 0 with a look; -1: the engine did not answer. */
static int take_look(const struct judge *j, struct look *l, struct err *e)
{
	auto_containers struct containers now = CONTAINERS_INIT;
	auto_strv struct strv seen = STRV_INIT;

	if (engine_list(j->engine, j->project, &now, e) < 0)
		return -1;
	sights_begin(&l->sights);
	for (size_t i = 0; i < now.n; i++) {
		struct container *c = &now.v[i];
		bool gone = false;

		if (c->oneoff)
			continue;
		if (engine_inspect(j->engine, c, &gone, e) < 0)
			return -1;
		if (gone) {
			pend(l, c->service, "is being replaced");
			continue;
		}
		strv_pushf(&seen, "%s:%d", c->id, c->restart_count);
		sights_note(&l->sights, c, clock_ms());
		judge_one(j, l, c);
	}
	judge_missing(j, l, &now);
	strv_sort(&seen);
	l->moved = !strv_equal(&seen, &l->seen);
	strv_copy(&l->seen, &seen);
	return 0;
}

/* The slower checks, once the containers look well. Failing ones are pending until the deadline. */
static void take_probes(const struct judge *j, struct look *l, struct str *last)
{
	auto_strv struct strv names = STRV_INIT;
	auto_str struct str why = STR_INIT;

	str_reset(last);
	strv_done(&l->good);
	if (probes_failing(j->settings, &names, &why, &l->good) == 0)
		return;
	for (size_t i = 0; i < names.n; i++)
		if (!excused(j, names.v[i]))
			pend(l, names.v[i], "");
	if (l->pending.len > 0)
		str_add(last, str_text(&why));
}

static void next_look(struct look *l)
{
	strv_done(&l->bad);
	strv_done(&l->lines);
	str_reset(&l->why);
	str_reset(&l->log);
	str_reset(&l->pending);
}

struct watch {
	struct look look;
	struct str probe_why;
	int64_t good_since_ms, left_ms, away_ms, last_ms;
};

/* 1: go on, 0: good, -1: e says why not. */
static int watch_once(const struct judge *j, struct watch *w, struct err *e)
{
	struct look *l = &w->look;
	int64_t began = clock_ms(), now;

	next_look(l);
	if (take_look(j, l, e) < 0) {
		w->last_ms = clock_ms(); /* the clock stands while the engine is silent */
		return -1;
	}
	if (l->bad.n > 0)
		return err_set(e, ERR_FAILED, 0, "%s%s", str_text(&l->why), str_text(&l->log));
	if (l->pending.len == 0)
		take_probes(j, l, &w->probe_why);
	now = clock_ms();
	/* A longer round means that we stood still ourselves: a host that was suspended. */
	w->left_ms -= now - w->last_ms < ROUND_MAX_MS ? now - w->last_ms : ROUND_MAX_MS;
	w->last_ms = now;
	if (l->pending.len > 0 || l->moved)
		w->good_since_ms = now;
	else if (began - w->good_since_ms >= j->settings->health.settle_ms)
		return 0; /* not the look's own time: with an engine that is slow that is long */
	if (w->left_ms <= 0 && l->pending.len > 0)
		return err_set(e, ERR_FAILED, 0, "not healthy in time: %s%s%s",
			       str_text(&l->pending), w->probe_why.len ? ": " : "",
			       str_text(&w->probe_why));
	return 1;
}

static void tell(const struct judge *j, const struct watch *w)
{
	if (!j->waiting)
		return;
	if (w->look.pending.len > 0) {
		auto_free char *text = str_printable(str_text(&w->look.pending), 120);

		j->waiting(text, j->arg);
	} else
		j->waiting("settling", j->arg);
}

static int watch_loop(const struct judge *j, struct watch *w, struct err *e)
{
	for (;;) {
		int rc = watch_once(j, w, e);

		if (rc == 0 || (rc < 0 && e->kind != ERR_RETRY))
			return rc;
		if (j->stop && stop_asked(j->stop))
			return err_set(
				e, ERR_RETRY, 0,
				"stopped while waiting for health; it goes on at the next start");
		if (rc < 0) {
			w->away_ms += POLL_MS;
			if (w->away_ms > ENGINE_AWAY_MS)
				return -1;
			err_clear(e);
		} else {
			w->away_ms = 0;
			tell(j, w);
		}
		clock_pause_ms(POLL_MS);
	}
}

static void tell_all(const struct judge *j, const char *list, const struct strv *lines)
{
	for (size_t i = 0; i < lines->n; i++)
		j->saw(list, lines->v[i], j->arg);
}

/* In the end: of failures what failed, with log lines; else what was good, service by service. */
static void tell_evidence(const struct judge *j, struct watch *w)
{
	auto_strv struct strv seen = STRV_INIT;
	const struct look *l = &w->look;

	if (!j->saw)
		return;
	if (l->why.len > 0)
		j->saw("evidence", str_text(&l->why), j->arg);
	else if (l->pending.len > 0)
		j->saw("evidence", str_text(&l->pending), j->arg);
	if (w->probe_why.len > 0)
		j->saw("evidence", str_text(&w->probe_why), j->arg);
	if (l->bad.n == 0)
		sights_tell(&l->sights, clock_ms(), &seen);
	tell_all(j, "evidence", &seen);
	tell_all(j, "evidence", &l->good);
	tell_all(j, "log", &l->lines);
}

int health_wait(const struct judge *j, struct err *e)
{
	struct watch w = {.left_ms = j->settings->health.timeout_ms, .last_ms = clock_ms()};
	int rc;

	w.good_since_ms = w.look.sights.begun_ms = w.last_ms;
	rc = watch_loop(j, &w, e);
	if (rc == 0 || e->kind == ERR_FAILED)
		tell_evidence(j, &w);
	look_done(&w.look);
	str_done(&w.probe_why);
	return rc < 0 ? -1 : 0;
}

int health_failing(const struct judge *j, struct strv *failing, struct err *e)
{
	struct judge now = *j;
	struct look l = {.moved = false};
	auto_str struct str why = STR_INIT;

	now.now_only = true;
	now.since = INT64_MAX; /* every container is older than what has not begun */
	int rc = take_look(&now, &l, e);

	for (size_t i = 0; rc == 0 && i < l.bad.n; i++)
		strv_add_once(failing, l.bad.v[i]);
	if (rc == 0)
		(void)probes_failing(j->settings, failing, &why, NULL);
	look_done(&l);
	return rc;
}
