/*
 * plan_view - what a sync would do, without doing it: the same steps in a scratch directory, up to
 * and with staging; no image is pulled, no record written, nothing of the engine changed. Depends
 * on: staging.h.
 */
#include "agent/flow/staging.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/path.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

void plan_view_done(struct plan_view *v)
{
	plan_done(&v->plan);
	commit_info_done(&v->commit);
	strv_done(&v->warnings);
	free(v->why);
	memset(v, 0, sizeof(*v));
}

int scratch_open(struct sync *s, struct config *c, struct err *e)
{
	const char *tmp = getenv("TMPDIR");
	char *dir = xasprintf("%s/mdc-plan-XXXXXX", tmp && tmp[0] == '/' ? tmp : "/tmp");

	if (!mkdtemp(dir)) {
		int error = errno;

		free(dir);
		return err_set(e, ERR_RETRY, error, "cannot make a scratch directory");
	}
	s->scratch = dir;
	/* Before the first sync there is no state directory: an empty one shows that everything is
	 * to be added. */
	if (!file_exists(c->state_dir))
		c->state_dir = path_join(dir, "state");
	return store_open(c, true, &s->store, e);
}

void scratch_close(struct sync *s, struct config *c, const char *was)
{
	struct err ignored = ERR_INIT;

	if (s->scratch)
		(void)tree_remove(s->scratch, &ignored);
	sync_close(s);
	if (c->state_dir != was)
		free(c->state_dir);
}

static int ask(struct sync *s, struct err *e)
{
	int64_t number = 0;

	if (repo_library_init(e) < 0 || source_read(s->store, &s->source, e) < 0 ||
	    control_read(s->store, &s->control, e) < 0 || current_read(s->store, &number, e) < 0)
		return -1;
	s->current.number = number;
	if (flow_fetch(s, e) < 0 || flow_verify(s, e) < 0 || flow_evaluate(s, e) < 0 ||
	    decide_plan(s, e) < 0)
		return -1;
	if (drift_find(s, e) < 0)
		return -1;
	for (size_t i = 0; i < s->n_trials; i++)
		if (s->trials[i].action != PLAN_REMOVE && s->trials[i].action != PLAN_REPAIR)
			return sync_engine(s, e) < 0 ? -1 : pool_run(s, &stage_pool, e);
	return 0;
}

static void merge(struct strv *to, const struct strv *from)
{
	for (size_t i = 0; i < from->n; i++)
		(void)strv_add_once(to, from->v[i]);
}

/* What staging found, into the plan. */
static void tell(struct sync *s)
{
	for (size_t i = 0; i < s->n_trials; i++) {
		const struct trial *t = &s->trials[i];
		struct plan_item *p = plan_find(&s->plan, t->name);

		if (!p || p->action == PLAN_BLOCKED)
			continue;
		if (t->state == TRIAL_ENDED && t->why) {
			p->action = PLAN_BLOCKED;
			strv_push(&p->reasons, t->why);
			continue;
		}
		merge(&p->reasons, &t->reasons);
		merge(&p->notes, &t->notes);
		merge(&p->services, &t->services);
		if (t->action == PLAN_CHANGE && t->same_model && t->reasons.n == 0) {
			merge(&p->reasons, &t->quiet);
			strv_push(&p->reasons, "no container is touched");
		}
		if (t->action == PLAN_REMOVE && t->reasons.n == 0)
			strv_push(
				&p->reasons,
				"is not in the repository for this host any more; its volumes stay");
	}
}

static const char *hold_text(const struct sync *s)
{
	if (s->control.mode == CONTROL_AUTO)
		return NULL;
	return s->control.why ? s->control.why : control_mode_name(s->control.mode);
}

int flow_plan(const struct config *c, struct plan_view *out, struct err *e)
{
	struct config view = *c; /* shallow: only state_dir may be replaced */
	struct sync_options o = {.drift = true};
	struct sync_report report = {.n = 0};
	struct sync s = {
		.config = &view, .options = &o, .report = &report, .lock_fd = -1, .dry = true};
	int rc;

	memset(out, 0, sizeof(*out));
	(void)umask(022);
	s.stop.signal_fd = s.stop.event_fd = -1;
	rc = stop_open(&s.stop, e) < 0 || scratch_open(&s, &view, e) < 0 ? -1 : ask(&s, e);
	if (rc == 0) {
		tell(&s);
		out->plan = TAKE_STRUCT(s.plan);
		out->warnings = TAKE_STRUCT(report.warnings);
		commit_info_copy(&out->commit, &s.commit);
		out->held = s.control.mode != CONTROL_AUTO;
		out->why = xstrdup_null(hold_text(&s));
	}
	sync_report_done(&report);
	scratch_close(&s, &view, c->state_dir);
	return rc;
}
