/*
 * uses - which containers mount which data. Docker's list says it; Podman's does not, so there each
 * container is inspected. Depends on: common, api.
 */
#include "agent/engine/api.h"
#include "common/json.h"
#include "common/mem.h"

#include <string.h>

#define LABEL_PROJECT "com.docker.compose.project"
#define LABEL_VOLUME  "com.docker.compose.volume"

enum { USERS_MAX = 20000 };

void uses_done(struct uses *u)
{
	for (size_t i = 0; i < u->n; i++) {
		struct user *c = &u->v[i];

		for (size_t k = 0; k < c->n; k++) {
			free(c->v[k].type);
			free(c->v[k].name);
			free(c->v[k].source);
			free(c->v[k].destination);
			free(c->v[k].driver);
		}
		free(c->v);
		free(c->id);
		free(c->name);
		free(c->project);
		free(c->service);
	}
	free(u->v);
	*u = (struct uses)USES_INIT;
}

static void fill_mounts(const cJSON *list, struct user *c)
{
	const cJSON *m = NULL;

	c->v = xcalloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*c->v));
	cJSON_ArrayForEach (m, list) {
		c->v[c->n++] = (struct mount){
			.type = xstrdup(json_str(m, "Type", "")),
			.name = xstrdup(json_str(m, "Name", "")),
			.source = xstrdup(json_str(m, "Source", "")),
			.destination = xstrdup(json_str(m, "Destination", "")),
			.driver = xstrdup(json_str(m, "Driver", "")),
			.writes = json_bool(m, "RW", true),
		};
	}
}

/* 0 also when the container has gone meanwhile: then it mounts nothing. */
static int inspect_mounts(struct engine *g, struct user *c, struct err *e)
{
	auto_json cJSON *j = NULL;

	if (api_object(g, "containers", c->id, "/json", &j, e) < 0)
		return -1;
	fill_mounts(json_arr(j, "Mounts"), c);
	return 0;
}

static void fill(const cJSON *j, struct user *c)
{
	const cJSON *labels = json_obj(j, "Labels");

	*c = (struct user){
		.id = xstrdup(json_str(j, "Id", "")),
		.name = xstrdup(api_container_name(j)),
		.project = xstrdup(json_str(labels, LABEL_PROJECT, "")),
		.service = xstrdup(json_str(labels, "com.docker.compose.service", "")),
		.ours = json_str(labels, "mdc.managed", NULL) != NULL,
		.oneoff =
			strcmp(json_str(labels, "com.docker.compose.oneoff", "False"), "True") == 0,
		.state = container_state_parse(json_str(j, "State", "")),
	};
}

static int list_all(struct engine *g, cJSON **out, struct err *e)
{
	if (api_get(g, "/containers/json?all=1", "list containers", out, e) < 0)
		return -1;
	if (!cJSON_IsArray(*out) || cJSON_GetArraySize(*out) > USERS_MAX)
		return err_set(e, ERR_RETRY, 0,
			       "the engine's list of containers is not a list of at most %d",
			       USERS_MAX);
	return 0;
}

int engine_uses(struct engine *g, const char *project, struct uses *out, struct err *e)
{
	auto_json cJSON *list = NULL;
	auto_uses struct uses u = USES_INIT;
	const cJSON *j = NULL;

	if ((project ? api_containers(g, project, &list, e) : list_all(g, &list, e)) < 0)
		return -1;
	u.v = xcalloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*u.v));
	cJSON_ArrayForEach (j, list) {
		const char *of = json_str(json_obj(j, "Labels"), LABEL_PROJECT, "");
		const cJSON *mounts = json_arr(j, "Mounts");

		if (!json_str(j, "Id", NULL) || (project && strcmp(of, project) != 0))
			continue;
		struct user *c = &u.v[u.n++];

		fill(j, c);
		/* Docker gives objects; Podman nothing, or destinations only. */
		if (mounts && (cJSON_IsObject(mounts->child) ||
			       (!mounts->child && api_flavour(g, e) == FLAVOUR_DOCKER)))
			fill_mounts(mounts, c);
		else if (inspect_mounts(g, c, e) < 0)
			return -1;
	}
	*out = TAKE_STRUCT(u);
	return 0;
}

int engine_project_volumes(struct engine *g, const char *project, cJSON **out, struct err *e)
{
	auto_free char *label = xasprintf(LABEL_PROJECT "=%s", project);
	auto_free char *filter = api_filter("label", label);
	auto_free char *path = xasprintf("/volumes?%s", filter);
	auto_json cJSON *answer = NULL;

	if (api_get(g, path, "list volumes", &answer, e) < 0)
		return -1;
	cJSON *list = cJSON_DetachItemFromObjectCaseSensitive(answer, "Volumes");

	if (!cJSON_IsArray(list)) { /* null where there is none */
		cJSON_Delete(list);
		list = cJSON_CreateArray();
	}
	*out = list;
	return 0;
}

int engine_volume(struct engine *g, const char *name, cJSON **out, bool *found, struct err *e)
{
	cJSON *j = NULL;

	if (api_object(g, "volumes", name, "", &j, e) < 0)
		return -1;
	*found = j != NULL;
	if (j)
		*out = j;
	return 0;
}

int engine_volume_create(struct engine *g, const char *name, const char *project, const char *key,
			 struct err *e)
{
	auto_json cJSON *body = cJSON_CreateObject();
	cJSON *labels = cJSON_AddObjectToObject(body, "Labels");
	auto_api_answer struct api_answer a;

	json_set_str(body, "Name", name);
	json_set_str(body, "Driver", "local");
	if (key) {
		/* No config hash: newer versions of Compose then do not compare it. */
		json_set_str(labels, LABEL_PROJECT, project);
		json_set_str(labels, LABEL_VOLUME, key);
	}
	if (api_post(g, "/volumes/create", body, API_TIMEOUT_MS, &a, e) < 0)
		return -1;
	return a.status < 300 ? 0 : api_unexpected(&a, "make a volume", e);
}
