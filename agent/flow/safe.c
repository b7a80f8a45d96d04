/*
 * safe - what keeps recovery from going round in circles. Each recovery is counted before it begins
 * (recovery.json) and taken back when it ends of its own accord; after RECOVERY_MAX deaths nothing
 * is touched any more until a person says so: safe mode. Depends on: sync.h.
 */
#include "agent/flow/sync.h"

#include <errno.h>

static int refuse(struct sync *s, struct recovery *r, struct err *e)
{
	struct err ignored = ERR_INIT;

	(void)err_set(e, ERR_BROKEN, 0,
		      "safe mode: the agent died %d times in a row while it finished what a sync "
		      "that was cut off had left, so it touches nothing any more: see the journal "
		      "and what runs, then `mdc-agent retry` (or `rollback`, `resume`) goes on",
		      r->died);
	if (r->told)
		return -1;
	report_event(s, EVENT_SAFE_MODE, &(struct event_fields){.reason = e->cause}, e->cause);
	r->told = true;
	(void)recovery_write(s->store, r, &ignored);
	return -1;
}

int safe_enter(struct sync *s, struct err *e)
{
	struct recovery r = {.died = 0};

	if (recovery_read(s->store, &r, e) < 0)
		return -1;
	if (r.died >= RECOVERY_MAX)
		return refuse(s, &r, e);
	r.died++;
	if (recovery_write(s->store, &r, e) == 0)
		return 0;
	/* A full disk must not keep a project from going back: there is a reserve for that. */
	if (e->errnum != ENOSPC && e->errnum != EDQUOT)
		return -1;
	err_clear(e);
	return 0;
}

void safe_leave(struct sync *s)
{
	struct recovery r = {.died = 0};
	struct err ignored = ERR_INIT;

	if (recovery_read(s->store, &r, &ignored) < 0 || r.died == 0)
		return;
	r.died--;
	(void)recovery_write(s->store, &r, &ignored);
}
