/*
 * service - the keys of a service that need no more than a look: privileged, capabilities, devices,
 * namespaces, options of the kernel, hooks, labels. Depends on: parts.
 */
#include "agent/policy/parts.h"

#include "common/mem.h"
#include "common/str.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static struct policy_place at(const cJSON *service, const char *key, const char *text)
{
	return (struct policy_place){.section = "services",
				     .name = service->string,
				     .key = key,
				     .text = text && text[0] != '\0' ? text : NULL};
}

static const cJSON *get(const cJSON *o, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	return cJSON_IsNull(v) ? NULL : v;
}

/* Anything but false: a text that some engine takes for a truth value counts. */
static bool is_true(const cJSON *v)
{
	auto_free char *text = judge_text(v);

	return v && strcmp(text, "false") != 0 && strcmp(text, "0") != 0 && text[0] != '\0';
}

/* ---- capabilities ---- */
/* Those of a container without cap_add, in dockerd and in Podman. */
static const char *const every_container[] = {
	"AUDIT_WRITE", "CHOWN",   "DAC_OVERRIDE", "FOWNER",           "FSETID",
	"KILL",        "MKNOD",   "NET_RAW",      "NET_BIND_SERVICE", "SETFCAP",
	"SETGID",      "SETPCAP", "SETUID",       "SYS_CHROOT",
};

