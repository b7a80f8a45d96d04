/*
 * model - services and images of a resolved model, and the moves that make it fit to be applied.
 * Only names that are Compose's own stand here; whatever else a model holds is passed on as it is.
 * Depends on: common, model.
 */
#include "agent/engine/model.h"

#include "agent/engine/model_words.h"
#include "common/digest.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/str.h"

#include <string.h>

static void relocate_text(cJSON *v, const char *from, size_t len, const char *to)
{
	const char *s = v->valuestring;

	if (!s || strncmp(s, from, len) != 0 || (s[len] != '/' && s[len] != '\0'))
		return;
	auto_free char *moved = xasprintf("%s%s", to, s + len);

	/* In place: cJSON_SetValuestring would not take a longer text in all its versions. */
	char *copy = cJSON_malloc(strlen(moved) + 1);

	if (!copy)
		abort();
	(void)memcpy(copy, moved, strlen(moved) + 1);
	cJSON_free(v->valuestring);
	v->valuestring = copy;
}

/* json_parse() limits the depth. */
static void relocate(cJSON *v, const char *from, size_t len, const char *to)
{
	cJSON *child = NULL;

	if (cJSON_IsString(v))
		relocate_text(v, from, len, to);
	cJSON_ArrayForEach (child, v)
		relocate(child, from, len, to);
}

void model_relocate(cJSON *model, const char *from, const char *to)
{
	relocate(model, from, strlen(from), to);
}

void model_services(const cJSON *model, const char *project, struct model_services *out)
{
	const cJSON *service = NULL;
	const cJSON *services = json_obj(model, "services");
	size_t n = 0;

	*out = (struct model_services){
		.v = xcalloc((size_t)cJSON_GetArraySize(services) + 1, sizeof(*out->v))};
	cJSON_ArrayForEach (service, services) {
		const char *image = json_str(service, "image", NULL);
		bool builds = cJSON_GetObjectItemCaseSensitive(service, "build") != NULL;

		if (!image && !builds) /* run by a provider, not by the engine */
			continue;
		out->v[n++] = (struct model_service){
			.name = xstrdup(service->string),
			.image = image ? xstrdup(image)
				       : xasprintf("%s-%s", project, service->string),
			.builds = builds,
			.pull_policy = xstrdup_null(json_str(service, "pull_policy", NULL)),
		};
	}
	out->n = n;
}

void model_services_done(struct model_services *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].name);
		free(s->v[i].image);
		free(s->v[i].pull_policy);
	}
	free(s->v);
	*s = (struct model_services){.n = 0};
}

void model_pin(cJSON *model, const struct pinned_image *pin)
{
	cJSON *services = cJSON_GetObjectItemCaseSensitive(model, "services");
	cJSON *service = cJSON_GetObjectItemCaseSensitive(services, pin->service);

	if (!cJSON_IsObject(service))
		return;
	json_set_str(service, "image", pin->pin);
	json_set_str(service, MODEL_KEY_IMAGE, pin->ref);
	cJSON_DeleteItemFromObjectCaseSensitive(service, "build");
	cJSON_DeleteItemFromObjectCaseSensitive(service, "pull_policy");
}

void model_digest(const cJSON *model, char out[DIGEST_HEX_SIZE])
{
	auto_free char *text = json_canonical(model);

	digest_text(text, out);
}
