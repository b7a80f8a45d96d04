/*
 * trial - one project forward: snapshot (take.c), intent, apply, health, commit. Any failure goes
 * to undo; an engine that is away is waited for, a disk that stays full is not; a stop leaves the
 * intent open, for resume.c. Depends on: trial.h.
 */
#include "agent/flow/secrets.h"
#include "agent/flow/snap_parts.h"

#include "agent/engine/model.h"
#include "common/clock.h"
#include "common/fault.h"
#include "common/mem.h"

#include <errno.h>
#include <string.h>

enum { ENGINE_ROUNDS = 5, ENGINE_WAIT_MS = 10 * 60 * 1000 };

cJSON *trial_end(const struct bench *b, const char *end, const char *why)
{
	cJSON *j = cJSON_CreateObject();

	json_set_str(j, "end", end);
	json_set_str(j, "why", why);
	if (b && b->trial->action != PLAN_REMOVE && b->trial->new.hashes)
		cJSON_AddItemToObject(j, "new", active_to_json(&b->trial->new));
	return j;
}

/* Wait for an engine that went away: unknown is not unhealthy (promise 8). 0 once it answers. */
static int wait_for_engine(struct bench *b, struct err *e)
{
	struct deadline d = deadline_in(ENGINE_WAIT_MS);

	for (;;) {
		struct err ping = ERR_INIT;

		if (engine_ping(b->sync->engine, &ping) == 0) {
			err_clear(e);
			return 0;
		}
		if (deadline_over(d) || stop_asked(&b->sync->stop))
			return -1; /* e keeps the first reason */
		bench_show(b, "waiting", "for the engine");
		clock_pause_ms(500);
	}
}

int trial_persist(struct bench *b, int (*go)(struct bench *b, struct err *e), struct err *e)
{
	for (int round = 0;; round++) {
		if (go(b, e) == 0)
			return 0;
		job_mask(b->job, e);
		if (e->kind != ERR_RETRY || stop_asked(&b->sync->stop) || round >= ENGINE_ROUNDS)
			return -1;
		if (wait_for_engine(b, e) < 0)
			return -1;
	}
}

static int step_apply(struct bench *b, struct err *e)
{
	struct trial *t = b->trial;

	bench_show(b, "place", NULL);
	b->placing = true;
	if (place_files(b, t->has_old ? &t->old : NULL, &t->new, e) < 0)
		return -1;
	b->placing = false;
	if (fault_hit(FAULT_files_placed, e) < 0)
		return -1;
	if (t->same_model)
		return 0;
	bench_show(b, "apply", NULL);
	return apply_model(b, &t->new, e) < 0 ? -1 : fault_hit(FAULT_apply_done, e);
}

static bool going_back(const struct bench *b)
{
	return str_eq(b->intent.phase, PHASE_UNDO);
}

static void show_wait(const char *what, void *arg)
{
	struct bench *b = arg;

	bench_show(b, going_back(b) ? "undo" : "health", what);
}

static void note_seen(const char *list, const char *line, void *arg)
{
	struct bench *b = arg;
	auto_free char *text = xasprintf("%s%s", going_back(b) ? "after going back: " : "", line);

	job_tell(b->job, list, text);
}

int trial_judge(struct bench *b, const struct active *a, struct err *e)
{
	auto_json cJSON *model = NULL;

	if (model_read(b->sync->store, b->trial->name, a->model, &model, e) < 0)
		return -1;
	struct judge j = {
		.engine = b->sync->engine,
		.project = trial_compose_name(b->trial),
		.settings = &a->want.settings,
		.model = model,
		.failing = &b->intent.failing,
		.stop = &b->sync->stop,
		.since = clock_wall() - (clock_ms() - b->begun_ms) / 1000 - 1,
		.waiting = show_wait,
		.saw = note_seen,
		.arg = b,
	};
	return health_wait(&j, e);
}

static int step_health(struct bench *b, struct err *e)
{
	if (b->trial->same_model) {
		job_tell(b->job, "evidence", "no container was touched");
		return 0;
	}
	bench_show(b, "health", NULL);
	return trial_judge(b, &b->trial->new, e) < 0 ? -1 : fault_hit(FAULT_health_done, e);
}

int trial_commit(struct bench *b, struct err *e)
{
	struct active *a = &b->trial->new;
	struct err ignored = ERR_INIT;

	bench_show(b, "commit", NULL);
	a->since = clock_wall();
	a->generation = b->sync->number;
	if (apply_hashes(b, a, e) < 0 || active_write(b->sync->store, a, e) < 0)
		return -1;
	if (b->trial->attempts > 0) /* what was held against it is over */
		(void)mark_remove(b->sync->store, a->want.name, a->want.digest, &ignored);
	(void)degraded_remove(b->sync->store, a->want.name, &ignored);
	if (fault_hit(FAULT_project_committed, e) < 0)
		return -1;
	secrets_prune(b->sync, b->trial->name, a);
	return intent_remove(b->sync->store, b->trial->name, e);
}

