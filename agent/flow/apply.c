/*
 * apply - let Compose bring a model up, after clearing what a killed Compose left; what went wrong
 * comes with log lines. Depends on: trial.h, engine.
 */
#include "agent/flow/secrets.h"
#include "agent/flow/trial.h"

#include "common/file.h"
#include "common/mem.h"

#include <string.h>

enum {
	UP_MS = 20 * 60 * 1000,
	DOWN_MS = 10 * 60 * 1000,
	LOG_LINES = 5,
	LOG_BYTES = 600,
	ENDPOINTS_MAX = 50
};

static void show_line(const char *line, void *arg)
{
	auto_free char *text = str_printable(line, 80);

	bench_show(arg, "apply", text);
}

static struct compose_call call_of(struct bench *b, const char *model, int timeout_ms)
{
	return (struct compose_call){
		.project = trial_compose_name(b->trial),
		.model = model,
		.timeout_ms = timeout_ms,
		.lock_fd = b->lock_fd,
		.on_line = show_line,
		.arg = b,
	};
}

/* A container that did not come up says more than Compose does. */
void explain_failure(struct bench *b, struct err *e)
{
	auto_containers struct containers now = CONTAINERS_INIT;
	struct err ignored = ERR_INIT;

	if (engine_list(b->sync->engine, trial_compose_name(b->trial), &now, &ignored) < 0)
		return;
	for (size_t i = 0; i < now.n; i++) {
		struct container *c = &now.v[i];
		auto_free char *log = NULL;
		bool gone = false;

		if (c->state == CONTAINER_RUNNING ||
		    engine_inspect(b->sync->engine, c, &gone, &ignored) < 0 || gone)
			continue;
		if (c->state == CONTAINER_EXITED && c->exit_code == 0)
			continue;
		if (engine_logs(b->sync->engine, c->id, LOG_LINES, LOG_BYTES, &log, &ignored) < 0 ||
		    !log[0])
			continue;
		size_t used = strlen(e->cause);

		snprintf(e->cause + used, sizeof(e->cause) - used, "; last lines of %s: %s",
			 c->service, log);
		job_tell_lines(b->job, "log", c->service, log);
		return;
	}
}

/*
 * An engine that was killed while it started a container never starts that one again: its runtime
 * still has the task, under the container's id. Another container has another id, and takes
 * anonymous volumes over.
 */
static bool is_stale_task(const struct err *e)
{
	enum { ID_DIGITS = 64 };
	const char *id = strstr(e->cause, "task ");

	if (e->kind != ERR_FAILED || !id)
		return false;
	id += strlen("task ");
	return strspn(id, "0123456789abcdef") == ID_DIGITS &&
	       str_starts(id + ID_DIGITS, ": already exists");
}

/* Each try may show another endpoint that the engine has not forgotten. */
static int up(struct bench *b, const struct compose_call *call, struct err *e)
{
	for (int i = 0; compose_up(b->sync->engine, call, e) < 0; i++) {
		struct err ignored = ERR_INIT;
		bool again = false;

		if (i < ENDPOINTS_MAX)
			(void)engine_release_endpoint(b->sync->engine, call->project, e->cause,
						      &again, &ignored);
		if (!again)
			return -1;
		err_clear(e);
	}
	return 0;
}

int apply_model(struct bench *b, const struct active *a, struct err *e)
{
	auto_strv struct strv repaired = STRV_INIT;
	/* The kept model itself is what Compose reads: canonical text, named by its digest. */
	auto_free char *path = store_model_path(b->sync->store, b->trial->name, a->model);

	if (engine_repair(b->sync->engine, trial_compose_name(b->trial), &repaired, e) < 0)
		return err_wrap(e, "repair");
	auto_free char *filled =
		NULL; /* with values of secrets: only for as long as Compose reads it */

	if (secrets_put(b->sync, a, &filled, e) < 0)
		return -1;
	struct compose_call call = call_of(b, filled ? filled : path, UP_MS);
	int rc = up(b, &call, e);

	if (rc < 0 && is_stale_task(e)) {
		err_clear(e);
		call.anew = true;
		rc = up(b, &call, e);
	}
	secrets_filled_done(filled);
	if (rc == 0)
		return 0;
	if (e->kind != ERR_RETRY)
		explain_failure(b, e);
	return -1;
}

int apply_down(struct bench *b, struct err *e)
{
	auto_strv struct strv repaired = STRV_INIT;
	int64_t stop_ms = b->trial->old.want.settings.host.down_timeout_ms;
	struct compose_call call = call_of(b, NULL, DOWN_MS);

	if (stop_ms > 0) {
		call.stop_s = (int)((stop_ms + 999) / 1000);
		call.timeout_ms += (int)stop_ms;
	}
	if (engine_repair(b->sync->engine, trial_compose_name(b->trial), &repaired, e) < 0)
		return err_wrap(e, "repair");
	return compose_down(b->sync->engine, &call, e);
}

int apply_stop(struct bench *b, struct err *e)
{
	struct compose_call call = call_of(b, NULL, DOWN_MS);

	return compose_stop(b->sync->engine, &call, e);
}

int apply_hashes(struct bench *b, struct active *a, struct err *e)
{
	auto_containers struct containers now = CONTAINERS_INIT;

	if (engine_list(b->sync->engine, trial_compose_name(b->trial), &now, e) < 0)
		return -1;
	cJSON_Delete(a->hashes);
	a->hashes = cJSON_CreateObject();
	for (size_t i = 0; i < now.n; i++)
		if (!now.v[i].oneoff)
			json_set_str(a->hashes, now.v[i].service, now.v[i].config_hash);
	return 0;
}
