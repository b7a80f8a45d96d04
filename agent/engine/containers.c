/*
 * containers - what runs: one filtered list for all projects, one inspect per container for health
 * and exit codes. The list is cheap (17 ms for 100 projects) and complete but for what only inspect
 * knows; Podman's list says nothing about health at all. Depends on: common, api.
 */
#include "agent/engine/api.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/str.h"

#include <string.h>

#define LABEL_PROJECT "com.docker.compose.project"

enum {
	HEALTH_LOG_MAX = 512,
	ERROR_MAX = 512,
	CONTAINERS_MAX = 20000,
	RESTART_S = 10,
	NS_PER_MS = 1000000
};

int api_containers(struct engine *g, const char *project, cJSON **out, struct err *e)
{
	auto_free char *label =
		project ? xasprintf(LABEL_PROJECT "=%s", project) : xstrdup(LABEL_PROJECT);
	auto_free char *filter = api_filter("label", label);
	auto_free char *path = xasprintf("/containers/json?all=1&%s", filter);
	auto_json cJSON *list = NULL;

	/* The engine would find none, and a project that runs would count as gone. */
	if (project && project[0] == '\0')
		return err_set(e, ERR_BROKEN, 0, "a project without a name was asked for");
	if (api_get(g, path, "list containers", &list, e) < 0)
		return -1;
	if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > CONTAINERS_MAX)
		return err_set(e, ERR_RETRY, 0,
			       "the engine's list of containers is not a list of at most %d",
			       CONTAINERS_MAX);
	*out = TAKE(list);
	return 0;
}

/* Links add names with two slashes ("/web/db"). */
const char *api_container_name(const cJSON *container)
{
	const cJSON *name = NULL;

	cJSON_ArrayForEach (name, json_arr(container, "Names")) {
		const char *s = cJSON_GetStringValue(name);

		if (!s)
			continue;
		s += s[0] == '/' ? 1 : 0;
		if (!strchr(s, '/'))
			return s;
	}
	return "";
}

static void fill(const cJSON *j, const char *project, struct container *c)
{
	const cJSON *labels = json_obj(j, "Labels");

	c->id = xstrdup(json_str(j, "Id", ""));
	c->name = xstrdup(api_container_name(j));
	c->project = xstrdup(project);
	c->service = xstrdup(json_str(labels, "com.docker.compose.service", ""));
	c->image = xstrdup(json_str(j, "Image", ""));
	c->image_id = xstrdup(json_str(j, "ImageID", ""));
	c->config_hash = xstrdup(json_str(labels, "com.docker.compose.config-hash", ""));
	c->inputs = xstrdup(json_str(labels, "mdc.inputs", ""));
	c->ours = json_str(labels, "mdc.managed", NULL) != NULL;
	c->oneoff = strcmp(json_str(labels, "com.docker.compose.oneoff", "False"), "True") == 0;
	c->state = container_state_parse(json_str(j, "State", ""));
	c->ended_well = str_starts(json_str(j, "Status", ""), "Exited (0)");
	c->created = json_int(j, "Created", 0);
}

static int by_name(const void *a, const void *b)
{
	const struct container *x = a, *y = b;
	int order = strcmp(x->project, y->project);

	if (order == 0)
		order = strcmp(x->service, y->service);
	return order != 0 ? order : strcmp(x->name, y->name);
}

int engine_list(struct engine *g, const char *project, struct containers *out, struct err *e)
{
	auto_json cJSON *list = NULL;
	const cJSON *j = NULL;
	struct containers l = CONTAINERS_INIT;

	if (api_containers(g, project, &list, e) < 0)
		return -1;
	l.v = xcalloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*l.v));
	cJSON_ArrayForEach (j, list) {
		const char *of = json_str(json_obj(j, "Labels"), LABEL_PROJECT, NULL);

		/* The filter is the engine's work; that only this project is touched is ours. */
		if (!of || !json_str(j, "Id", NULL) || (project && strcmp(of, project) != 0))
			continue;
		fill(j, of, &l.v[l.n++]);
	}
	if (l.n > 1)
		qsort(l.v, l.n, sizeof(*l.v), by_name);
	*out = l;
	return 0;
}

static enum container_health health_of(const cJSON *j)
{
	const cJSON *status = json_path(j, "State.Health.Status");
	const char *text = cJSON_GetStringValue(status);