/* A rollback's data, before its content. */
static int step_data(struct bench *b, struct err *e)
{
	if (!str_eq(b->intent.phase, PHASE_RESTORE))
		return 0;
	if (restore_run(b, e) < 0)
		return -1;
	bench_phase(b, PHASE_APPLY);
	if (bench_save(b, e) == 0)
		return 0;
	bench_phase(b, PHASE_RESTORE);
	return -1;
}

static int forward(struct bench *b, struct err *e)
{
	if (step_data(b, e) < 0 || step_apply(b, e) < 0 || step_health(b, e) < 0)
		return -1;
	return b->intent.atomic ? 0 : trial_commit(b, e);
}

/* Make intent.json say so: neither a polite stop nor an engine that is away is a verdict on the
 * content, so this attempt does not count. */
cJSON *trial_stopped(struct bench *b, const struct err *why)
{
	struct err ignored = ERR_INIT;
	bool stop = stop_asked(&b->sync->stop);

	if (stop)
		b->intent.records = 0; /* somebody else's decision, however often */
	if (strcmp(b->intent.phase, PHASE_APPLY) == 0) {
		b->intent.attempt--;
		(void)bench_save(b, &ignored);
		if (stop)
			return trial_end(b, "stopped", "stopped; it goes on at the next start");
	}
	return trial_end(b, "retry", why->cause);
}

bool trial_disk_error(const struct err *e)
{
	return e->kind == ERR_RETRY && (e->errnum == ENOSPC || e->errnum == EDQUOT ||
					e->errnum == EROFS || e->errnum == EIO);
}

int trial_run(struct bench *b, cJSON **result, struct err *e)
{
	if (trial_persist(b, forward, e) == 0) {
		if (!b->intent.atomic) {
			*result = trial_end(b, "good", NULL);
			return 0;
		}
		bench_phase(b, PHASE_HEALTHY);
		if (bench_save(b, e) < 0)
			return -1;
		*result = trial_end(b, "healthy", NULL);
		return 0;
	}
	/* Going forward again and again on a full disk, or while the source that has the new files
	 * is away, would leave it half applied. */
	b->intent.disk = trial_disk_error(e) || (b->placing && e->kind == ERR_RETRY);
	if (e->kind == ERR_RETRY && (!b->intent.disk || stop_asked(&b->sync->stop))) {
		*result = trial_stopped(b, e);
		err_clear(e);
		return 0;
	}
	return undo_trial(b, e, result);
}

/* What fails already is not the change's fault; what of others runs under this name is worth
 * knowing. */
static int baseline(struct bench *b, struct err *e)
{
	struct trial *t = b->trial;
	auto_json cJSON *model = NULL;
	auto_containers struct containers now = CONTAINERS_INIT;

	if (!t->has_old) {
		if (t->want->settings.adopt != TRI_YES)
			return 0;
		if (engine_list(b->sync->engine, trial_compose_name(t), &now, e) < 0)
			return -1;
		b->intent.adopted = now.n > 0;
		return 0;
	}
	/* Of a degraded one what fails now is no baseline: going back left it so. */
	if (t->same_model || strv_has(&b->sync->doubted, t->name) ||
	    degraded_is(b->sync->store, t->name))
		return 0;
	if (model_read(b->sync->store, t->name, t->old.model, &model, e) < 0)
		return -1;
	struct judge j = {.engine = b->sync->engine,
			  .project = trial_compose_name(t),
			  .settings = &t->old.want.settings,
			  .model = model};

	return health_failing(&j, &b->intent.failing, e);
}

/* It ended before anything was touched: what runs is what ran. */
static cJSON *untouched(struct bench *b, const struct err *why)
{
	char text[sizeof(why->cause) + sizeof(why->trail)];
	struct err ignored = ERR_INIT;

	(void)err_text(why, text, sizeof(text));
	if (why->kind == ERR_RETRY || why->kind == ERR_BROKEN)
		return trial_end(NULL, "retry", text);
	free(b->intent.why);
	b->intent.why = xstrdup(text);
	(void)undo_remember(b, &ignored);
	return trial_end(NULL, "failed", text);
}

int trial_work(void *arg, struct worker_out *o, cJSON **result, struct err *e)
{
	struct pool_job *j = arg;
	struct bench b;
	int rc;

	j->out = o;
	if (bench_open(j, &b, e) < 0 || bench_reserve(&b, true, e) < 0 || baseline(&b, e) < 0) {
		*result = trial_end(NULL, "retry",
				    e->cause); /* nothing was touched and nothing is open */
		bench_close(&b);
		err_clear(e);
		return 0;
	}
	b.intent.attempt = j->trial->attempts + 1;
	b.intent.atomic = j->sync->atomic && !j->sync->options->rollback;
	b.intent.unblamed = j->sync->options->rollback;
	/* Ends with the intent on disk: the attempt is counted before it is made. */
	if (snap_before(&b, e) < 0) {
		job_mask(j, e);
		*result = untouched(&b, e);
		err_clear(e);
		rc = 0;
	} else {
		rc = fault_hit(FAULT_intent_written, e) < 0 ? -1 : trial_run(&b, result, e);
	}
	bench_close(&b);
	return rc;
}
