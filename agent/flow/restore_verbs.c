/*
 * restore_verbs - one project's data, when a person asks: copied now, or put back. Under the sync's
 * lock, in a worker that holds the project's, and with an open sync.json: if we die, the next start
 * finishes it like any trial. Depends on: data.h, snap.h, trial.h.
 */
#include "agent/flow/data.h"
#include "agent/flow/snap.h"
#include "agent/flow/trial.h"

#include "common/clock.h"
#include "common/mem.h"

#include <string.h>

enum { HAND_MS = 6 * 60 * 60 * 1000 };

/* What the worker is to do, and what it said. */
struct by_hand {
	const struct snapshot *from; /* NULL: take one */
	const struct strv *only;
	cJSON *answer;
	struct err failed;
};

static int hand_work(void *arg, struct worker_out *o, cJSON **result, struct err *e)
{
	struct pool_job *j = arg;
	const struct by_hand *h = j->sync->by_hand;
	auto_snapshot struct snapshot x = {.n = 0};
	struct bench b;
	int rc;

	j->out = o;
	rc = bench_open(j, &b, e);
	if (rc == 0)
		rc = h->from ? restore_by_hand(&b, h->from, h->only, &x, e)
			     : snap_by_hand(&b, &x, e);
	if (rc == 0)
		*result = snapshot_to_json(&x);
	bench_close(&b);
	return rc;
}

static struct trial *next(struct sync *s)
{
	for (size_t i = 0; i < s->n_trials; i++)
		if (s->trials[i].state == TRIAL_WAITING && !s->trials[i].busy)
			return &s->trials[i];
	return NULL;
}

static void ended(struct sync *s, struct trial *t, const cJSON *result, const struct err *failed)
{
	t->state = TRIAL_ENDED;
	if (failed)
		s->by_hand->failed = *failed;
	else
		s->by_hand->answer = cJSON_Duplicate(result, true);
}

static int open_project(struct sync *s, const char *project, struct err *e)
{
	auto_free char *shown = str_printable(project, 64);
	int64_t number = 0;
	struct trial *t;

	if (repo_library_init(e) < 0 || recover_run(s, e) < 0 || park_take_up(s, project, e) < 0 ||
	    current_read(s->store, &number, e) < 0)
		return -1;
	if (number > 0 && generation_read(s->store, number, &s->current, e) < 0)
		return -1;
	t = trial_add(s, project, PLAN_CHANGE);
	if (active_read(s->store, project, &t->old, &t->has_old, e) < 0)
		return -1;
	if (!t->has_old)
		return err_set(e, ERR_USAGE, 0,
			       "project %s is not deployed here; `mdc-agent status` lists those "
			       "that are",
			       shown);
	t->old.generation =
		number; /* whose data it is; after a rollback the record knows no better */
	commit_info_copy(&s->commit, &t->old.commit);
	return generation_next(s->store, &s->number, e);
}

/* The worker has left an intent: it, or the engine, died on the way. */
static int put_right(struct sync *s, const char *project, struct err *e)
{
	auto_json cJSON *intent = NULL;
	struct err why = ERR_INIT;

	if (intent_read(s->store, project, &intent, &why) == 0 && !intent)
		return sync_intent_remove(s->store, e);
	trials_done(s);
	if (recover_run(s, &why) < 0)
		return err_set(e, ERR_RETRY, 0, "%.500s; the next sync goes on with it: %.400s",
			       s->by_hand->failed.cause, why.cause);
	return 0;
}

static int work(struct sync *s, const char *project, struct err *e)
{
	static const struct pool hand_pool = {
		.next = next, .work = hand_work, .ended = ended, .timeout_ms = HAND_MS};

	if (open_project(s, project, e) < 0 || sync_engine(s, e) < 0 ||
	    sync_intent_save(s, "", e) < 0)
		return -1;
	if (pool_run(s, &hand_pool, e) < 0)
		return -1;
	if (!s->by_hand->answer) {
		if (put_right(s, project, e) < 0)
			return -1;
		*e = s->by_hand->failed;
		return e->kind == ERR_NONE ? err_set(e, ERR_RETRY, 0, "its worker said nothing")
					   : -1;
	}
	return sync_intent_remove(s->store, e);
}

static int run(const struct config *c, const struct data_options *o, struct by_hand *h,
	       const char *project, struct snapshot *out, struct err *e)
{
	struct sync_options so = {.lock_wait_ms = o->lock_wait_ms, .progress = o->progress};
	auto_sync_report struct sync_report report = {.n = 0};
	struct sync s = {.config = c,
			 .options = &so,
			 .report = &report,
			 .lock_fd = -1,
			 .begun_ms = clock_ms(),
			 .by_hand = h};
	int rc;

	s.stop.signal_fd = s.stop.event_fd = -1;
	rc = sync_begin(&s, h->from ? "restore" : "snapshot", e);
	if (rc == 0)
		rc = work(&s, project, e);
	if (rc == 0)
		snapshot_from_json(h->answer, out);
	/* It runs as recorded again, and was judged. */
	if (rc == 0 && h->from)
		rc = degraded_remove(s.store, project, e);
	sync_show(&s, NULL, rc == 0 ? "done" : "failed", NULL);
	cJSON_Delete(h->answer);
	sync_close(&s);
	return rc;
}

int flow_snapshot(const struct config *c, const struct data_options *o, struct snapshot *out,
		  struct err *e)
{
	struct by_hand h = {.from = NULL};

	return run(c, o, &h, o->project, out, e);
}

int flow_restore(const struct config *c, const struct data_options *o, struct snapshot *aside,
		 struct err *e)
{
	auto_snapshot struct snapshot from = {.n = 0};
	auto_store struct store *s = NULL;

	if (store_open(c, false, &s, e) < 0 || snapshot_pick(s, o->snapshot, &from, e) < 0)
		return -1;
	struct by_hand h = {.from = &from, .only = o->only};

	return run(c, o, &h, from.project, aside, e);
}