static void capability(struct judging *j, const cJSON *service, const char *written)
{
	auto_free char *name =
		xstrdup(strncasecmp(written, "CAP_", 4) == 0 ? written + 4 : written);
	struct policy_place p = at(service, "cap_add", written);

	for (char *c = name; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	for (size_t i = 0; i < COUNT_OF(every_container); i++)
		if (strcmp(every_container[i], name) == 0)
			return;
	if (!judge_listed(j, POLICY_CAPABILITIES, name))
		judge_add(j, POLICY_CAPABILITIES, &p, name, "has the capability %s", name);
}

/* ---- devices ---- */
static void device(struct judging *j, const cJSON *service, const cJSON *v)
{
	const char *path = cJSON_IsString(v) ? v->valuestring : json_str(v, "source", "");
	struct policy_place p = at(service, "devices", path);

	if (path[0] !=
	    '/') { /* a name such as nvidia.com/gpu=all: the engine's own list knows it */
		judge_add(j, POLICY_GPUS, &p, NULL, "has the device %s", path);
		return;
	}
	auto_free char *folded = path_fold(path), *real = path_real(folded);
	const struct strv *list = &j->words[POLICY_DEVICES].list;

	if (!path_listed(list, folded, false) || !path_listed(list, real, false))
		judge_add(j, POLICY_DEVICES, &p, real, "has the device %s%s%s", folded,
			  str_eq(folded, real) ? "" : ", which is ",
			  str_eq(folded, real) ? "" : real);
}

static void devices(struct judging *j, const cJSON *service)
{
	const cJSON *v, *reserved = json_path(service, "deploy.resources.reservations.devices");
	struct policy_place rules = at(service, "device_cgroup_rules", NULL);
	struct policy_place gpus = at(service, "gpus", NULL);
	struct policy_place deploy = at(service, "deploy.resources.reservations.devices", NULL);

	cJSON_ArrayForEach (v, json_arr(service, "devices"))
		device(j, service, v);
	cJSON_ArrayForEach (v, json_arr(service, "device_cgroup_rules")) {
		auto_free char *text = judge_text(v);

		if (!judge_listed(j, POLICY_DEVICES, text))
			judge_add(j, POLICY_DEVICES, &rules, text, "has the device rule '%s'",
				  text);
	}
	if (get(service, "gpus"))
		judge_add(j, POLICY_GPUS, &gpus, NULL, "has gpus");
	if (reserved && reserved->child)
		judge_add(j, POLICY_GPUS, &deploy, NULL, "has devices of its reservations");
}

/* ---- namespaces ---- */
static void judge_namespace(struct judging *j, const cJSON *service, const char *key,
			    const char *kind)
{
	const char *value = json_str(service, key, "");
	struct policy_place p = at(service, key, value);

	if (str_starts(value, "container:")) {
		const char *name = value + strlen("container:");

		if (!judge_listed(j, POLICY_OTHER_CONTAINERS, name))
			judge_add(j, POLICY_OTHER_CONTAINERS, &p, name, "%s: %s", key, value);
		return;
	}
	/* Podman takes ns:PATH; a path is a namespace of something else. */
	if ((strcasecmp(value, "host") == 0 || str_starts(value, "ns:") || strchr(value, '/')) &&
	    !judge_listed(j, POLICY_HOST_NAMESPACES, kind))
		judge_add(j, POLICY_HOST_NAMESPACES, &p, kind, "%s: %s", key, value);
}

void judge_namespaces(struct judging *j, const cJSON *service)
{
	static const struct {
		const char *key, *kind;
	} keys[] = {
		{"network_mode", "network"}, {"pid", "pid"}, {"ipc", "ipc"},
		{"userns_mode", "userns"},   {"uts", "uts"}, {"cgroup", "cgroup"},
	};

	for (size_t i = 0; i < COUNT_OF(keys); i++)
		judge_namespace(j, service, keys[i].key, keys[i].kind);
}

/* ---- other containers ---- */
static void foreign_volumes(struct judging *j, const cJSON *service)
{
	const cJSON *v;

	cJSON_ArrayForEach (v, json_arr(service, "volumes_from")) {
		const char *text = cJSON_GetStringValue(v);
		struct policy_place p = at(service, "volumes_from", text ? text : "");

		judge_add(j, POLICY_VOLUMES_FROM, &p, NULL, "volumes_from: %s", text ? text : "");
		if (!text || !str_starts(text, "container:"))
			continue;
		const char *other = text + strlen("container:");
		auto_free char *name = xstrndup(other, strcspn(other, ":"));

		if (!judge_listed(j, POLICY_OTHER_CONTAINERS, name))
			judge_add(j, POLICY_OTHER_CONTAINERS, &p, name, "volumes_from: %s", text);
	}
	cJSON_ArrayForEach (v, json_arr(service, "external_links")) {
		const char *text = cJSON_IsString(v) ? v->valuestring : "";
		struct policy_place p = at(service, "external_links", text);
		auto_free char *name = xstrndup(text, strcspn(text, ":"));

		if (!judge_listed(j, POLICY_OTHER_CONTAINERS, name))
			judge_add(j, POLICY_OTHER_CONTAINERS, &p, name, "external_links: %s", text);
	}
}

/* ---- lists of texts ---- */
static void security(struct judging *j, const cJSON *service, const char *written)
{
	auto_free char *option = xstrdup(written);
	struct policy_place p = at(service, "security_opt", written);
	char *equals = strchr(option, '=');

	if (equals && strcspn(option, ":") > (size_t)(equals - option))
		*equals = ':'; /* both forms mean the same */
	if (!judge_listed(j, POLICY_SECURITY_OPT, option))
		judge_add(j, POLICY_SECURITY_OPT, &p, option, "security_opt: %s", written);
}

static void gateway(struct judging *j, const cJSON *service, const char *host)
{
	struct policy_place p = at(service, "extra_hosts", "host-gateway");

	if (strstr(host, "host-gateway"))
		judge_add(j, POLICY_HOST_GATEWAY, &p, NULL, "extra_hosts: %s", host);
}

static void external_label(struct judging *j, const cJSON *service, const char *label)
{
	struct policy_place p = at(service, "labels", label);

	if (str_starts(label, "mdc.") || str_starts(label, "com.docker.compose."))
		judge_add(j, POLICY_LABELS, &p, NULL, "sets the label %.*s",
			  (int)strcspn(label, "="), label);
}

static void sysctl(struct judging *j, const cJSON *service, const char *written)
{
	auto_free char *name = xstrndup(written, strcspn(written, "="));
	struct policy_place p = at(service, "sysctls", name);

	for (char *c = name; *c; c++)
		*c = *c == '/' ? '.' : *c; /* the kernel takes both */
	if (!judge_listed(j, POLICY_SYSCTLS, name))
		judge_add(j, POLICY_SYSCTLS, &p, name, "sets the kernel's %s", name);
}

/* Each entry of a list, or each key of a map. */
static void each_text(struct judging *j, const cJSON *service, const char *key,
		      void (*fn)(struct judging *, const cJSON *, const char *))
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(service, key), *v;

	cJSON_ArrayForEach (v, list) {
		if (!cJSON_IsObject(list)) {
			auto_free char *text = judge_text(v);

			fn(j, service, text);
		} else if (strcmp(key, "extra_hosts") == 0) {
			auto_free char *text = judge_text(v);

			fn(j, service, text);
		} else {
			fn(j, service, v->string);
		}
	}
}

