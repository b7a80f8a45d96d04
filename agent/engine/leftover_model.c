/*
 * leftover_model - services with the order among them, and networks; no volumes, as these always
 * stay. Depends on: common, api.
 */
#include "agent/engine/leftover_model.h"

#include "agent/engine/api.h"
#include "common/json.h"
#include "common/mem.h"

#include <string.h>

enum { DEPTH_MAX = 32 };

static cJSON *member(cJSON *o, const char *name)
{
	cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	return v ? v : cJSON_AddObjectToObject(o, name);
}

/* Is `to` among what `from` depends on? Containers of two versions may together make a circle. */
static bool reaches(const cJSON *services, const char *from, const char *to, int depth)
{
	const cJSON *service = cJSON_GetObjectItemCaseSensitive(services, from);
	const cJSON *on = NULL;

	if (strcmp(from, to) == 0 || depth > DEPTH_MAX)
		return true;
	cJSON_ArrayForEach (on, json_obj(service, "depends_on")) {
		if (reaches(services, on->string, to, depth + 1))
			return true;
	}
	return false;
}

/* The label is "db:service_healthy:false,job:service_started:true". */
static void add_depends(cJSON *services, cJSON *service, const char *label)
{
	for (const char *at = label; *at != '\0';) {
		size_t len = strcspn(at, ",");
		auto_free char *name = xstrndup(at, strcspn(at, ":,"));

		if (name[0] != '\0' && cJSON_GetObjectItemCaseSensitive(services, name) &&
		    !reaches(services, name, service->string, 0)) {
			cJSON *on = member(member(service, "depends_on"), name);

			json_set_str(on, "condition", "service_started");
		}
		at += at[len] == ',' ? len + 1 : len;
	}
}

static void add_services(const cJSON *containers, const char *project, cJSON *services)
{
	const cJSON *c = NULL;

	for (int round = 0; round < 2; round++) { /* first all names, then the order among them */
		cJSON_ArrayForEach (c, containers) {
			const cJSON *labels = json_obj(c, "Labels");
			const char *name = json_str(labels, "com.docker.compose.service", NULL);

			if (!name || strcmp(json_str(labels, "com.docker.compose.project", ""),
					    project) != 0)
				continue;
			cJSON *service = member(services, name);

			json_set_str(service, "image", "unused");
			if (round == 1)
				add_depends(services, service,
					    json_str(labels, "com.docker.compose.depends_on", ""));
		}
	}
}

static int add_networks(struct engine *g, const char *project, cJSON *networks, struct err *e)
{
	auto_free char *label = xasprintf("com.docker.compose.project=%s", project);
	auto_free char *filter = api_filter("label", label);
	auto_free char *path = xasprintf("/networks?%s", filter);
	auto_json cJSON *list = NULL;
	const cJSON *n = NULL;

	if (api_get(g, path, "list networks", &list, e) < 0)
		return -1;
	cJSON_ArrayForEach (n, list) {
		const cJSON *labels = json_obj(n, "Labels");
		const char *key = json_str(labels, "com.docker.compose.network", NULL);
		const char *of = json_str(labels, "com.docker.compose.project", "");
		const char *name = json_str(n, "Name", NULL);

		if (key && name && strcmp(of, project) == 0)
			json_set_str(member(networks, key), "name", name);
	}
	return 0;
}

/* Compose takes no notice of a network that no service uses. */
static void use_networks(cJSON *services, const cJSON *networks)
{
	cJSON *service = NULL;
	const cJSON *n = NULL;

	if (!services->child && networks->child)
		json_set_str(member(services, "leftover"), "image", "unused");
	cJSON_ArrayForEach (service, services) {
		cJSON_ArrayForEach (n, networks)
			(void)cJSON_AddNullToObject(member(service, "networks"), n->string);
	}
}

int leftover_model(struct engine *g, const char *project, cJSON **out, struct err *e)
{
	auto_json cJSON *containers = NULL;
	auto_json cJSON *model = cJSON_CreateObject();

	if (api_containers(g, project, &containers, e) < 0)
		return -1;
	json_set_str(model, "name", project);
	cJSON *services = member(model, "services");
	cJSON *networks = member(model, "networks");

	add_services(containers, project, services);
	if (add_networks(g, project, networks, e) < 0)
		return -1;
	use_networks(services, networks);
	*out = services->child ? TAKE(model) : NULL;
	return 0;
}
