/*
 * exec - a command in a running container, to its end. The API cannot end one: what takes too long
 * is killed by its process id, which the engine knows, once /proc says that it is that container's.
 * Depends on: common, api.
 */
#include "agent/engine/api.h"
#include "common/clock.h"
#include "common/duration.h"
#include "common/file.h"
#include "common/json.h"
#include "common/mem.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { KEPT_BYTES = 1200, CGROUP_MAX = 64 * 1024, END_MS = 5000 };

static int make(struct engine *g, const char *id, const struct strv *command, char **exec,
		struct err *e)
{
	auto_free char *escaped = api_path_escape(id);
	auto_free char *path = xasprintf("/containers/%s/exec", escaped);
	auto_json cJSON *body = cJSON_CreateObject();
	auto_api_answer struct api_answer a;

	json_set_bool(body, "AttachStdout", true);
	json_set_bool(body, "AttachStderr", true);
	json_set_strv(body, "Cmd", command);
	if (api_post(g, path, body, API_TIMEOUT_MS, &a, e) < 0)
		return -1;
	if (a.status == 404 || a.status == 409)
		return err_set(e, ERR_FAILED, 0, "its container does not run: %s", a.message);
	if (a.status >= 300 || !json_str(a.json, "Id", NULL))
		return api_unexpected(&a, "run a command in a container", e);
	*exec = xstrdup(json_str(a.json, "Id", ""));
	return 0;
}

struct ending {
	bool running;
	int code;
	long pid;
};

static int look(struct engine *g, const char *exec, struct ending *out, struct err *e)
{
	auto_free char *path = xasprintf("/exec/%s/json", exec);
	auto_json cJSON *j = NULL;

	if (api_get(g, path, "ask for a command's end", &j, e) < 0)
		return -1;
	*out = (struct ending){.running = json_bool(j, "Running", false),
			       .code = (int)json_int(j, "ExitCode", -1),
			       .pid = (long)json_int(j, "Pid", 0)};
	return 0;
}

/* The engine lists a container's processes by the process ids of the host. */
static bool listed(struct engine *g, const char *id, long pid)
{
	auto_free char *path = xasprintf("/containers/%s/top?ps_args=-eo%%20pid", id);
	auto_json cJSON *j = NULL;
	struct err ignored = ERR_INIT;
	const cJSON *row = NULL;
	char text[24];

	(void)snprintf(text, sizeof(text), "%ld", pid);
	if (api_get(g, path, "list a container's processes", &j, &ignored) < 0)
		return false;
	cJSON_ArrayForEach (row, json_arr(j, "Processes"))
		if (str_eq(cJSON_GetStringValue(cJSON_GetArrayItem(row, 0)), text))
			return true;
	return false;
}

/* Is it that container's? We may see other process ids than the engine. In the unit's sandbox
 * /proc shows only our own, so the engine is asked. */
static bool is_in(struct engine *g, const char *id, long pid)
{
	auto_free char *path = xasprintf("/proc/%ld/cgroup", pid);
	auto_free char *text = NULL;
	struct err why = ERR_INIT;

	if (file_read(path, CGROUP_MAX, &text, NULL, &why) == 0)
		return strstr(text, id);
	return listed(g, id, pid);
}

static void end_it(struct engine *g, const char *exec, const char *id)
{
	struct err ignored = ERR_INIT;
	struct ending x;

	if (look(g, exec, &x, &ignored) == 0 && x.running && x.pid > 1 && is_in(g, id, x.pid))
		(void)kill((pid_t)x.pid, SIGKILL);
}

/* Its output has ended; its exit code comes a moment later. */
static int wait_end(struct engine *g, const char *exec, struct ending *x, struct err *e)
{
	struct deadline until = deadline_in(END_MS);

	for (;;) {
		if (look(g, exec, x, e) < 0)
			return -1;
		if (!x->running || deadline_over(until))
			return 0;
		clock_pause_ms(10);
	}
}

int engine_exec(struct engine *g, const char *id, const struct strv *command, int timeout_ms,
		int *code, char **output, struct err *e)
{
	auto_free char *exec = NULL;
	auto_json cJSON *body = cJSON_CreateObject();
	struct demux d = {.keep = (size_t)2 * KEPT_BYTES, .endless = true};
	struct deadline until = deadline_in(timeout_ms);
	struct ending x = {.code = -1};
	long status = 0;

	if (make(g, id, command, &exec, e) < 0)
		return -1;
	auto_free char *path = xasprintf("/exec/%s/start", exec);

	json_set_bool(body, "Detach", false);
	json_set_bool(body, "Tty", false);
	int rc = api_post_stream(g, path, body, timeout_ms, &d, &status, e);
	auto_free char *said = demux_text(&d, KEPT_BYTES);

	str_done(&d.text);
	if (rc < 0 && deadline_over(until)) {
		char text[32];

		end_it(g, exec, id);
		return err_set(e, ERR_FAILED, 0, "it took longer than %s and was ended%s%s",
			       duration_text(timeout_ms, text, sizeof(text)),
			       said[0] ? "; it said: " : "", said);
	}
	if (rc < 0 || wait_end(g, exec, &x, e) < 0)
		return -1;
	if (status >= 400)
		return err_set(e, ERR_FAILED, 0, "the engine did not start it (%ld): %s", status,
			       said);
	*code = x.running ? -1 : x.code;
	*output = TAKE(said);
	return 0;
}
