/*
 * repair - what a killed Compose left behind, before the next `up`. To replace a container, Compose
 * makes the new one as <12 hex digits>_<name>, stops and removes the old one and renames the new. A
 * kill in between leaves the prefixed name; the next `up` then fails or keeps it. Measured: without
 * repair 24 of 135 killed applies did not converge, with it 0 of 102.
 *
 * Only containers whose project label is the project's are looked at. Of these only ours (label
 * mdc.managed) are touched, and those with such a name: it is Compose's own and nobody else makes
 * it, so they may date from before we took the project over. Depends on: common, api.
 */
#include "agent/engine/api.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/str.h"

#include <string.h>

enum { PREFIX_DIGITS = 12, REMOVE_MS = 60000, NAME_MAX_BYTES = 255 };

#define NAME_BYTES "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

/* The name behind "<12 hex digits>_", or NULL. */
static const char *intended_name(const char *name)
{
	if (strspn(name, "0123456789abcdef") != PREFIX_DIGITS || name[PREFIX_DIGITS] != '_' ||
	    name[PREFIX_DIGITS + 1] == '\0')
		return NULL;
	return name + PREFIX_DIGITS + 1;
}

static int discard(struct engine *g, const cJSON *c, const char *why, struct strv *done,
		   struct err *e)
{
	auto_free char *id = api_path_escape(json_str(c, "Id", ""));
	auto_free char *path = xasprintf("/containers/%s?force=1", id);
	const char *name = api_container_name(c);
	auto_api_answer struct api_answer a;

	if (api_call(g, "DELETE", path, REMOVE_MS, &a, e) < 0)
		return -1;
	/* 404: gone by itself. 409: its removal is already under way. */
	if (a.status >= 300 && a.status != 404 && a.status != 409) {
		auto_free char *what = xasprintf("remove the %s container %.100s", why, name);

		return api_unexpected(&a, what, e);
	}
	strv_pushf(done, "removed the %s container %s", why, name);
	return 0;
}

static int give_name(struct engine *g, const cJSON *c, const char *name, struct strv *done,
		     struct err *e)
{
	auto_free char *id = api_path_escape(json_str(c, "Id", ""));
	auto_free char *escaped = http_escape(name);
	auto_free char *path = xasprintf("/containers/%s/rename?name=%s", id, escaped);
	auto_api_answer struct api_answer a;

	if (api_call(g, "POST", path, API_TIMEOUT_MS, &a, e) < 0)
		return -1;
	if (a.status >= 300 && a.status != 404) {
		auto_free char *what =
			xasprintf("rename container %.100s to %.100s", api_container_name(c), name);

		return api_unexpected(&a, what, e);
	}
	strv_pushf(done, "renamed container %s to %s", api_container_name(c), name);
	return 0;
}

static bool is_taken(const cJSON *list, const char *name)
{
	const cJSON *c = NULL;

	cJSON_ArrayForEach (c, list) {
		if (strcmp(api_container_name(c), name) == 0)
			return true;
	}
	return false;
}

static int repair_one(struct engine *g, const cJSON *list, const cJSON *c, struct strv *done,
		      struct err *e)
{
	enum container_state state = container_state_parse(json_str(c, "State", ""));
	const cJSON *labels = json_obj(c, "Labels");
	const char *wanted = intended_name(api_container_name(c));

	if (state == CONTAINER_DEAD || state == CONTAINER_REMOVING)
		return json_str(labels, "mdc.managed", NULL) ? discard(g, c, "dead", done, e) : 0;
	if (!wanted)
		return 0;
	if (state == CONTAINER_CREATED)
		return discard(g, c, "unfinished", done, e);
	/* One that ran may have been named so by a person, unless Compose says what it replaces. */
	if (!json_str(labels, "com.docker.compose.replace", NULL) &&
	    !json_str(labels, "mdc.managed", NULL))
		return 0;
	if (!is_taken(list, wanted))
		return give_name(g, c, wanted, done, e);
	return discard(g, c, "duplicate", done, e);
}

int engine_repair(struct engine *g, const char *project, struct strv *done, struct err *e)
{
	auto_json cJSON *list = NULL;
	const cJSON *c = NULL;

	if (api_containers(g, project, &list, e) < 0)
		return -1;
	cJSON_ArrayForEach (c, list) {
		const char *of = json_str(json_obj(c, "Labels"), "com.docker.compose.project", "");

		if (strcmp(of, project) != 0 || !json_str(c, "Id", NULL))
			continue;
		if (repair_one(g, list, c, done, e) < 0)
			return -1;
	}
	return 0;
}

/* The name behind the words `before` in text; the caller frees; NULL if there is none. */
static char *name_behind(const char *text, const char *before)
{
	const char *at = strstr(text, before);

	if (!at)
		return NULL;
	at += strlen(before);
	size_t len = strspn(at, NAME_BYTES);

	return len > 0 && len <= NAME_MAX_BYTES ? xstrndup(at, len) : NULL;
}

/* The project's container of that name, unless it runs: then the endpoint is in use. */
static bool is_waiting(const cJSON *list, const char *project, const char *name)
{
	const cJSON *c = NULL;

	cJSON_ArrayForEach (c, list) {
		const char *of = json_str(json_obj(c, "Labels"), "com.docker.compose.project", "");

		if (str_eq(of, project) && str_eq(api_container_name(c), name))
			return container_state_parse(json_str(c, "State", "")) != CONTAINER_RUNNING;
	}
	return false;
}

int engine_release_endpoint(struct engine *g, const char *project, const char *why, bool *done,
			    struct err *e)
{
	auto_free char *name = name_behind(why, "endpoint with name ");
	auto_free char *network = name_behind(why, " already exists in network ");
	auto_json cJSON *list = NULL;

	*done = false;
	if (!name || !network)
		return 0;
	if (api_containers(g, project, &list, e) < 0)
		return -1;
	if (!is_waiting(list, project, name))
		return 0;
	auto_free char *path = xasprintf("/networks/%s/disconnect", network);
	auto_json cJSON *body = cJSON_CreateObject();
	auto_api_answer struct api_answer a;

	json_set_str(body, "Container", name);
	json_set_bool(body, "Force", true);
	if (api_post(g, path, body, API_TIMEOUT_MS, &a, e) < 0)
		return -1;
	*done = a.status < 300;
	return 0;
}
