/*
 * prune - removing snapshots: what retention does not keep, what is in the way when a copy needs
 * room, and what a crash left in our stores. The record goes first: without it a copy is rubbish,
 * and a record without its copies would promise what is not there. Depends on: prune.h.
 */
#include "agent/flow/prune.h"

#include "common/duration.h"
#include "common/file.h"
#include "common/lock.h"
#include "common/mem.h"
#include "common/path.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { PRUNE_WAIT_MS = 10 * 60 * 1000 };

int snap_discard(struct sync *s, const struct snapshot *x, struct err *e)
{
	if (snapshot_forget(s->store, x->id, e) < 0)
		return -1;
	for (size_t i = 0; i < x->n; i++) {
		const struct snapshot_volume *v = &x->v[i];
		const struct snapshot_driver *d = v->driver ? driver_find(v->driver) : NULL;

		if (v->absent || v->moved || !v->place || !d)
			continue;
		if (snapshot_drop(d, v->place, e) < 0)
			return err_wrap(e, "snapshot %s", x->id);
		auto_free char *above = path_dir(v->place);

		if (strcmp(path_base(above), x->id) == 0)
			(void)rmdir(above); /* the last one takes the directory with it */
	}
	return 0;
}

static int64_t bytes_of(const struct snapshot *x)
{
	int64_t sum = 0;

	for (size_t i = 0; i < x->n; i++)
		if (!x->v[i].moved && x->v[i].bytes > 0)
			sum += x->v[i].bytes;
	return sum;
}

int snap_lock(const struct store *s, int wait_ms, int *fd, struct err *e)
{
	auto_free char *path = store_path(s, "snapshots.lock");

	return lock_take(path, "snapshots", wait_ms, fd, e);
}

static void tell(struct sync *s, const struct strv *projects, const struct prune_count *count,
		 const char *why)
{
	auto_free char *names = strv_join(projects, ", ");
	char size[32];
	auto_str struct str text = STR_INIT;

	if (count->snapshots == 0 && count->generations == 0)
		return;
	str_addf(&text, "%zu snapshot%s of %s removed (%s), %s", count->snapshots,
		 count->snapshots == 1 ? "" : "s", projects->n > 0 ? names : "no project",
		 size_text((uint64_t)count->bytes, size, sizeof(size)), why);
	if (count->generations > 0)
		str_addf(&text, "; %zu of the oldest generations went with them",
			 count->generations);
	report_event(s, EVENT_SNAPSHOT_PRUNED,
		     &(struct event_fields){
			     .project = projects->n == 1 ? projects->v[0] : NULL,
			     .reason = str_text(&text),
			     .bytes = count->bytes,
		     },
		     str_text(&text));
}

static int retire_generations(struct sync *s, const struct keeping *k, struct prune_count *count,
			      struct err *e)
{
	auto_json cJSON *gone = cJSON_CreateArray();

	for (size_t i = 0; i < k->n_g; i++)
		if (k->retire[i])
			cJSON_AddItemToArray(gone, cJSON_CreateNumber((double)k->g[i].number));
	count->generations = (size_t)cJSON_GetArraySize(gone);
	return count->generations > 0 ? cleanup_generations(s, gone, e) : 0;
}

static int prune(struct sync *s, bool retire, struct prune_count *count, struct err *e)
{
	auto_keeping struct keeping k = {.n = 0};
	auto_strv struct strv projects = STRV_INIT;
	int rc = keeping_load(s->store, s->config, retire, &k, e);

	/* First the generations: a kept one never misses what it needs. */
	if (rc == 0)
		rc = retire_generations(s, &k, count, e);
	for (size_t i = 0; rc == 0 && i < k.n; i++) {
		if (!retention_drops(&k.verdicts[i]))
			continue;
		rc = snap_discard(s, &k.v[i], e);
		count->snapshots += rc == 0;
		count->bytes += rc == 0 ? bytes_of(&k.v[i]) : 0;
		(void)strv_add_once(&projects, k.v[i].project);
	}
	tell(s, &projects, count, "as retention says");
	return rc;
}

int snap_prune(struct sync *s, bool retire, struct prune_count *count, struct err *e)
{
	auto_free char *dir = store_path(s->store, "snapshots");
	int fd = -1, rc;

	memset(count, 0, sizeof(*count));
	if (!file_exists(dir))
		return 0;
	if (snap_lock(s->store, 0, &fd, e) < 0)
		return -1;
	rc = prune(s, retire, count, e);
	lock_drop(fd);
	return rc;
}

/* ---- room for a copy ---- */

/* The directory itself, or the nearest one above it that is there. */
static char *nearest(const char *dir)
{
	char *at = xstrdup(dir);

	while (!file_exists(at) && strcmp(at, "/") != 0 && strcmp(at, ".") != 0) {
		char *above = path_dir(at);

		free(at);
		at = above;
	}
	return at;
}