	if (!text) /* Podman has "" where there is no health check */
		return HEALTH_NONE;
	if (strcmp(text, "starting") == 0)
		return HEALTH_STARTING;
	if (strcmp(text, "healthy") == 0)
		return HEALTH_HEALTHY;
	return strcmp(text, "unhealthy") == 0 ? HEALTH_UNHEALTHY : HEALTH_NONE;
}

/* The newest failing probe's output; the engine keeps the last five. */
static char *failing_probe(const cJSON *j)
{
	const cJSON *probe = NULL;
	const char *output = NULL;

	cJSON_ArrayForEach (probe, json_path(j, "State.Health.Log")) {
		if (json_int(probe, "ExitCode", 0) != 0)
			output = json_str(probe, "Output", output);
	}
	if (!output)
		return NULL;
	auto_free char *trimmed = xstrdup(output);

	for (size_t n = strlen(trimmed); n > 0 && strchr(" \t\r\n", trimmed[n - 1]); n--)
		trimmed[n - 1] = '\0';
	return trimmed[0] != '\0' ? str_printable(trimmed, HEALTH_LOG_MAX) : NULL;
}

static char *last_check(const cJSON *j)
{
	const cJSON *probe = NULL;
	const char *ended = NULL;

	cJSON_ArrayForEach (probe, json_path(j, "State.Health.Log"))
		ended = json_str(probe, "End", ended);
	return ended ? xstrdup(ended) : NULL;
}

static void replace(char **at, char *value)
{
	free(*at);
	*at = value;
}

static void fill_inspected(const cJSON *j, struct container *c)
{
	const cJSON *state = json_obj(j, "State");
	const char *policy = cJSON_GetStringValue(json_path(j, "HostConfig.RestartPolicy.Name"));
	const char *error = json_str(state, "Error", "");

	c->inspected = true;
	c->state = container_state_parse(json_str(state, "Status", ""));
	c->health = health_of(j);
	replace(&c->health_log, failing_probe(j));
	replace(&c->check_last, last_check(j));
	c->check_every_ms = json_int(json_path(j, "Config.Healthcheck"), "Interval", 0) / NS_PER_MS;
	c->exit_code = (int)json_int(state, "ExitCode", 0);
	c->restart_count = (int)json_int(j, "RestartCount", 0);
	replace(&c->restart_policy, xstrdup(policy && policy[0] != '\0' ? policy : "no"));
	replace(&c->error, error[0] != '\0' ? str_printable(error, ERROR_MAX) : NULL);
	c->oom_killed = json_bool(state, "OOMKilled", false);
	replace(&c->image_id, xstrdup(json_str(j, "Image", c->image_id)));
}

/*
 * Podman knows no state between a container's end and its next start: it is "exited" for as long as
 * the program takes that starts it again.
 */
static bool will_restart(const cJSON *j, const struct container *c)
{
	const cJSON *policy = json_path(j, "HostConfig.RestartPolicy");
	int64_t most = json_int(policy, "MaximumRetryCount", 0), ended = 0;

	if (c->state != CONTAINER_EXITED || str_eq(c->restart_policy, "no") ||
	    !clock_parse_iso(json_str(json_obj(j, "State"), "FinishedAt", NULL), &ended))
		return false;
	if (str_eq(c->restart_policy, "on-failure") &&
	    (c->exit_code == 0 || (most > 0 && c->restart_count >= most)))
		return false;
	return clock_wall() - ended < RESTART_S;
}

int engine_inspect(struct engine *g, struct container *c, bool *gone, struct err *e)
{
	auto_json cJSON *j = NULL;

	if (api_object(g, "containers", c->id, "/json", &j, e) < 0)
		return -1;
	if (j && !json_obj(j, "State"))
		return err_set(e, ERR_RETRY, 0, "the engine's answer about %s has no state",
			       c->name);
	*gone = j == NULL;
	if (!j)
		return 0;
	fill_inspected(j, c);
	if (will_restart(j, c) && api_flavour(g, e) == FLAVOUR_PODMAN)
		c->state = CONTAINER_RESTARTING;
	return 0;
}

int engine_networks(struct engine *g, cJSON **out, struct err *e)
{
	auto_json cJSON *list = NULL;

	if (api_get(g, "/networks", "list networks", &list, e) < 0)
		return -1;
	if (!cJSON_IsArray(list))
		return err_set(e, ERR_RETRY, 0, "the engine's list of networks is not a list");
	*out = TAKE(list);
	return 0;
}