/* ---- hooks ---- */
static void hooks(struct judging *j, const cJSON *service)
{
	const cJSON *v, *hook;

	cJSON_ArrayForEach (v, service) {
		struct policy_place p = at(service, v->string, NULL);

		if ((!str_starts(v->string, "post_") && !str_starts(v->string, "pre_")) ||
		    cJSON_IsNull(v))
			continue;
		judge_add(j, POLICY_HOOKS, &p, NULL, "has %s", v->string);
		cJSON_ArrayForEach (hook, v)
			if (is_true(get(hook, "privileged")))
				judge_add(j, POLICY_PRIVILEGED, &p, NULL,
					  "%s with privileged: true", v->string);
	}
}

/* ---- single keys ---- */
static void singles(struct judging *j, const cJSON *service)
{
	const char *runtime = json_str(service, "runtime", "");
	const char *type = json_str(json_obj(service, "provider"), "type", "");
	const char *parent = json_str(service, "cgroup_parent", "");
	const char *driver = json_str(service, "volume_driver", "");
	struct policy_place p = at(service, "privileged", NULL);

	if (is_true(get(service, "privileged")))
		judge_add(j, POLICY_PRIVILEGED, &p, NULL, "privileged: true");
	p.key = "runtime";
	if (runtime[0] != '\0' && !judge_listed(j, POLICY_RUNTIME, runtime))
		judge_add(j, POLICY_RUNTIME, &p, runtime, "runtime: %s", runtime);
	p.key = "cgroup_parent";
	if (parent[0] != '\0')
		judge_add(j, POLICY_CGROUP_PARENT, &p, NULL, "cgroup_parent: %s", parent);
	p.key = "credential_spec";
	if (get(service, "credential_spec"))
		judge_add(j, POLICY_CREDENTIAL_SPEC, &p, NULL, "has credential_spec");
	p.key = "provider";
	if (get(service, "provider") && !judge_listed(j, POLICY_PROVIDER, type))
		judge_add(j, POLICY_PROVIDER, &p, type,
			  "is made by the provider %s, a program of this host", type);
	p.key = "models";
	if (get(service, "models"))
		judge_add(j, POLICY_MODELS, &p, NULL, "uses models");
	p.key = "volume_driver";
	if (driver[0] && !judge_listed(j, POLICY_VOLUME_DRIVERS, driver))
		judge_add(j, POLICY_VOLUME_DRIVERS, &p, driver, "volume_driver: %s", driver);
	p.key = "use_api_socket";
	if (is_true(get(service, "use_api_socket")))
		judge_add(j, POLICY_ENGINE_SOCKETS, &p, NULL, "use_api_socket: true");
}

void judge_service(struct judging *j, const cJSON *service)
{
	singles(j, service);
	devices(j, service);
	foreign_volumes(j, service);
	hooks(j, service);
	each_text(j, service, "cap_add", capability);
	each_text(j, service, "security_opt", security);
	each_text(j, service, "extra_hosts", gateway);
	each_text(j, service, "labels", external_label);
	each_text(j, service, "annotations", external_label);
	each_text(j, service, "sysctls", sysctl);
}
