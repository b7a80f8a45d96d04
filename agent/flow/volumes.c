/*
 * volumes - which data a project has, who uses it, and how each could be copied. Containers' mounts
 * tell more than the Compose file: anonymous volumes, and what an older version left mounted.
 * Depends on: snap.h, engine.
 */
#include "agent/flow/snap.h"

#include "agent/engine/model.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static const int64_t SPARE_BYTES = 1024LL * 1024 * 1024;

void project_volumes_done(struct project_volumes *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct project_volume *v = &l->v[i];

		free(v->name);
		free(v->mount);
		free(v->path);
		free(v->why_not);
		strv_done(&v->services);
		strv_done(&v->shared_with);
		strv_done(&v->shared_ids);
		tree_choice_done(&v->tree);
	}
	free(l->v);
	uses_done(&l->uses);
	memset(l, 0, sizeof(*l));
}

char *engine_root_of(const char *path, const char *name)
{
	auto_free char *tail = xasprintf("/volumes/%s/_data", name);
	size_t len = path ? strlen(path) : 0;

	if (len <= strlen(tail) || !str_ends(path, tail))
		return NULL;
	return xstrndup(path, len - strlen(tail));
}

struct tree_where snap_where(const struct sync *s, const char *root, const char *driver)
{
	const struct config *c = s->config;

	return (struct tree_where){
		.state_dir = c->state_dir,
		.engine_root = root,
		.store_dir = c->snapshots.dir,
		.driver = driver,
		.subvolumes = c->snapshots.subvolumes,
		.command = c->snapshots.command,
	};
}

int64_t volume_need_bytes(const struct sync *s, const struct project_volume *v)
{
	const struct tree_choice *t = &v->tree;
	int64_t share = t->total_bytes / 100 * s->config->snapshots.min_free;
	int64_t floor = share > SPARE_BYTES ? share : SPARE_BYTES;

	/* A small file system has no GiB to spare: then a tenth of it. */
	if (floor > t->total_bytes / 10)
		floor = t->total_bytes / 10;
	if (!t->driver || strcmp(driver_name(t->driver), "copy") != 0)
		return floor;
	return t->bytes > 0 ? t->bytes + t->bytes / 10 : 0;
}

/* ---- which ---- */
static struct project_volume *add(struct project_volumes *l, const char *name,
				  enum volume_kind kind)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].name, name) == 0)
			return &l->v[i];
	l->v = xreallocarray(l->v, l->n + 1, sizeof(*l->v));
	struct project_volume *v = &l->v[l->n++];

	*v = (struct project_volume){.name = xstrdup(name), .kind = kind};
	return v;
}

/* Volumes that services of the model mount, with the names that Compose knows them by. */
static void add_of_model(const cJSON *model, struct project_volumes *l)
{
	auto_strv struct strv named = STRV_INIT, binds = STRV_INIT;
	const cJSON *def = NULL;

	if (!model)
		return;
	model_volumes(model, &named, &binds);
	cJSON_ArrayForEach (def, json_obj(model, "volumes")) {
		const char *name = json_str(def, "name", def->string);

		if (!strv_has(&named, name))
			continue;
		struct project_volume *v = add(l, name, VOLUME_NAMED);

		if (!v->mount)
			v->mount = xstrdup(def->string);
		if (!v->why_not && cJSON_GetObjectItemCaseSensitive(def, "external") &&
		    !cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(def, "external")))
			v->why_not = xstrdup("it is external: it belongs to no project");
	}
}

/* Sockets and files of the host are not data of the project; what the settings list is. */
static void add_of_mounts(struct project_volumes *l)
{
	for (size_t i = 0; i < l->uses.n; i++)
		for (size_t k = 0; k < l->uses.v[i].n; k++) {
			const struct mount *m = &l->uses.v[i].v[k];

			if (strcmp(m->type, "volume") == 0 && m->name[0] != '\0')
				(void)add(l, m->name, VOLUME_ANONYMOUS);
		}
}

