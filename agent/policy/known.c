/*
 * known - keys that no rule speaks of because this version does not know them, and labels that are
 * not a project's to set. Depends on: parts, compose_keys.
 */
#include "agent/policy/parts.h"

#include "agent/model/compose_keys.h"
#include "common/str.h"

#include <string.h>

static const char *const mount_keys[] = {"type", "source", "target", "read_only", "consistency",
					 "bind", "volume", "tmpfs",  "image",     NULL};
static const char *const build_keys[] = {
	"context",    "dockerfile", "dockerfile_inline",   "args",    "ssh",
	"cache_from", "cache_to",   "additional_contexts", "target",  "pull",
	"shm_size",   "network",    "isolation",           "labels",  "privileged",
	"no_cache",   "secrets",    "extra_hosts",         "ulimits", "platforms",
	"tags",       "provenance", "entitlements",        "sbom",    "no_cache_filter",
	NULL};
static const char *const volume_keys[] = {"name",     "driver", "driver_opts",
					  "external", "labels", NULL};
static const char *const network_keys[] = {
	"name",     "driver",     "driver_opts", "external",    "labels", "ipam",
	"internal", "attachable", "enable_ipv4", "enable_ipv6", NULL};
static const char *const content_keys[] = {"name",     "file",   "environment",     "content",
					   "external", "labels", "template_driver", NULL};

static bool is_one_of(const char *key, const char *const *keys)
{
	for (; *keys; keys++)
		if (strcmp(*keys, key) == 0)
			return true;
	return str_starts(key, "x-");
}

static void unknown(struct judging *j, struct policy_place p, const char *key, const char *in)
{
	if (!judge_listed(j, POLICY_UNKNOWN_KEYS, key))
		judge_add(j, POLICY_UNKNOWN_KEYS, &p, key,
			  "has the key %s%s, which is not known here", in, key);
}

static void each_key(struct judging *j, const struct policy_place *at, const cJSON *map,
		     const char *const *keys, const char *in)
{
	const cJSON *v;

	cJSON_ArrayForEach (v, map) {
		struct policy_place p = *at;

		if (!v->string || is_one_of(v->string, keys))
			continue;
		p.text = v->string;
		unknown(j, p, v->string, in);
	}
}

static void one_service(struct judging *j, const cJSON *service)
{
	const cJSON *v;
	struct policy_place p = {.section = "services", .name = service->string};

	cJSON_ArrayForEach (v, service) {
		p.key = v->string;
		if (!compose_service_key(v->string))
			unknown(j, p, v->string, "");
	}
	p.key = "volumes";
	cJSON_ArrayForEach (v, json_arr(service, "volumes"))
		each_key(j, &p, v, mount_keys, "volumes.");
	p.key = "build";
	each_key(j, &p, json_obj(service, "build"), build_keys, "build.");
}

static void labels(struct judging *j, const struct policy_place *at, const cJSON *definition)
{
	const cJSON *v;

	cJSON_ArrayForEach (v, json_obj(definition, "labels")) {
		struct policy_place p = *at;

		p.key = "labels";
		p.text = v->string;
		if (str_starts(v->string, "mdc.") || str_starts(v->string, "com.docker.compose."))
			judge_add(j, POLICY_LABELS, &p, NULL, "sets the label %s", v->string);
	}
}

static void definitions(struct judging *j)
{
	static const struct {
		const char *section;
		const char *const *keys;
	} sections[] = {
		{"volumes", volume_keys},
		{"networks", network_keys},
		{"configs", content_keys},
		{"secrets", content_keys},
	};
	const cJSON *v;

	for (size_t i = 0; i < COUNT_OF(sections); i++) {
		cJSON_ArrayForEach (v, json_obj(j->model, sections[i].section)) {
			struct policy_place p = {.section = sections[i].section, .name = v->string};

			each_key(j, &p, v, sections[i].keys, "");
			labels(j, &p, v);
		}
	}
}

void judge_unknown(struct judging *j)
{
	const cJSON *v;
	struct policy_place p = {.section = "models"};

	if (json_obj(j->model, "models"))
		judge_add(j, POLICY_MODELS, &p, NULL, "the project has models");
	p.section = "";
	cJSON_ArrayForEach (v, j->model) {
		p.key = v->string;
		if (v->string && !compose_top_key(v->string))
			unknown(j, p, v->string, "");
	}
	cJSON_ArrayForEach (v, json_obj(j->model, "services"))
		one_service(j, v);
	definitions(j);
}
