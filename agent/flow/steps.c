/*
 * steps - a sync's table of contents: each row is a file of this directory, in the order the data
 * goes (design part 5). A step that has nothing to do sets `finished`; the report is made whatever
 * happened. Depends on: sync.h. To add a step: its file, its prototype in sync.h and a row here.
 */
#include "agent/flow/sync.h"

#include "common/clock.h"
#include "common/lock.h"
#include "common/log.h"
#include "common/mem.h"

#include <string.h>

static const struct step_row {
	const char *name;
	int (*run)(struct sync *s, struct err *e);
	const char *context; /* put in front of an error */
} steps[] = {
	{"open", flow_open, NULL},         /* the lock; what a killed sync left is finished first */
	{"fetch", flow_fetch, NULL},       /* did the source move? then its objects */
	{"verify", flow_verify, NULL},     /* may this commit be applied here at all? */
	{"evaluate", flow_evaluate, NULL}, /* which projects belong to this host */
	{"plan", flow_decide, NULL},       /* what differs from what holds */
	{"stage", flow_stage,
	 NULL}, /* everything needed comes to this host; nothing that runs is touched above */
	{"anchor", flow_anchor, NULL}, /* the commit is accepted: the next must come after it */
	{"deploy", flow_deploy,
	 NULL}, /* each project: quiesce, snapshot, apply, health, commit or undo */
	{"commit", flow_commit, NULL},    /* the generation, and `current` */
	{"clean up", flow_cleanup, NULL}, /* retention */
};

static void summarize(struct sync *s, struct err *e)
{
	bool degraded = false, failed = false, retry = false;
	const char *who = NULL;

	for (size_t i = 0; i < s->report->n; i++) {
		enum outcome_kind k = s->report->v[i].kind;

		degraded |= k == OUTCOME_DEGRADED;
		failed |= k == OUTCOME_FAILED || k == OUTCOME_BLOCKED;
		retry |= k == OUTCOME_RETRY;
		if (!who && (k == OUTCOME_DEGRADED || k == OUTCOME_FAILED || k == OUTCOME_RETRY ||
			     k == OUTCOME_BLOCKED))
			who = s->report->v[i].project;
	}
	if (degraded)
		err_set(e, ERR_BROKEN, 0,
			"degraded: going back failed too; `mdc-agent status` says which project and what to do");
	else if (failed)
		err_set(e, ERR_FAILED, 0, "%s was not deployed; see above and `mdc-agent status`",
			who);
	else if (retry)
		err_set(e, ERR_RETRY, 0, "%s could not be deployed now; it will be tried again",
			who);
}

void sync_close(struct sync *s)
{
	if (s->engine)
		engine_close(s->engine);
	trials_done(s);
	source_record_done(&s->source);
	control_done(&s->control);
	commit_info_done(&s->commit);
	generation_done(&s->current);
	generation_done(&s->target);
	projects_done(&s->wanted);
	strv_done(&s->others);
	strv_done(&s->doubted);
	plan_done(&s->plan);
	containers_done(&s->running);
	if (s->store)
		store_close(s->store);
	lock_drop(s->lock_fd);
	stop_close(&s->stop);
	free(s->scratch);
	free(s->tag);
	anchor_done(&s->accept);
}

int flow_sync(const struct config *c, const struct sync_options *o, struct sync_report *r,
	      struct err *e)
{
	struct sync s = {
		.config = c, .options = o, .report = r, .lock_fd = -1, .begun_ms = clock_ms()};
	int rc = 0;

	s.stop.signal_fd = s.stop.event_fd = -1;
	memset(r, 0, sizeof(*r));
	for (size_t i = 0; rc == 0 && !s.finished && i < COUNT_OF(steps); i++) {
		sync_show(&s, NULL, steps[i].name, NULL);
		rc = steps[i].run(&s, e);
	}
	r->generation = s.current.number;
	if (rc == 0) {
		summarize(&s, e);
		rc = e->kind == ERR_NONE ? 0 : -1;
	}
	sync_metrics(&s, rc == 0);
	sync_show(&s, NULL, rc == 0 ? "done" : "failed", NULL);
	sync_close(&s);
	return rc;
}