/* "./data" lies below the project's live directory. */
static void add_of_settings(struct sync *s, const struct volumes_query *q,
			    struct project_volumes *l)
{
	auto_free char *live = store_live_dir(s->store, q->project);

	for (size_t i = 0; i < q->settings->snapshot.paths.n; i++) {
		const char *given = q->settings->snapshot.paths.v[i];
		auto_free char *path =
			given[0] == '/'
				? xstrdup(given)
				: path_join(live, str_starts(given, "./") ? given + 2 : given);
		struct project_volume *v = add(l, path, VOLUME_BIND);

		free(v->mount);
		v->mount = xstrdup(given);
		free(v->path);
		v->path = TAKE(path);
	}
}

/* ---- what the engine knows of one ---- */
static void take_options(struct project_volume *v, const cJSON *info)
{
	const cJSON *o = json_obj(info, "Options");
	const char *type = json_str(o, "type", ""), *device = json_str(o, "device", "");
	const char *flags = json_str(o, "o", "");
	const char *driver = json_str(info, "Driver", "local");

	if (strcmp(driver, "local") != 0)
		v->why_not = xasprintf("its data is kept by the volume driver %s", driver);
	else if (device[0] == '/' && (strcmp(type, "none") == 0 || type[0] == '\0') &&
		 strstr(flags, "bind"))
		v->path = xstrdup(device); /* `_data` is only mounted while a container runs */
	else if (type[0] != '\0' || device[0] != '\0')
		v->why_not = xasprintf("it is a mount of type %s", type[0] ? type : device);
	else
		v->path = xstrdup(json_str(info, "Mountpoint", ""));
}

static int ask_engine(struct sync *s, const char *project, const cJSON *labelled,
		      struct project_volume *v, struct err *e)
{
	const cJSON *info = NULL, *i = NULL;
	auto_json cJSON *one = NULL;
	bool found = false;

	cJSON_ArrayForEach (i, labelled) {
		if (str_eq(json_str(i, "Name", NULL), v->name))
			info = i;
	}
	if (!info && engine_volume(s->engine, v->name, &one, &found, e) < 0)
		return -1;
	if (!info && !found) {
		v->absent = true;
		return 0;
	}
	if (!info)
		info = one;
	const cJSON *labels = json_obj(info, "Labels");
	const char *of = json_str(labels, "com.docker.compose.project", NULL);
	const char *key = json_str(labels, "com.docker.compose.volume", NULL);

	if (v->kind == VOLUME_ANONYMOUS && key && str_eq(of, project)) {
		v->kind = VOLUME_NAMED; /* of an older version */
		v->mount = xstrdup(key);
	} else if (v->kind == VOLUME_ANONYMOUS && of && !str_eq(of, project))
		v->why_not = xasprintf("it belongs to project %s", of);
	if (!v->why_not)
		take_options(v, info);
	return 0;
}

/* ---- who ---- */
static bool nested(const char *a, const char *b)
{
	size_t n = strlen(a);

	return strncmp(a, b, n) == 0 && (b[n] == '/' || b[n] == '\0');
}

static bool mounts(const struct mount *m, const struct project_volume *v)
{
	if (strcmp(m->type, "volume") == 0 && strcmp(m->name, v->name) == 0)
		return true;
	return v->path && m->source[0] == '/' && m->source[1] != '\0' &&
	       (nested(m->source, v->path) || nested(v->path, m->source));
}

const struct mount *volume_mount(const struct user *c, const struct project_volume *v)
{
	const struct mount *found = NULL;

	for (size_t i = 0; i < c->n; i++)
		if (mounts(&c->v[i], v) && (!found || c->v[i].writes))
			found = &c->v[i];
	return found;
}

static void find_users(const struct uses *all, const char *project, struct project_volume *v)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct user *c = &all->v[i];
		const struct mount *m = volume_mount(c, v);

		if (!m)
			continue;
		if (strcmp(c->project, project) == 0) {
			if (m->writes)
				(void)strv_add_once(&v->services, c->service);
			continue;
		}
		strv_pushf(&v->shared_with, "container %s%s%s", c->name,
			   c->project[0] ? " of project " : "", c->project);
		if (user_runs(c))
			strv_push(&v->shared_ids, c->id);
	}
}

