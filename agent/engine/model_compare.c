/*
 * model_compare - what changes from one model to another, in words. Values of environment variables
 * and contents of files never appear: plans are shown, logged and sent. How each setting of a
 * service is told is one row in model_words.c. Depends on: common, model, model_words.
 */
#include "agent/engine/model_words.h"
#include "common/json.h"
#include "common/mem.h"

#include <string.h>

static const cJSON *get(const cJSON *o, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(o, name);
}

static bool same(const cJSON *a, const cJSON *b)
{
	auto_free char *x = a ? json_canonical(a) : xstrdup("null");
	auto_free char *y = b ? json_canonical(b) : xstrdup("null");

	return strcmp(x, y) == 0;
}

/* Every key of either, each once. */
static void keys_of(const cJSON *a, const cJSON *b, struct strv *out)
{
	const cJSON *item = NULL;

	cJSON_ArrayForEach (item, a)
		strv_push(out, item->string);
	cJSON_ArrayForEach (item, b) {
		if (!get(a, item->string))
			strv_push(out, item->string);
	}
	strv_sort(out);
}

/* Settings that Compose applies without making the container anew, or not at all. */
static bool is_quiet(const char *key)
{
	return strcmp(key, "build") == 0 || strcmp(key, "pull_policy") == 0 ||
	       strncmp(key, "x-", 2) == 0;
}

static void compare_service(const cJSON *old, const cJSON *new, struct strv *reasons,
			    struct strv *services)
{
	auto_strv struct strv keys = STRV_INIT;

	keys_of(old, new, &keys);
	for (size_t i = 0; i < keys.n; i++) {
		const cJSON *a = get(old, keys.v[i]), *b = get(new, keys.v[i]);

		if (is_quiet(keys.v[i]) || same(a, b) ||
		    (strcmp(keys.v[i], "image") == 0 && model_words_is_pending(old, new)))
			continue;
		model_words(keys.v[i], old, new, reasons);
		(void)strv_add_once(services, new->string);
	}
}

static void compare_services(const cJSON *old, const cJSON *new, struct strv *reasons,
			     struct strv *services)
{
	auto_strv struct strv names = STRV_INIT;

	keys_of(old, new, &names);
	for (size_t i = 0; i < names.n; i++) {
		const cJSON *a = get(old, names.v[i]), *b = get(new, names.v[i]);

		if (a && b) {
			compare_service(a, b, reasons, services);
			continue;
		}
		strv_pushf(reasons, "service %s: %s", names.v[i], b ? "added" : "removed");
		if (b)
			(void)strv_add_once(services, names.v[i]);
	}
}

/* Does a service stand on another in a way that has Compose recreate it with that other? */
static bool stands_on(const cJSON *service, const char *other)
{
	static const char *const modes[] = {"network_mode", "ipc", "pid"};
	const cJSON *item = NULL;

	if (get(json_obj(service, "depends_on"), other))
		return true;
	for (size_t i = 0; i < COUNT_OF(modes); i++) {
		const char *mode = json_str(service, modes[i], "");

		if (strncmp(mode, "service:", 8) == 0 && strcmp(mode + 8, other) == 0)
			return true;
	}
	cJSON_ArrayForEach (item, json_arr(service, "volumes_from")) {
		const char *from = cJSON_GetStringValue(item);
		size_t len = strlen(other);

		if (from && strncmp(from, other, len) == 0 &&
		    (from[len] == '\0' || from[len] == ':'))
			return true;
	}
	return false;
}

/* Measured with Docker and Podman: who depends on a recreated service is recreated, and so on. */
static void add_dependants(const cJSON *old, const cJSON *new, struct strv *reasons,
			   struct strv *services)
{
	const cJSON *service = NULL;

	/* The list grows while it is walked: those that were added are walked too. */
	for (size_t i = 0; i < services->n; i++) {
		auto_free char *other = xstrdup(services->v[i]);

		if (!get(old, other)) /* new: nothing stood on it */
			continue;
		cJSON_ArrayForEach (service, new) {
			if (!get(old, service->string) || !stands_on(service, other) ||
			    !strv_add_once(services, service->string))
				continue;
			strv_pushf(reasons, "service %s: recreated, as it depends on %s",
				   service->string, other);
		}
	}
}

/* Compose keeps an existing network or volume whatever its definition has become. */
static void compare_kept(const cJSON *old, const cJSON *new, const char *section, const char *one,
			 struct strv *notes)
{
	const cJSON *before = json_obj(old, section), *item = NULL;

	cJSON_ArrayForEach (item, json_obj(new, section)) {
		const cJSON *was = get(before, item->string);
		const char *name = json_str(item, "name", item->string);

		if (!was || same(was, item))
			continue;
		if (strcmp(json_str(was, "name", was->string), name) != 0)
			strv_pushf(
				notes,
				"%s %s: is now %s; the old one (%s) stays and its content is not "
				"moved",
				one, item->string, name, json_str(was, "name", was->string));
		else
			strv_pushf(
				notes,
				"%s %s: its definition changed, which Compose does not apply to the "
				"existing %s",
				one, item->string, one);
	}
}

void model_compare(const cJSON *old, const cJSON *new, struct strv *reasons, struct strv *services,
		   struct strv *notes)
{
	const cJSON *before = json_obj(old, "services"), *after = json_obj(new, "services");

	compare_services(before, after, reasons, services);
	add_dependants(before, after, reasons, services);
	if (!old)
		return;
	compare_kept(old, new, "networks", "network", notes);
	compare_kept(old, new, "volumes", "volume", notes);
}
