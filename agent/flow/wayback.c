/*
 * wayback - before anything is touched: could we go back? Old files must be in the object store,
 * old images on this host, old secrets readable with the keys of now. Depends on: staging.h.
 */
#include "agent/flow/secrets.h"
#include "agent/flow/staging.h"

#include "common/mem.h"

static int old_files(struct repo *r, void *arg, cJSON **out, struct err *e)
{
	const struct active *a = arg;
	const struct live_file *missing = NULL;

	if (repo_has(r, a->files, a->n_files, &missing, e) < 0)
		return -1;
	if (missing)
		*out = cJSON_CreateString(missing->path);
	return 0;
}

int staging_way_back(struct staging *g, struct err *e)
{
	struct trial *t = g->trial;
	auto_free char *image = NULL;
	auto_json cJSON *file = NULL;

	if (!t->has_old)
		return 0;
	if (t->old.n_files > 0 &&
	    with_repo(g->sync, "check the way back", old_files, &t->old, &file, e) < 0)
		return -1;
	if (file)
		return err_set(
			e, ERR_RETRY, 0,
			"the way back is not there: %s of the version that runs is not in the object store any more",
			cJSON_GetStringValue(file));
	/* A key that was rotated would be missed at the worst time. */
	if (secrets_check(g->sync, &t->old, e) < 0)
		return err_wrap(e, "the way back is not there; nothing was touched");
	if (images_present(g->sync->engine, &t->old, &image, e) < 0)
		return -1;
	/* Its containers hold their image; if it is gone, so are they, and there is nothing to go
	 * back to. */
	if (image)
		strv_pushf(&t->notes,
			   "image %s of the version before is gone: going back would not work",
			   image);
	return 0;
}
