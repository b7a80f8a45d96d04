/*
 * control - stop, start, pause, unpause and remove single containers by the API. Each is such that
 * doing it twice is doing it once. Stops go out side by side, over sockets of their own: a
 * project's down time is its slowest container's, not the sum. Depends on: common, api.
 */
#include "agent/engine/api.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum {
	GRACE_S = 10, /* the engine's own default */
	GRACE_MAX_S = 60 * 60,
	BEYOND_GRACE_MS = 60000, /* for the engine's own work */
	CONTROL_MS = 60000,
	HEAD_MAX = 4096,
	STOPS_MAX = 256, /* at a time */
};

/* 2xx, 304 (it is so already), and where gone_ok 404 are success. */
static int post(struct engine *g, const char *id, const char *verb, const char *words,
		struct err *e)
{
	auto_free char *escaped = api_path_escape(id);
	auto_free char *path = xasprintf("/containers/%s/%s", escaped, verb);
	auto_api_answer struct api_answer a;

	if (api_call(g, "POST", path, CONTROL_MS, &a, e) < 0)
		return -1;
	if (a.status < 300 || a.status == 304 || a.status == 404)
		return 0;
	return api_unexpected(&a, words, e);
}

static int state_of(struct engine *g, const char *id, enum container_state *state, struct err *e)
{
	auto_json cJSON *j = NULL;

	if (api_object(g, "containers", id, "/json", &j, e) < 0)
		return -1;
	*state = j ? container_state_parse(json_str(json_obj(j, "State"), "Status", ""))
		   : CONTAINER_DEAD;
	return 0;
}

int engine_start(struct engine *g, const char *id, struct err *e)
{
	return post(g, id, "start", "start a container", e);
}

/* Docker answers 409, Podman 500 to pausing what is paused: only the state tells. */
int engine_pause(struct engine *g, const char *id, struct err *e)
{
	enum container_state state = CONTAINER_UNKNOWN;
	struct err ignored = ERR_INIT;

	if (post(g, id, "pause", "pause a container", e) == 0)
		return 0;
	if (state_of(g, id, &state, &ignored) < 0 || state != CONTAINER_PAUSED)
		return -1;
	err_clear(e);
	return 0;
}

int engine_unpause(struct engine *g, const char *id, struct err *e)
{
	enum container_state state = CONTAINER_UNKNOWN;
	struct err ignored = ERR_INIT;

	if (post(g, id, "unpause", "unpause a container", e) == 0)
		return 0;
	if (state_of(g, id, &state, &ignored) < 0 || state == CONTAINER_PAUSED ||
	    state == CONTAINER_UNKNOWN)
		return -1;
	err_clear(e);
	return 0;
}

int engine_remove(struct engine *g, const char *id, struct err *e)
{
	auto_free char *escaped = api_path_escape(id);
	auto_free char *path = xasprintf("/containers/%s?force=1&v=0", escaped);
	struct deadline until = deadline_in(CONTROL_MS);

	for (;;) { /* 409: its removal is under way; it must be gone before we go on */
		auto_api_answer struct api_answer a;

		if (api_call(g, "DELETE", path, CONTROL_MS, &a, e) < 0)
			return -1;
		if (a.status < 300 || a.status == 404)
			return 0;
		if (a.status != 409 || deadline_over(until))
			return api_unexpected(&a, "remove a container", e);
		clock_pause_ms(50);
	}
}

int engine_restart_policy(struct engine *g, const char *id, char **out, struct err *e)
{
	auto_json cJSON *j = NULL;

	if (api_object(g, "containers", id, "/json", &j, e) < 0)
		return -1;
	const char *name = cJSON_GetStringValue(json_path(j, "HostConfig.RestartPolicy.Name"));

	*out = xstrdup(name && name[0] != '\0' ? name : "no");
	return 0;
}

int engine_set_restart_policy(struct engine *g, const char *id, const char *policy, struct err *e)
{
	auto_free char *escaped = api_path_escape(id);
	auto_free char *path = xasprintf("/containers/%s/update", escaped);
	auto_json cJSON *body = cJSON_CreateObject();
	auto_api_answer struct api_answer a;

	json_set_str(cJSON_AddObjectToObject(body, "RestartPolicy"), "Name", policy);
	if (api_post(g, path, body, API_TIMEOUT_MS, &a, e) < 0)
		return -1;
	if (a.status < 300 || a.status == 404 || api_flavour(g, e) == FLAVOUR_PODMAN)
		return 0;
	return api_unexpected(&a, "change a restart policy", e);
}

