/*
 * roots - paths of /nix/store that a kept model names are roots for Nix's garbage collection as
 * long as the model is kept: links below <gc_roots_dir>/<state>/<project>.<model>/. They are made
 * before the paths are looked for, and before anything that runs is touched. Depends on: staging.h.
 */
#include "agent/flow/staging.h"

#include "agent/engine/model.h"
#include "common/digest.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum { STATE_DIGITS = 8, ENTRIES_MAX = 100000 };

/* Two agents of one host share the directory: each has its own part of it. */
static char *roots_dir(const struct sync *s)
{
	char digest[DIGEST_HEX_SIZE];

	digest_text(s->config->state_dir, digest);
	return xasprintf("%s/state-%.*s", s->config->gc_roots_dir, STATE_DIGITS, digest);
}

static int root_path(const char *dir, const char *path, struct err *e)
{
	auto_free char *link = path_join(dir, path_base(path));

	if (symlink(path, link) == 0 || errno == EEXIST)
		return 0;
	return err_set(e, ERR_RETRY, errno, "cannot make the garbage collector's root %s", link);
}

static int root_all(struct staging *g, const struct strv *paths, struct err *e)
{
	auto_free char *all = roots_dir(g->sync);
	auto_free char *dir = xasprintf("%s/%s.%s", all, g->want->name, g->trial->new.model);

	if (dir_make(dir, 0755, e) < 0)
		return err_wrap(e, "nix.gc_roots_dir");
	for (size_t i = 0; i < paths->n; i++)
		if (root_path(dir, paths->v[i], e) < 0)
			return -1;
	return path_sync(dir, e);
}

static int check_path(const struct staging *g, const char *path, struct err *e)
{
	struct stat st;

	if (lstat(path, &st) == 0)
		return 0;
	return err_set(
		e, ERR_REJECTED, errno,
		"%s is not on this host: build it here or copy it (nix copy), then `mdc-agent "
		"retry %s`",
		path, g->want->name);
}

/* A mounted file is wanted whole, not only the store path it lies in. */
static int check_mounts(const struct staging *g, struct err *e)
{
	auto_strv struct strv named = STRV_INIT, binds = STRV_INIT;

	model_volumes(g->model, &named, &binds);
	for (size_t i = 0; i < binds.n; i++)
		if (str_starts(binds.v[i], "/nix/store/") && check_path(g, binds.v[i], e) < 0)
			return -1;
	return 0;
}

/* Docker would only find out while it makes the container. */
static int check_host(const struct staging *g, struct err *e)
{
	const struct store_mount *m = &g->want->settings.host.store;

	if (m->read_only != TRI_UNSET && !file_exists("/nix/store"))
		return err_set(e, ERR_RETRY, 0,
			       "host_nix_store: there is no /nix/store on this host");
	if (m->nix_daemon == TRI_YES && !file_exists("/nix/var/nix/daemon-socket"))
		return err_set(e, ERR_RETRY, 0,
			       "host_nix_store.nix_daemon: there is no /nix/var/nix/daemon-socket: "
			       "start nix-daemon.socket, or leave nix_daemon out");
	return 0;
}

int staging_roots(struct staging *g, struct err *e)
{
	auto_free char *text = json_text(g->model);
	auto_strv struct strv all = STRV_INIT, needed = STRV_INIT;
	struct image_source image;

	if (check_host(g, e) < 0)
		return -1;
	model_store_paths_in(text, &all);
	for (size_t i = 0; settings_image(&g->want->settings, i, &image); i++)
		model_store_paths_in(image.path, &all);
	if (all.n == 0)
		return 0;
	if (!g->sync->dry && file_exists("/nix/store") && root_all(g, &all, e) < 0)
		return -1;
	model_store_paths(g->model, g->want->declared, &needed);
	for (size_t i = 0; i < needed.n; i++)
		if (check_path(g, needed.v[i], e) < 0)
			return -1;
	return check_mounts(g, e);
}

/* models: project -> {digest: true}, those that are kept. */
int roots_drop(struct sync *s, const cJSON *models, struct err *e)
{
	auto_free char *all = roots_dir(s);
	auto_strv struct strv names = STRV_INIT;

	if (!file_exists(all))
		return 0;
	if (dir_list(all, ENTRIES_MAX, &names, e) < 0)
		return err_wrap(e, "nix.gc_roots_dir");
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *project = xstrndup(names.v[i], strcspn(names.v[i], "."));
		const cJSON *of = cJSON_GetObjectItemCaseSensitive(models, project);
		const char *digest = names.v[i] + strlen(project);
		auto_free char *dir = path_join(all, names.v[i]);

		if (*digest == '.' && cJSON_GetObjectItemCaseSensitive(of, digest + 1))
			continue;
		if (tree_remove(dir, e) < 0)
			return err_wrap(e, "nix.gc_roots_dir");
	}
	return 0;
}
