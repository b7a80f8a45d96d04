/*
 * model_resources - ports, volumes and networks of a resolved model, and which services are meant
 * to end. Depends on: common, model.
 */
#include "agent/engine/model.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/str.h"

#include <string.h>

enum { PORTS_MAX = 1000 }; /* of one range */

/* "8080" or "9000-9010" */
static void add_ports(const char *protocol, const char *ip, const char *published, struct strv *out)
{
	char *end = NULL;
	long first = strtol(published, &end, 10);
	long last = *end == '-' ? strtol(end + 1, NULL, 10) : first;

	if (first <= 0) /* "" or "0": the engine chooses */
		return;
	for (long port = first; port <= last && port < first + PORTS_MAX; port++) {
		auto_free char *text = ip[0] != '\0' && strcmp(ip, "0.0.0.0") != 0
					       ? xasprintf("%s/%s:%ld", protocol, ip, port)
					       : xasprintf("%s/%ld", protocol, port);

		(void)strv_add_once(out, text);
	}
}

void model_ports(const cJSON *model, struct strv *out)
{
	const cJSON *service = NULL, *port = NULL;

	cJSON_ArrayForEach (service, json_obj(model, "services")) {
		cJSON_ArrayForEach (port, json_arr(service, "ports")) {
			auto_free char *number = NULL;
			const char *published = json_str(port, "published", NULL);

			if (!published) { /* older Compose prints a number */
				number = xasprintf("%lld",
						   (long long)json_int(port, "published", 0));
				published = number;
			}
			add_ports(json_str(port, "protocol", "tcp"), json_str(port, "host_ip", ""),
				  published, out);
		}
	}
}

/* The engine's name of the volume that services call `key`. */
static const char *volume_name(const cJSON *model, const char *key)
{
	return json_str(json_obj(json_obj(model, "volumes"), key), "name", key);
}

void model_volumes(const cJSON *model, struct strv *named, struct strv *binds)
{
	const cJSON *service = NULL, *mount = NULL;

	cJSON_ArrayForEach (service, json_obj(model, "services")) {
		cJSON_ArrayForEach (mount, json_arr(service, "volumes")) {
			const char *type = json_str(mount, "type", "");
			const char *source = json_str(mount, "source", "");

			if (source[0] == '\0') /* anonymous: goes with its container */
				continue;
			if (strcmp(type, "volume") == 0)
				(void)strv_add_once(named, volume_name(model, source));
			else if (strcmp(type, "bind") == 0)
				(void)strv_add_once(binds, source);
		}
	}
}

static bool uses_network(const cJSON *model, const char *key)
{
	const cJSON *service = NULL;

	cJSON_ArrayForEach (service, json_obj(model, "services")) {
		if (cJSON_GetObjectItemCaseSensitive(json_obj(service, "networks"), key))
			return true;
	}
	return false;
}

void model_networks(const cJSON *model, struct strv *out)
{
	const cJSON *network = NULL;

	cJSON_ArrayForEach (network, json_obj(model, "networks")) {
		if (!json_bool(network, "external", false) && uses_network(model, network->string))
			(void)strv_add_once(out, json_str(network, "name", network->string));
	}
}

static bool is_awaited(const cJSON *model, const char *name)
{
	const cJSON *service = NULL;

	cJSON_ArrayForEach (service, json_obj(model, "services")) {
		const cJSON *on = json_obj(json_obj(service, "depends_on"), name);

		if (strcmp(json_str(on, "condition", ""), "service_completed_successfully") == 0)
			return true;
	}
	return false;
}

static int64_t replicas(const cJSON *service)
{
	int64_t n = json_int(service, "scale", -1);

	return n >= 0 ? n : json_int(json_obj(service, "deploy"), "replicas", 1);
}

bool model_expects_exit(const cJSON *model, const char *service)
{
	const cJSON *s = json_obj(json_obj(model, "services"), service);
	const cJSON *policy = json_path(s, "deploy.restart_policy.condition");
	const char *restart = json_str(s, "restart", NULL);

	if (!s || replicas(s) == 0 || is_awaited(model, service))
		return true;
	if (!restart) /* deploy's words: none, on-failure, any */
		restart = cJSON_IsString(policy) ? policy->valuestring : "no";
	return strcmp(restart, "always") != 0 && strcmp(restart, "unless-stopped") != 0 &&
	       strcmp(restart, "any") != 0;
}