bool user_runs(const struct user *c)
{
	return c->state == CONTAINER_RUNNING || c->state == CONTAINER_PAUSED ||
	       c->state == CONTAINER_RESTARTING;
}

/* ---- how ---- */
static void look_at_settings(const struct volumes_query *q, struct project_volume *v)
{
	const struct snapshot_settings *s = &q->settings->snapshot;
	const char *known = v->mount ? v->mount : v->name;

	v->restore = settings_restore_of(q->settings, known);
	if (v->why_not || v->kind == VOLUME_BIND || s->all_volumes == TRI_YES)
		return;
	if (strv_has(&s->volumes, known) || strv_has(&s->volumes, v->name))
		return;
	v->unwanted = true;
	v->why_not = xstrdup("the settings leave it out (snapshot.volumes)");
}

/* Is it there at all? If that cannot be said, it is not taken for one that has no data. */
static int look_at_data(struct project_volume *v, struct err *e)
{
	struct stat st;

	if (v->path && lstat(v->path, &st) == 0)
		return 0;
	if (v->path && errno != ENOENT && errno != ENOTDIR)
		return err_set(e, ERR_RETRY, errno, "cannot look at %s", v->path);
	v->absent = v->kind == VOLUME_BIND;
	if (!v->absent)
		v->why_not = xasprintf("the engine knows it, but %s is not there",
				       v->path ? v->path : "its data");
	return 0;
}

static int choose(struct sync *s, const struct volumes_query *q, const char *root,
		  struct project_volume *v, struct err *e)
{
	if (v->why_not || v->absent)
		return 0;
	if (look_at_data(v, e) < 0)
		return -1;
	if (v->why_not || v->absent)
		return 0;
	struct tree_where w =
		snap_where(s, root, settings_driver_of(q->settings, v->mount ? v->mount : v->name));

	if (tree_choose(v->path, &w, q->count, &v->tree, e) < 0)
		return err_wrap(e, "volume %s", v->mount ? v->mount : v->name);
	if (!v->tree.driver)
		v->why_not = xstrdup(v->tree.why ? v->tree.why : "nothing here can copy it");
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct project_volume *)a)->name,
		      ((const struct project_volume *)b)->name);
}

static int look_at_each(struct sync *s, const struct volumes_query *q, struct project_volumes *l,
			struct err *e)
{
	auto_json cJSON *labelled = NULL;
	auto_uses struct uses all = USES_INIT;
	auto_free char *root = NULL;

	if (engine_project_volumes(s->engine, q->compose, &labelled, e) < 0 ||
	    engine_uses(s->engine, NULL, &all, e) < 0)
		return -1;
	for (size_t i = 0; i < l->n; i++) {
		struct project_volume *v = &l->v[i];

		if (!v->why_not && v->kind != VOLUME_BIND &&
		    ask_engine(s, q->compose, labelled, v, e) < 0)
			return -1;
		if (!root)
			root = engine_root_of(v->path, v->name);
		look_at_settings(q, v);
		find_users(&all, q->compose, v);
	}
	if (!root && engine_root(s->engine, &root, e) < 0) /* only directories of the host */
		return -1;
	for (size_t i = 0; i < l->n; i++)
		if (choose(s, q, root, &l->v[i], e) < 0)
			return -1;
	return 0;
}

int volumes_of(struct sync *s, const struct volumes_query *q, struct project_volumes *out,
	       struct err *e)
{
	auto_project_volumes struct project_volumes l = {.n = 0};

	if (engine_uses(s->engine, q->compose, &l.uses, e) < 0)
		return -1;
	add_of_model(q->model, &l);
	add_of_model(q->old_model, &l);
	add_of_mounts(&l);
	add_of_settings(s, q, &l);
	if (l.n > 0 && look_at_each(s, q, &l, e) < 0)
		return -1;
	if (l.n > 1)
		qsort(l.v, l.n, sizeof(*l.v), by_name);
	*out = TAKE_STRUCT(l);
	return 0;
}
