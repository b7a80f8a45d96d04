/*
 * active - what holds for one project: clean-up and JSON.
 * Depends on: common, generation.
 */
#include "agent/model/generation.h"

#include "common/mem.h"
#include "common/str.h"

#include <stdio.h>

void active_init(struct active *a)
{
	*a = (struct active){.n_files = 0};
	project_init(&a->want);
	a->hashes = cJSON_CreateObject();
}

void active_done(struct active *a)
{
	project_done(&a->want);
	commit_info_done(&a->commit);
	for (size_t i = 0; i < a->n_files; i++)
		free(a->files[i].path);
	free(a->files);
	for (size_t i = 0; i < a->n_images; i++) {
		free(a->images[i].service);
		free(a->images[i].ref);
		free(a->images[i].pin);
		free(a->images[i].id);
	}
	free(a->images);
	cJSON_Delete(a->hashes);
	*a = (struct active){.n_files = 0};
}

static void copy_files(struct active *to, const struct active *from)
{
	to->files = xcalloc(from->n_files + 1, sizeof(*to->files));
	to->n_files = from->n_files;
	for (size_t i = 0; i < from->n_files; i++) {
		to->files[i] = from->files[i];
		to->files[i].path = xstrdup(from->files[i].path);
	}
}

static void copy_images(struct active *to, const struct active *from)
{
	to->images = xcalloc(from->n_images + 1, sizeof(*to->images));
	to->n_images = from->n_images;
	for (size_t i = 0; i < from->n_images; i++)
		to->images[i] = (struct pinned_image){
			.service = xstrdup_null(from->images[i].service),
			.ref = xstrdup_null(from->images[i].ref),
			.pin = xstrdup_null(from->images[i].pin),
			.id = xstrdup_null(from->images[i].id),
		};
}

void active_copy(struct active *to, const struct active *from)
{
	active_done(to);
	*to = *from;
	project_copy(&to->want, &from->want);
	commit_info_copy(&to->commit, &from->commit);
	copy_files(to, from);
	copy_images(to, from);
	to->hashes = from->hashes ? cJSON_Duplicate(from->hashes, true) : cJSON_CreateObject();
}

static cJSON *files_to_json(const struct active *a)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < a->n_files; i++) {
		cJSON *item = cJSON_CreateObject();
		json_set_str(item, "path", a->files[i].path);
		json_set_str(item, "id", a->files[i].id);
		if (a->files[i].executable)
			json_set_bool(item, "executable", true);
		cJSON_AddItemToArray(list, item);
	}
	return list;
}

static cJSON *images_to_json(const struct active *a)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < a->n_images; i++) {
		cJSON *item = cJSON_CreateObject();
		json_set_str(item, "service", a->images[i].service);
		json_set_str(item, "ref", a->images[i].ref);
		json_set_str(item, "id", a->images[i].id);
		if (!str_eq(a->images[i].pin, a->images[i].id)) /* pinned by its id */
			json_set_str(item, "pin", a->images[i].pin);
		cJSON_AddItemToArray(list, item);
	}
	return list;
}

cJSON *active_to_json(const struct active *a)
{
	cJSON *o = active_to_short_json(a);

	json_set_str(o, "commit", NULL);
	cJSON_AddItemToObject(o, "commit", commit_info_to_json(&a->commit));
	return o;
}

cJSON *active_to_short_json(const struct active *a)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddItemToObject(o, "project", project_to_json(&a->want));
	json_set_str(o, "commit", a->commit.id);
	json_set_str(o, "model", a->model);
	cJSON_AddItemToObject(o, "files", files_to_json(a));
	cJSON_AddItemToObject(o, "images", images_to_json(a));
	cJSON_AddItemToObject(o, "hashes",
			      a->hashes ? cJSON_Duplicate(a->hashes, true) : cJSON_CreateObject());
	json_set_int(o, "since", a->since);
	json_set_int(o, "generation", a->generation);
	return o;
}

static void files_from_json(const cJSON *list, struct active *a)
{
	const cJSON *item;
	size_t n = list ? (size_t)cJSON_GetArraySize(list) : 0;

	if (n == 0)
		return;
	a->files = xcalloc(n, sizeof(*a->files));
	cJSON_ArrayForEach (item, list) {
		struct live_file *f = &a->files[a->n_files++];
		f->path = xstrdup(json_str(item, "path", ""));
		(void)snprintf(f->id, sizeof(f->id), "%s", json_str(item, "id", ""));
		f->executable = json_bool(item, "executable", false);
	}
}

static void images_from_json(const cJSON *list, struct active *a)
{
	const cJSON *item;
	size_t n = list ? (size_t)cJSON_GetArraySize(list) : 0;

	if (n == 0)
		return;
	a->images = xcalloc(n, sizeof(*a->images));
	cJSON_ArrayForEach (item, list) {
		struct pinned_image *image = &a->images[a->n_images++];
		image->service = xstrdup(json_str(item, "service", ""));
		image->ref = xstrdup(json_str(item, "ref", ""));
		image->id = xstrdup(json_str(item, "id", ""));
		image->pin = xstrdup(json_str(item, "pin", image->id));
	}
}

void active_from_json(const cJSON *j, struct active *a)
{
	const cJSON *hashes = json_obj(j, "hashes");

	*a = (struct active){.since = json_int(j, "since", 0),
			     .generation = json_int(j, "generation", 0)};
	project_from_json(json_obj(j, "project"), &a->want);
	commit_info_from_json(json_obj(j, "commit"), &a->commit);
	(void)snprintf(a->model, sizeof(a->model), "%s", json_str(j, "model", ""));
	files_from_json(json_arr(j, "files"), a);
	images_from_json(json_arr(j, "images"), a);
	a->hashes = hashes ? cJSON_Duplicate(hashes, true) : cJSON_CreateObject();
}