static bool enough(const char *dir, int64_t need)
{
	unsigned long long left = 0;
	struct err ignored = ERR_INIT;

	/* Some file systems give room back only after a while. */
	snapshot_settle(dir);
	return disk_space(dir, &left, NULL, &ignored) == 0 && (int64_t)left >= need;
}

static bool is_on(const struct keeping *k, size_t snapshot, unsigned long long device)
{
	for (size_t i = 0; i < k->n_uses; i++)
		if (k->uses[i].snapshot == snapshot && k->devices[k->uses[i].disk] == device)
			return true;
	return false;
}

/* What retention drops anyway, then what nobody needs, then what was set aside; oldest first. */
static bool in_turn(const struct retention_verdict *v, int turn)
{
	if (turn == 0)
		return retention_drops(v);
	return v->why == (turn == 1 ? KEEP_NEWEST : KEEP_FAILED);
}

static int make_room(struct sync *s, const char *dir, int64_t need, struct err *e)
{
	auto_keeping struct keeping k = {.n = 0};
	auto_strv struct strv projects = STRV_INIT;
	struct prune_count count = {.snapshots = 0};
	struct stat st;
	int rc = keeping_load(s->store, s->config, false, &k, e);

	if (rc == 0 && stat(dir, &st) < 0)
		return 0;
	for (int turn = 0; rc == 0 && turn < 3; turn++)
		for (size_t i = 0; rc == 0 && i < k.n && !enough(dir, need); i++) {
			if (!in_turn(&k.verdicts[i], turn) || !is_on(&k, i, st.st_dev))
				continue;
			rc = snap_discard(s, &k.v[i], e);
			count.snapshots += rc == 0;
			count.bytes += rc == 0 ? bytes_of(&k.v[i]) : 0;
			(void)strv_add_once(&projects, k.v[i].project);
		}
	tell(s, &projects, &count, "because a new one needs the room");
	return rc;
}

int snap_make_room(struct sync *s, const char *store, int64_t need_bytes, struct err *e)
{
	auto_free char *dir = nearest(store);
	int fd = -1, rc;

	if (enough(dir, need_bytes))
		return 0;
	if (snap_lock(s->store, PRUNE_WAIT_MS, &fd, e) < 0)
		return -1;
	rc = make_room(s, dir, need_bytes, e);
	lock_drop(fd);
	return rc;
}

/* ---- what has no record ---- */
static int any_open(struct sync *s, bool *open, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;
	auto_json cJSON *sync = NULL;

	if (sync_intent_read(s->store, &sync, e) < 0 || active_names(s->store, &names, e) < 0)
		return -1;
	*open = sync != NULL;
	for (size_t i = 0; !*open && i < names.n; i++) {
		auto_json cJSON *intent = NULL;

		if (intent_read(s->store, names.v[i], &intent, e) < 0)
			return -1;
		*open = intent != NULL;
	}
	return 0;
}

/* The stores that are ours: those with copies, and those where a crash may have left its first. */
static int find_stores(struct sync *s, const struct strv *places, struct strv *stores,
		       struct err *e)
{
	auto_free char *own = store_path(s->store, "snapshots"), *root = NULL;

	(void)strv_add_once(stores, own);
	if (s->config->snapshots.dir)
		(void)strv_add_once(stores, s->config->snapshots.dir);
	for (size_t i = 0; i < places->n; i++) {
		auto_free char *above = path_dir(places->v[i]), *store = path_dir(above);

		(void)strv_add_once(stores, store);
	}
	if (sync_engine(s, e) < 0 || engine_root(s->engine, &root, e) < 0)
		return -1;
	auto_free char *volumes = path_join(root, "volumes");
	auto_tree_choice struct tree_choice c = {.driver = NULL};
	struct tree_where w = snap_where(s, root, NULL);

	if (root[0] != '/' || !file_exists(volumes))
		return 0;
	if (tree_choose(volumes, &w, false, &c, e) < 0)
		return -1;
	if (c.store)
		(void)strv_add_once(stores, c.store);
	return 0;
}

int snap_sweep(struct sync *s, size_t *dropped, struct err *e)
{
	auto_strv struct strv stores = STRV_INIT, places = STRV_INIT;
	struct snapshot *v = NULL;
	size_t n = 0, gone = 0;
	bool open = false;
	int rc = 0;

	if (any_open(s, &open, e) < 0 || open)
		return open ? 0 : -1;
	/* A damaged record may name any of the copies. */
	if (snapshot_list(s->store, NULL, &v, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < v[i].n; j++) {
			const char *place = v[i].v[j].place;

			if (place && place[0] == '/' && !v[i].v[j].moved)
				(void)strv_add_once(&places, place);
		}
	snapshots_done(v, n);
	rc = find_stores(s, &places, &stores, e);
	for (size_t i = 0; rc == 0 && i < stores.n; i++) {
		if (!file_exists(stores.v[i]))
			continue;
		rc = snapshot_sweep(stores.v[i], &places, &gone, e);
		*dropped += gone;
	}
	return rc;
}
