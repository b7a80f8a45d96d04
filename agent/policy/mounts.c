/*
 * mounts - what a service mounts: binds, volumes that are binds in disguise, files of configs and
 * secrets, logs that engines write to a path. Depends on: parts, paths.
 */
#include "agent/policy/parts.h"

#include "common/mem.h"
#include "common/str.h"

#include <string.h>
#include <strings.h>

/* ---- a service's own ---- */
static void propagation(struct judging *j, const struct policy_place *p, const cJSON *mount)
{
	const char *mode = json_str(json_obj(mount, "bind"), "propagation", "");

	if (strcasecmp(mode, "shared") == 0 || strcasecmp(mode, "rshared") == 0)
		judge_add(j, POLICY_PROPAGATION, p, NULL, "mounts %s with propagation %s",
			  json_str(mount, "source", "?"), mode);
}

static void one_mount(struct judging *j, const cJSON *service, const cJSON *mount)
{
	static const char *const harmless[] = {"volume", "tmpfs"};
	const char *type = json_str(mount, "type", ""), *source = json_str(mount, "source", "");
	struct policy_place p = {.section = "services",
				 .name = service->string,
				 .key = "volumes",
				 .text = source[0] ? source : NULL,
				 .other = json_str(mount, "target", NULL)};
	struct path_use use = {
		.path = source, .how = "mounts", .read_only = json_bool(mount, "read_only", false)};

	propagation(j, &p, mount);
	for (size_t i = 0; i < COUNT_OF(harmless); i++)
		if (strcmp(type, harmless[i]) == 0 && source[0] != '/')
			return;
	if (strcmp(type, "image") == 0)
		judge_image(j, &p, source);
	else if (source[0] == '/')
		judge_path(j, &p, &use);
	else if (!judge_listed(j, POLICY_UNKNOWN_KEYS, type))
		judge_add(j, POLICY_UNKNOWN_KEYS, &p, type, "has a mount of type %s", type);
}

/* A log that an engine writes to a file of the project's choice. */
static void logs(struct judging *j, const cJSON *service)
{
	const char *path = json_str(json_path(service, "logging.options"), "path", "");
	struct policy_place p = {
		.section = "services", .name = service->string, .key = "logging", .text = path};
	struct path_use use = {.path = path, .how = "logs to"};

	if (path[0] == '/')
		judge_path(j, &p, &use);
}

/* A profile of the kernel that Compose reads from a file. */
static void profiles(struct judging *j, const cJSON *service)
{
	const cJSON *v;

	cJSON_ArrayForEach (v, json_arr(service, "security_opt")) {
		const char *text = cJSON_IsString(v) ? v->valuestring : "";
		const char *path = text + strcspn(text, ":=");
		struct policy_place p = {.section = "services",
					 .name = service->string,
					 .key = "security_opt",
					 .text = text};
		struct path_use use = {
			.path = path + (*path != '\0'), .how = "reads", .read_only = true};

		if (strncasecmp(text, "seccomp", strlen("seccomp")) == 0 && use.path[0] == '/')
			judge_path(j, &p, &use);
	}
}

void judge_mounts(struct judging *j, const cJSON *service)
{
	const cJSON *mount;

	cJSON_ArrayForEach (mount, json_arr(service, "volumes"))
		one_mount(j, service, mount);
	logs(j, service);
	profiles(j, service);
}

/* ---- volumes with options ---- */
/* Is `word` one of the comma-separated options? */
static bool has_option(const char *options, const char *word)
{
	size_t n = strlen(word);

	for (const char *o = options; *o; o += strcspn(o, ",") + (o[strcspn(o, ",")] == ',')) {
		o += strspn(o, " ");
		if (strncasecmp(o, word, n) == 0 && strchr(", =", o[n]))
			return true;
	}
	return false;
}

/* The paths in "lowerdir=/a:/b,upperdir=/c". */
static void overlay(struct judging *j, const struct policy_place *p, const char *options)
{
	static const char ends[] = ",:=";

	for (const char *o = options; *o; o += strcspn(o, ends) + (o[strcspn(o, ends)] != '\0')) {
		auto_free char *path = xstrndup(o, strcspn(o, ends));
		struct path_use use = {.path = path, .how = "mounts"};
		struct policy_place at = *p;

		at.text = path;
		if (path[0] == '/')
			judge_path(j, &at, &use);
	}
}

