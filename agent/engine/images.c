/*
 * images - what an image reference means here, and tags of ours that keep images of kept
 * generations from being pruned as dangling. Depends on: common, api.
 */
#include "agent/engine/api.h"
#include "common/json.h"
#include "common/mem.h"

#include <stdio.h>
#include <string.h>

#define KEEP_REPO "mdc-keep"

enum { KEEP_DIGITS = 32, REF_MAX = 1024 };

void image_info_done(struct image_info *i)
{
	free(i->id);
	i->id = NULL;
	strv_done(&i->digests);
	strv_done(&i->tags);
}

int engine_image(struct engine *g, const char *ref, struct image_info *out, bool *found,
		 struct err *e)
{
	/* What cannot be a reference would be another path of the API. */
	if (ref[0] == '\0' || ref[0] == '/' || strstr(ref, "..") || strlen(ref) > REF_MAX)
		return err_set(e, ERR_REJECTED, 0, "\"%.200s\" is not an image name", ref);
	auto_json cJSON *j = NULL;

	if (api_object(g, "images", ref, "/json", &j, e) < 0)
		return -1;
	*found = j != NULL;
	if (!j)
		return 0;
	const char *id = json_str(j, "Id", NULL);

	if (!id)
		return err_set(e, ERR_RETRY, 0, "the engine's answer about image %.200s has no id",
			       ref);
	*out = (struct image_info){.id = str_starts(id, "sha256:") ? xstrdup(id)
								   : xasprintf("sha256:%s", id)};
	json_get_strv(j, "RepoDigests", &out->digests);
	json_get_strv(j, "RepoTags", &out->tags);
	return 0;
}

/* The 32 digits of "sha256:<64 digits>" that name our tag; -1 if it is no such id. */
static int keep_tag(const char *id, char tag[KEEP_DIGITS + 1], struct err *e)
{
	const char *hex = str_starts(id, "sha256:") ? id + strlen("sha256:") : "";

	if (strspn(hex, "0123456789abcdef") < KEEP_DIGITS)
		return err_set(e, ERR_BROKEN, 0, "\"%.100s\" is not an image id", id);
	(void)snprintf(tag, KEEP_DIGITS + 1, "%.*s", KEEP_DIGITS, hex);
	return 0;
}

int engine_image_tag(struct engine *g, const char *id, const char *repo, const char *tag,
		     struct err *e)
{
	auto_free char *escaped = api_path_escape(id);
	auto_free char *repo_escaped = http_escape(repo);
	auto_free char *tag_escaped = http_escape(tag);
	auto_free char *path =
		xasprintf("/images/%s/tag?repo=%s&tag=%s", escaped, repo_escaped, tag_escaped);
	auto_free char *what = xasprintf("tag image %.80s as %.100s:%.100s", id, repo, tag);
	auto_api_answer struct api_answer a;

	if (api_call(g, "POST", path, API_TIMEOUT_MS, &a, e) < 0)
		return -1;
	if (a.status >= 300)
		return api_unexpected(&a, what, e);
	return 0;
}

int engine_image_keep(struct engine *g, const char *id, struct err *e)
{
	char tag[KEEP_DIGITS + 1];

	if (keep_tag(id, tag, e) < 0)
		return -1;
	return engine_image_tag(g, id, KEEP_REPO, tag, e);
}

/*
 * If nothing else names the image and no container uses it, the engine removes it with its last
 * tag: that is how images of forgotten generations go. 409 says that a container still uses it:
 * then the tag stays and the next clean-up comes to it again.
 */
int engine_image_unkeep(struct engine *g, const char *id, struct err *e)
{
	char tag[KEEP_DIGITS + 1];

	if (keep_tag(id, tag, e) < 0)
		return -1;
	auto_free char *path = xasprintf("/images/" KEEP_REPO ":%s", tag);
	auto_api_answer struct api_answer a;

	if (api_call(g, "DELETE", path, API_TIMEOUT_MS, &a, e) < 0)
		return -1;
	if (a.status >= 300 && a.status != 404 && a.status != 409)
		return api_unexpected(&a, "remove the tag that kept an image", e);
	return 0;
}

/* Is one of these tags ours, and for this image? Podman puts its idea of a registry in front. */
static bool is_kept(const cJSON *image, const char *id)
{
	const cJSON *item = NULL;
	struct err ignored = ERR_INIT;
	char tag[KEEP_DIGITS + 1];

	if (keep_tag(id, tag, &ignored) < 0)
		return false;
	auto_free char *name = xasprintf(KEEP_REPO ":%s", tag);
	auto_free char *podman = xasprintf("docker.io/library/%s", name);
	auto_free char *local = xasprintf("localhost/%s", name);

	cJSON_ArrayForEach (item, json_arr(image, "RepoTags")) {
		const char *s = cJSON_GetStringValue(item);

		if (s && (str_eq(s, name) || str_eq(s, podman) || str_eq(s, local)))
			return true;
	}
	return false;
}

int engine_images_kept(struct engine *g, struct strv *ids, struct err *e)
{
	/* No filter by the engine: Docker's and Podman's patterns differ. */
	auto_json cJSON *list = NULL;
	const cJSON *image = NULL;

	if (api_get(g, "/images/json", "list images", &list, e) < 0)
		return -1;
	cJSON_ArrayForEach (image, list) {
		const char *id = json_str(image, "Id", "");
		auto_free char *full =
			str_starts(id, "sha256:") ? xstrdup(id) : xasprintf("sha256:%s", id);

		if (is_kept(image, full))
			(void)strv_add_once(ids, full);
	}
	return 0;
}
