/*
 * images - where images come from: registries, digests, tags, and builds on this host.
 * Depends on: parts.
 */
#include "agent/policy/parts.h"

#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"

#include <ctype.h>
#include <fnmatch.h>
#include <string.h>

/* "ghcr.io/me/app" of "GHCR.io/me/app:1@sha256:...", "docker.io/library/nginx" of "nginx". The
 * caller frees. */
static char *full_name(const char *image)
{
	size_t n = strcspn(image, "@");
	const char *slash = memrchr(image, '/', n);
	const char *from = slash ? slash : image;
	const char *colon = memchr(from, ':', n - (size_t)(from - image));
	auto_free char *name = xstrndup(image, colon ? (size_t)(colon - image) : n);
	size_t host = strcspn(name, "/");
	auto_free char *first = xstrndup(name, host);

	for (char *c = first; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	/* What Docker takes for a host: it has a dot or a port, is localhost, or is in capitals. */
	bool is_host =
		name[host] == '/' && (strpbrk(first, ".:") || strcmp(first, "localhost") == 0 ||
				      strncmp(first, name, host) != 0);
	if (!is_host)
		return xasprintf("docker.io/%s%s", name[host] ? "" : "library/", name);
	if (strcmp(first, "index.docker.io") == 0 || strcmp(first, "docker.io") == 0)
		return strchr(name + host + 1, '/') ? xasprintf("docker.io%s", name + host)
						    : xasprintf("docker.io/library%s", name + host);
	return xasprintf("%s%s", first, name + host);
}

bool policy_image_matches(const char *entry, const char *image)
{
	auto_free char *name = full_name(image);
	size_t n = strlen(entry);
	auto_free char *whole = xstrndup(entry, n > 0 && entry[n - 1] == '/' ? n - 1 : n);

	if (strstr(name, "..") || strstr(name, "//"))
		return false;
	return path_below(name, whole) ||
	       fnmatch(whole, name, FNM_LEADING_DIR | FNM_NOESCAPE | FNM_PATHNAME) == 0;
}

static const char *tag_of(const char *image)
{
	const char *base = path_base(image);
	const char *colon = strchr(base, ':');

	return colon ? colon + 1 : "";
}

void judge_image(struct judging *j, const struct policy_place *p, const char *image)
{
	const struct strv *l = &j->words[POLICY_REGISTRIES].list;
	auto_free char *name = full_name(image);
	bool known = false;

	for (size_t i = 0; i < l->n; i++)
		known |= policy_image_matches(l->v[i], image);
	if (!known)
		judge_add(j, POLICY_REGISTRIES, p, name, "image %s is from %s", image, name);
	if (strstr(image, "@sha256:"))
		return;
	judge_add(j, POLICY_REQUIRE_DIGEST, p, NULL, "image %s has no digest", image);
	if (tag_of(image)[0] == '\0' || strcmp(tag_of(image), "latest") == 0)
		judge_add(j, POLICY_LATEST_TAG, p, NULL, "image %s has %s", image,
			  tag_of(image)[0] ? "the tag latest" : "no tag");
}

/* ---- builds ---- */
static void context(struct judging *j, struct policy_place *p, const char *text)
{
	struct path_use use = {.path = text, .how = "builds from", .read_only = true};

	p->text = text;
	if (text[0] == '/')
		judge_path(j, p, &use);
	else if (str_starts(text, "docker-image://"))
		judge_image(j, p, text + strlen("docker-image://"));
	else if (strstr(text, "://") || strchr(text, '@') || str_starts(text, "github.com/") ||
		 strstr(text, ".git"))
		judge_add(j, POLICY_BUILD_REMOTE, p, NULL, "builds from %s", text);
}

static void privileges(struct judging *j, const struct policy_place *p, const cJSON *build)
{
	static const char *const keys[] = {"entitlements", "ssh"};
	const char *network = json_str(build, "network", "");

	if (json_bool(build, "privileged", false))
		judge_add(j, POLICY_BUILD_PRIVILEGES, p, NULL, "build.privileged: true");
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		const cJSON *v = cJSON_GetObjectItemCaseSensitive(build, keys[i]);

		if (v && v->child)
			judge_add(j, POLICY_BUILD_PRIVILEGES, p, NULL, "has build.%s", keys[i]);
	}
	if (strcmp(network, "host") == 0)
		judge_add(j, POLICY_BUILD_PRIVILEGES, p, NULL, "build.network: host");
	else if (str_starts(network, "container:") &&
		 !judge_listed(j, POLICY_OTHER_CONTAINERS, network + strlen("container:")))
		judge_add(j, POLICY_OTHER_CONTAINERS, p, network + strlen("container:"),
			  "build.network: %s", network);
}

/* A relative one is below the context, unless it climbs out. */
static void dockerfile(struct judging *j, struct policy_place *p, const cJSON *b, const char *file)
{
	const char *in = json_str(b, "context", "");
	auto_free char *path = file[0] == '/' ? xstrdup(file)
			       : in[0] == '/' ? path_join(in, file)
					      : xstrdup("");
	struct path_use use = {.path = path, .how = "builds from", .read_only = true};

	p->text = file;
	auto_free char *folded = path_fold(path);

	/* What lies in the context was judged with it. */
	if (path[0] == '/' && file[0] != '\0' && !(in[0] == '/' && path_below(folded, in)))
		judge_path(j, p, &use);
}

/* "type=local,dest=/path" */
static void cache(struct judging *j, struct policy_place *p, const cJSON *v, const char *key)
{
	const char *text = cJSON_IsString(v) ? v->valuestring : "", *at = strstr(text, key);
	auto_free char *path =
		at ? xstrndup(at + strlen(key), strcspn(at + strlen(key), ",")) : xstrdup("");
	struct path_use use = {
		.path = path, .how = "caches in", .read_only = strcmp(key, "src=") == 0};

	p->text = text;
	if (path[0] == '/')
		judge_path(j, p, &use);
}

static void build(struct judging *j, const cJSON *service, const cJSON *b)
{
	struct policy_place p = {.section = "services", .name = service->string, .key = "build"};
	const char *file = json_str(b, "dockerfile", "");
	const cJSON *v;

	judge_add(j, POLICY_BUILD, &p, NULL, "is built on this host");
	privileges(j, &p, b);
	context(j, &p, json_str(b, "context", ""));
	dockerfile(j, &p, b, file);
	cJSON_ArrayForEach (v, json_obj(b, "additional_contexts"))
		context(j, &p, cJSON_IsString(v) ? v->valuestring : "");
	cJSON_ArrayForEach (v, json_arr(b, "cache_from"))
		cache(j, &p, v, "src=");
	cJSON_ArrayForEach (v, json_arr(b, "cache_to"))
		cache(j, &p, v, "dest=");
}

void judge_build(struct judging *j, const cJSON *service)
{
	const cJSON *b = json_obj(service, "build");
	const char *image = json_str(service, "image", "");
	struct policy_place p = {
		.section = "services", .name = service->string, .key = "image", .text = image};

	if (b)
		build(j, service, b);
	else if (image[0] != '\0')
		judge_image(j, &p, image);
}