/* A network file system whose server is this host. */
static bool is_loopback(const char *options, const char *device)
{
	static const char *const names[] = {"localhost", "127.", "::1",        "[::1]",
					    "0.0.0.0",   "[::]", "::ffff:127."};
	const char *addr = strcasestr(options, "addr=");
	const char *places[] = {addr ? addr + strlen("addr=") : "", device,
				str_starts(device, "//") ? device + 2 : ""};

	for (size_t i = 0; i < COUNT_OF(places); i++)
		for (size_t k = 0; k < COUNT_OF(names); k++)
			if (strncasecmp(places[i], names[k], strlen(names[k])) == 0)
				return true;
	return false;
}

struct volume_options {
	const char *type, *o, *device;
	bool bind, network;
};

static struct volume_options options_of(const cJSON *options)
{
	struct volume_options v = {.type = json_str(options, "type", ""),
				   .o = json_str(options, "o", ""),
				   .device = json_str(options, "device", "")};

	v.bind = has_option(v.o, "bind") || has_option(v.o, "rbind") ||
		 strcasecmp(v.type, "none") == 0 || strcasecmp(v.type, "bind") == 0;
	v.network = strncasecmp(v.type, "nfs", 3) == 0 || strcasecmp(v.type, "cifs") == 0 ||
		    strcasecmp(v.type, "smb3") == 0;
	return v;
}

static void file_system(struct judging *j, const struct policy_place *p,
			const struct volume_options *v)
{
	if (v->network && is_loopback(v->o, v->device) &&
	    !judge_listed(j, POLICY_VOLUME_DRIVERS, "loopback"))
		judge_add(j, POLICY_VOLUME_DRIVERS, p, "loopback", "mounts %s of this host itself",
			  v->type);
	else if (!v->bind && v->type[0] && !judge_listed(j, POLICY_VOLUME_DRIVERS, v->type))
		judge_add(j, POLICY_VOLUME_DRIVERS, p, v->type, "mounts a file system of type %s",
			  v->type);
}

static void disguised(struct judging *j, struct policy_place *p, const cJSON *options)
{
	struct volume_options v = options_of(options);
	bool server = v.network && str_starts(v.device, "//");
	struct path_use use = {
		.path = v.device, .how = "mounts", .read_only = has_option(v.o, "ro")};

	p->text = v.device[0] ? v.device : NULL;
	if (v.bind)
		judge_add(j, POLICY_DISGUISED_BINDS, p, NULL, "is a bind mount of %s", v.device);
	if (v.device[0] == '/' && !server && strcasecmp(v.type, "tmpfs") != 0)
		judge_path(j, p, &use);
	overlay(j, p, v.o);
	if (has_option(v.o, "shared") || has_option(v.o, "rshared"))
		judge_add(j, POLICY_PROPAGATION, p, NULL, "mounts %s with propagation", v.device);
	file_system(j, p, &v);
}

/* Options of the local driver; other drivers take what they like, so every path in them counts. */
static void other_options(struct judging *j, const struct policy_place *p, const cJSON *options)
{
	const cJSON *v;

	cJSON_ArrayForEach (v, options) {
		auto_free char *text = judge_text(v);
		struct path_use use = {.path = text, .how = "mounts"};

		if (text[0] == '/' && strcmp(v->string, "device") != 0)
			judge_path(j, p, &use);
	}
}

void judge_volumes(struct judging *j)
{
	const cJSON *volume;

	cJSON_ArrayForEach (volume, json_obj(j->model, "volumes")) {
		const char *driver = json_str(volume, "driver", "local");
		const cJSON *options = json_obj(volume, "driver_opts");
		struct policy_place p = {.section = "volumes",
					 .name = volume->string,
					 .key = "driver",
					 .text = driver};

		if (json_bool(volume, "external", false) &&
		    !judge_listed(j, POLICY_EXTERNAL, json_str(volume, "name", volume->string))) {
			p.key = "external";
			judge_add(j, POLICY_EXTERNAL, &p, json_str(volume, "name", volume->string),
				  "is external");
		}
		p.key = "driver";
		if (!judge_listed(j, POLICY_VOLUME_DRIVERS, driver))
			judge_add(j, POLICY_VOLUME_DRIVERS, &p, driver, "has the driver %s",
				  driver);
		p.key = "driver_opts";
		other_options(j, &p, options);
		disguised(j, &p, options);
	}
}

/* ---- configs and secrets ---- */
void judge_contents(struct judging *j)
{
	static const char *const sections[] = {"configs", "secrets"};
	const cJSON *v;

	for (size_t i = 0; i < COUNT_OF(sections); i++) {
		cJSON_ArrayForEach (v, json_obj(j->model, sections[i])) {
			const char *file = json_str(v, "file", "");
			struct policy_place p = {.section = sections[i],
						 .name = v->string,
						 .key = "file",
						 .text = file};
			struct path_use use = {.path = file, .how = "mounts", .read_only = true};

			if (file[0] == '/')
				judge_path(j, &p, &use);
		}
	}
}
