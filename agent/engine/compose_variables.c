/*
 * compose_variables - asks Compose for values with a file of our own, {"x-mdc-variables": {"A":
 * "${A?...}"}}, so that there is only one reader of .env files: Compose. Values carry doubled
 * dollars, as everything in a model. Depends on: common.
 */
#include "agent/engine/compose_variables.h"

#include "common/json.h"
#include "common/mem.h"
#include "common/str.h"

#include <string.h>

#define KEY "x-mdc-variables"

/* What Compose and what it runs take orders from is not a project's to set. */
static bool may_be_set(const char *name)
{
	static const char *const ours[] = {"COMPOSE_", "DOCKER_", "BUILDKIT_", "BUILDX_", "LD_"};

	if (name[0] == '\0' || strspn(name, "0123456789") > 0 ||
	    strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") !=
		    strlen(name))
		return false;
	for (size_t i = 0; i < COUNT_OF(ours); i++) {
		if (str_starts(name, ours[i]))
			return false;
	}
	return strcmp(name, "PATH") != 0 && strcmp(name, "HOME") != 0;
}

/* Is this config or secret mounted by a service? */
static bool is_used(const cJSON *model, const char *section, const char *name)
{
	const cJSON *service = NULL, *use = NULL;

	cJSON_ArrayForEach (service, json_obj(model, "services")) {
		cJSON_ArrayForEach (use, json_arr(service, section)) {
			if (strcmp(json_str(use, "source", ""), name) == 0)
				return true;
		}
	}
	return false;
}

static void collect(const cJSON *model, const char *section, cJSON *into)
{
	const cJSON *item = NULL;

	cJSON_ArrayForEach (item, json_obj(model, section)) {
		const char *name = json_str(item, "environment", NULL);

		if (name && may_be_set(name) && is_used(model, section, item->string)) {
			auto_free char *value =
				xasprintf("${%s?%s %s and no env file sets it}", name,
					  strcmp(section, "configs") == 0 ? "it is the config"
									  : "it is the secret",
					  item->string);

			json_set_str(into, name, value);
		}
	}
}

char *compose_variables_ask(const cJSON *model)
{
	auto_json cJSON *file = cJSON_CreateObject();
	cJSON *wanted = cJSON_AddObjectToObject(file, KEY);

	collect(model, "configs", wanted);
	collect(model, "secrets", wanted);
	return wanted->child ? json_text(file) : NULL;
}

void compose_variables_keep(const cJSON *answer, cJSON *model)
{
	const cJSON *values = json_obj(answer, KEY);

	cJSON_DeleteItemFromObjectCaseSensitive(model, KEY);
	if (values && !cJSON_AddItemToObject(model, KEY, cJSON_Duplicate(values, true)))
		abort();
}

void compose_variables_env(const cJSON *model, struct strv *env)
{
	const cJSON *item = NULL;

	cJSON_ArrayForEach (item, json_obj(model, KEY)) {
		const char *value = cJSON_GetStringValue(item);
		struct str plain = STR_INIT;

		if (!value || !may_be_set(item->string))
			continue;
		for (; *value != '\0'; value++) {
			str_addc(&plain, *value);
			if (value[0] == '$' && value[1] == '$')
				value++;
		}
		strv_pushf(env, "%s=%s", item->string, str_text(&plain));
		str_done(&plain);
	}
}

const char *compose_variable(const cJSON *model, const char *name)
{
	return json_str(json_obj(model, KEY), name, NULL);
}
