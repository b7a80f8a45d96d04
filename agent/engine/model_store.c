/*
 * model_store - the host's /nix/store in a model: mounting it into services, and which of its paths
 * a model names. Depends on: common, model.
 */
#include "agent/engine/model.h"

#include "common/json.h"
#include "common/mem.h"
#include "common/str.h"

#include <string.h>

#define STORE        "/nix/store"
#define DAEMON       "/nix/var/nix/daemon-socket"
#define STORE_PREFIX STORE "/"

enum { HASH_DIGITS = 32 };

static void add_mount(cJSON *service, const char *path, bool read_only)
{
	cJSON *list = cJSON_GetObjectItemCaseSensitive(service, "volumes");
	const cJSON *have = NULL;

	if (!cJSON_IsArray(list)) {
		cJSON_DeleteItemFromObjectCaseSensitive(service, "volumes");
		list = cJSON_AddArrayToObject(service, "volumes");
	}
	cJSON_ArrayForEach (have, list) {
		if (str_eq(json_str(have, "target", NULL), path))
			return; /* the project's own word */
	}
	cJSON *m = cJSON_CreateObject(), *bind = NULL;

	json_set_str(m, "type", "bind");
	json_set_str(m, "source", path);
	json_set_str(m, "target", path);
	json_set_bool(m, "read_only", read_only);
	bind = cJSON_AddObjectToObject(m, "bind");
	json_set_bool(bind, "create_host_path", false);
	cJSON_AddItemToArray(list, m);
}

static void mount_store(cJSON *service, const struct store_mount *m)
{
	add_mount(service, STORE, m->read_only != TRI_NO);
	if (m->nix_daemon != TRI_YES)
		return;
	cJSON *env = cJSON_GetObjectItemCaseSensitive(service, "environment");

	add_mount(service, DAEMON, false);
	if (!cJSON_IsObject(env)) {
		cJSON_DeleteItemFromObjectCaseSensitive(service, "environment");
		env = cJSON_AddObjectToObject(service, "environment");
	}
	if (!cJSON_GetObjectItemCaseSensitive(env, "NIX_REMOTE"))
		json_set_str(env, "NIX_REMOTE", "daemon");
}

int model_mount_store(cJSON *model, const struct store_mount *m, struct err *e)
{
	const cJSON *services = json_obj(model, "services");
	cJSON *service = NULL;

	if (m->read_only == TRI_UNSET)
		return 0;
	for (size_t i = 0; i < m->services.n; i++)
		if (!cJSON_GetObjectItemCaseSensitive(services, m->services.v[i]))
			return err_set(e, ERR_REJECTED, 0,
				       "host_nix_store.services names service %s, which the "
				       "Compose files do not have",
				       m->services.v[i]);
	cJSON_ArrayForEach (service, services) {
		if (m->services.n == 0 || strv_has(&m->services, service->string))
			mount_store(service, m);
	}
	return 0;
}

/* ---- which paths ---- */
static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("+-._?=", c));
}

/* Length of "/nix/store/<hash>-<name>" at the beginning of a text, or 0. */
static size_t store_path_len(const char *text)
{
	static const char digits[] = "0123456789abcdfghijklmnpqrsvwxyz";
	const char *p = text + strlen(STORE_PREFIX);

	if (!str_starts(text, STORE_PREFIX) || strspn(p, digits) < HASH_DIGITS ||
	    p[HASH_DIGITS] != '-')
		return 0;
	p += HASH_DIGITS;
	while (is_name_char(*p))
		p++;
	return (size_t)(p - text);
}

void model_store_paths_in(const char *text, struct strv *out)
{
	while ((text = strstr(text, STORE_PREFIX))) {
		size_t n = store_path_len(text);

		if (n > 0) {
			auto_free char *path = xstrndup(text, n);

			(void)strv_add_once(out, path);
		}
		text += n > 0 ? n : strlen(STORE_PREFIX);
	}
}

static bool mounts_store(const cJSON *service)
{
	const cJSON *m = NULL;

	cJSON_ArrayForEach (m, json_arr(service, "volumes")) {
		if (str_eq(json_str(m, "target", NULL), STORE))
			return true;
	}
	return false;
}

static void add_text(const cJSON *v, struct strv *out)
{
	if (!v)
		return;
	auto_free char *text = json_text(v);

	model_store_paths_in(text, out);
}

void model_store_paths(const cJSON *model, bool all, struct strv *needed)
{
	static const char *const programs[] = {"command", "entrypoint", "environment"};
	static const char *const files[] = {"configs", "secrets"};
	const cJSON *service = NULL, *m = NULL;

	cJSON_ArrayForEach (service, json_obj(model, "services")) {
		cJSON_ArrayForEach (m, json_arr(service, "volumes")) {
			if (str_eq(json_str(m, "type", NULL), "bind"))
				add_text(cJSON_GetObjectItemCaseSensitive(m, "source"), needed);
		}
		for (size_t i = 0; i < COUNT_OF(programs) && (all || mounts_store(service)); i++)
			add_text(cJSON_GetObjectItemCaseSensitive(service, programs[i]), needed);
	}
	for (size_t i = 0; i < COUNT_OF(files); i++)
		cJSON_ArrayForEach (m, json_obj(model, files[i]))
			add_text(cJSON_GetObjectItemCaseSensitive(m, "file"), needed);
}
