/*
 * hook - a command of the project's own around a snapshot, in the container of one of its services:
 * a dump, a flush, a checkpoint. Depends on: snap_parts.h, engine.
 */
#include "agent/flow/snap_parts.h"

#include "common/mem.h"

static const int64_t HOOK_MS = 5 * 60 * 1000;

static const struct user *container_of(const struct uses *l, const char *project,
				       const char *service)
{
	for (size_t i = 0; i < l->n; i++)
		if (!l->v[i].oneoff && l->v[i].state == CONTAINER_RUNNING &&
		    str_eq(l->v[i].project, project) && str_eq(l->v[i].service, service))
			return &l->v[i];
	return NULL;
}

static bool is_left(const struct snap_state *s, const char *id)
{
	for (size_t i = 0; i < s->n_holds; i++)
		if (s->holds[i].leave && str_eq(s->holds[i].id, id))
			return true;
	return false;
}

int hook_run(struct bench *b, const struct hook *h, const char *which, const struct uses *uses,
	     struct err *e)
{
	auto_free char *said = NULL;
	int code = 0;

	if (h->command.n == 0 || !h->service)
		return 0;
	const struct user *c = container_of(uses, trial_compose_name(b->trial), h->service);

	if (c && is_left(&b->intent.snap, c->id) && str_eq(which, "after_snapshot"))
		return 0; /* it was stopped and is about to be replaced: there is nothing to undo */
	/* It does not run: it writes nothing, and a push that mends it must not be held up. */
	if (!c) {
		auto_free char *note = xasprintf("hook %s was left out: service %s does not run",
						 which, h->service);

		job_tell(b->job, "evidence", note);
		return 0;
	}
	bench_show(b, "hook", which);
	int64_t ms = h->timeout_ms > 0 ? h->timeout_ms : HOOK_MS;

	if (engine_exec(b->sync->engine, c->id, &h->command, (int)ms, &code, &said, e) < 0)
		return err_wrap(e, "hook %s in service %s", which, h->service);
	if (code != 0)
		return err_set(e, ERR_FAILED, 0, "hook %s in service %s ended with %d%s%s", which,
			       h->service, code, said[0] ? ": " : "", said);
	if (said[0])
		job_tell_lines(b->job, "log", which, said);
	return 0;
}
