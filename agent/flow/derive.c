/*
 * derive - images that come from files of this host: loaded once for each path, before anything is
 * touched, and again when a kept generation needs one that the engine lost. Depends on: staging.h.
 */
#include "agent/flow/staging.h"

#include "common/file.h"
#include "common/lock.h"
#include "common/mem.h"

#include <string.h>

enum { LOCK_MS = 35 * 60 * 1000 };

/* One at a time: the name in the archive is looked up after loading, and two may carry one name. */
static int load(struct staging *g, const struct image_source *i, struct err *e)
{
	auto_free char *path = store_path(g->sync->store, "images.lock");
	const struct image_file f = {.path = i->path, .ref = i->ref, .stream = i->stream};
	auto_free char *id = NULL;
	int lock = -1;

	if (!file_exists(i->path))
		return err_set(
			e, ERR_REJECTED, 0,
			"service %s: image %s does not exist: build it first (nix build), then "
			"`mdc-agent retry %s`",
			i->service, i->path, g->trial->name);
	if (lock_take(path, "load an image", LOCK_MS, &lock, e) < 0)
		return -1;
	int rc = engine_image_loaded(g->sync->engine, i->path, &id, e);

	if (rc == 0 && !id) {
		job_show(g->job, "load", i->ref);
		rc = engine_image_load(g->sync->engine, &f, &id, e);
	}
	lock_drop(lock);
	return rc < 0 ? err_wrap(e, "service %s", i->service) : 0;
}

static int load_one(struct staging *g, const struct image_source *i, struct err *e)
{
	auto_free char *id = NULL;

	if (engine_image_loaded(g->sync->engine, i->path, &id, e) < 0)
		return -1;
	if (id)
		return 0;
	if (!g->sync->dry)
		return load(g, i, e);
	strv_pushf(&g->trial->notes, "the image of service %s will be loaded from %s", i->service,
		   i->path);
	return 0;
}

int staging_load(struct staging *g, const struct settings *s, struct err *e)
{
	struct image_source i;

	for (size_t k = 0; settings_image(s, k, &i); k++)
		if (load_one(g, &i, e) < 0)
			return -1;
	return 0;
}

bool staging_loads(const struct staging *g, const char *service)
{
	struct image_source i;

	for (size_t k = 0; settings_image(&g->want->settings, k, &i); k++)
		if (strcmp(i.service, service) == 0)
			return true;
	return false;
}

int staging_loaded(struct staging *g, const char *service, char **id, struct err *e)
{
	struct image_source i;

	*id = NULL;
	for (size_t k = 0; settings_image(&g->want->settings, k, &i); k++)
		if (strcmp(i.service, service) == 0)
			return engine_image_loaded(g->sync->engine, i.path, id, e);
	return 0;
}