/* ---- stopping many ---- */
struct stopping {
	int fd; /* -1 once answered */
	char head[HEAD_MAX];
	size_t have;
};

/* Podman refuses to stop what is paused; a stop asked for right after finds it frozen no more. */
static int thaw(struct engine *g, const char *id, const cJSON *container, struct err *e)
{
	const char *state = json_str(json_obj(container, "State"), "Status", "");

	if (container_state_parse(state) != CONTAINER_PAUSED || api_flavour(g, e) != FLAVOUR_PODMAN)
		return 0;
	return engine_unpause(g, id, e);
}

/* How long this one may take: its own grace period and some. */
static int grace_ms(struct engine *g, const char *id, int64_t *ms, struct err *e)
{
	auto_free char *escaped = api_path_escape(id);
	auto_free char *path = xasprintf("/containers/%s/json", escaped);
	auto_api_answer struct api_answer a;

	if (api_call(g, "GET", path, API_TIMEOUT_MS, &a, e) < 0)
		return -1;
	int64_t s = json_int(json_obj(a.json, "Config"), "StopTimeout", GRACE_S);

	if (s < 0 || s > GRACE_MAX_S)
		s = GRACE_MAX_S;
	if (*ms < s * 1000 + BEYOND_GRACE_MS)
		*ms = s * 1000 + BEYOND_GRACE_MS;
	return thaw(g, id, a.json, e);
}

static int ask(struct engine *g, const char *id, struct stopping *s, struct err *e)
{
	auto_free char *escaped = api_path_escape(id);
	auto_free char *path = xasprintf("/containers/%s/stop", escaped);

	return api_begin(g, "POST", path, &s->fd, e);
}

/* The answer is whole: what does it say? */
static int judge(const struct stopping *s, struct err *e)
{
	long status = 0;

	if (sscanf(s->head, "HTTP/1.%*c %ld", &status) != 1)
		return err_set(e, ERR_RETRY, 0,
			       "stop a container: the engine ended the connection");
	if (status < 300 || status == 304 || status == 404)
		return 0;
	const char *body = strstr(s->head, "\r\n\r\n");
	auto_free char *shown = str_printable(body ? body + 4 : "", 240);

	return err_set(e, ERR_RETRY, 0, "stop a container: the engine answered %ld: %s", status,
		       shown);
}

/* Read what has come; closes at its end. */
static int receive(struct stopping *s, struct err *e)
{
	ssize_t n = recv(s->fd, s->head + s->have, sizeof(s->head) - 1 - s->have, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n > 0)
		s->have += (size_t)n;
	if (n > 0 && s->have < sizeof(s->head) - 1)
		return 0;
	(void)close(s->fd);
	s->fd = -1;
	return judge(s, e);
}

static int wait_all(struct stopping *v, size_t n, struct deadline until, struct err *e)
{
	for (;;) {
		struct pollfd fds[STOPS_MAX];
		size_t open = 0;

		for (size_t i = 0; i < n; i++) {
			fds[i] = (struct pollfd){.fd = v[i].fd, .events = POLLIN};
			open += v[i].fd >= 0;
		}
		if (open == 0)
			return 0;
		if (deadline_over(until))
			return err_set(e, ERR_RETRY, 0,
				       "the engine did not stop %zu containers in time", open);
		(void)poll(fds, n, 500);
		for (size_t i = 0; i < n; i++)
			if (v[i].fd >= 0 && fds[i].revents != 0 && receive(&v[i], e) < 0)
				return -1;
	}
}

static int stop_some(struct engine *g, char *const *ids, size_t n, struct err *e)
{
	auto_free struct stopping *v = xcalloc(n, sizeof(*v));
	int64_t ms = 0;
	int rc = 0;

	for (size_t i = 0; i < n; i++)
		v[i].fd = -1;
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = grace_ms(g, ids[i], &ms, e);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = ask(g, ids[i], &v[i], e);
	if (rc == 0)
		rc = wait_all(v, n, deadline_in(ms), e);
	for (size_t i = 0; i < n; i++)
		if (v[i].fd >= 0)
			(void)close(v[i].fd);
	return rc;
}

int engine_stop_all(struct engine *g, const struct strv *ids, struct err *e)
{
	for (size_t at = 0; at < ids->n; at += STOPS_MAX) {
		size_t n = ids->n - at < STOPS_MAX ? ids->n - at : STOPS_MAX;

		if (stop_some(g, ids->v + at, n, e) < 0)
			return -1;
	}
	return 0;
}
