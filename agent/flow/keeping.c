/*
 * keeping - what retention chooses from: the records, the kept generations, the open trials, and
 * which file system each copy is on; and which record a generation would go back to. Changes
 * nothing. Depends on: prune.h, store.
 */
#include "agent/flow/prune.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"

#include <string.h>
#include <sys/stat.h>

void keeping_done(struct keeping *k)
{
	snapshots_done(k->v, k->n);
	free(k->verdicts);
	for (size_t i = 0; i < k->n_g; i++)
		generation_done(&k->g[i]);
	free(k->g);
	free(k->retire);
	strv_done(&k->open);
	free(k->uses);
	free(k->disks);
	free(k->devices);
	memset(k, 0, sizeof(*k));
}

static int read_generations(const struct store *s, struct keeping *k, struct err *e)
{
	auto_free int64_t *numbers = NULL;
	size_t n = 0;

	if (current_read(s, &k->current, e) < 0 || generation_numbers(s, &numbers, &n, e) < 0)
		return -1;
	k->g = xcalloc(n + 1, sizeof(*k->g));
	k->retire = xcalloc(n + 1, sizeof(*k->retire));
	for (size_t i = 0; i < n; i++) {
		/* One that cannot be read may need anything. */
		if (generation_read(s, numbers[i], &k->g[k->n_g], e) < 0)
			return -1;
		k->n_g++;
	}
	return 0;
}

/* An open trial's intent names its snapshots by id, somewhere. */
static int find_open(const struct store *s, struct keeping *k, struct err *e)
{
	for (size_t i = 0; i < k->n; i++) {
		auto_json cJSON *intent = NULL;

		if (intent_read(s, k->v[i].project, &intent, e) < 0)
			return -1;
		if (!intent)
			continue;
		auto_free char *text = json_text(intent);
		auto_free char *quoted = xasprintf("\"%s\"", k->v[i].id);

		if (strstr(text, quoted))
			strv_push(&k->open, k->v[i].id);
	}
	return 0;
}

/* The store that a copy lies in: <store>/<snapshot>/<copy>. */
static char *store_of(const char *place)
{
	auto_free char *above = path_dir(place);

	return path_dir(above);
}

/* Index of the file system this directory is on; n_disks: it cannot be asked. */
static size_t disk_of(struct keeping *k, const char *dir)
{
	unsigned long long total = 0;
	struct err ignored = ERR_INIT;
	struct stat st;

	if (stat(dir, &st) < 0 || disk_space(dir, NULL, &total, &ignored) < 0)
		return k->n_disks;
	for (size_t i = 0; i < k->n_disks; i++)
		if (k->devices[i] == st.st_dev)
			return i;
	k->disks = xreallocarray(k->disks, k->n_disks + 1, sizeof(*k->disks));
	k->devices = xreallocarray(k->devices, k->n_disks + 1, sizeof(*k->devices));
	k->disks[k->n_disks] = (struct retention_disk){.total_bytes = (int64_t)total};
	k->devices[k->n_disks] = st.st_dev;
	return k->n_disks++;
}

static void find_disks(struct keeping *k)
{
	for (size_t i = 0; i < k->n; i++)
		for (size_t j = 0; j < k->v[i].n; j++) {
			const struct snapshot_volume *v = &k->v[i].v[j];

			if (v->absent || v->moved || !v->place || v->place[0] != '/')
				continue;
			auto_free char *store = store_of(v->place);
			size_t before = k->n_disks, disk = disk_of(k, store);

			if (disk == before && k->n_disks == before)
				continue;
			k->uses = xreallocarray(k->uses, k->n_uses + 1, sizeof(*k->uses));
			k->uses[k->n_uses++] = (struct retention_use){
				.snapshot = i, .disk = disk, .bytes = v->bytes};
		}
}

static int load(const struct store *s, const struct config *c, bool may_retire, struct keeping *k,
		struct err *e)
{
	if (snapshot_list(s, NULL, &k->v, &k->n, e) < 0)
		return -1;
	k->verdicts = xcalloc(k->n + 1, sizeof(*k->verdicts));
	if (k->n == 0)
		return 0;
	if (read_generations(s, k, e) < 0 || find_open(s, k, e) < 0)
		return -1;
	find_disks(k);
	struct retention_question q = {
		.v = k->v,
		.n = k->n,
		.g = k->g,
		.n_g = k->n_g,
		.current = k->current,
		.open = &k->open,
		.limits = &c->retention,
		.now = clock_wall(),
		.uses = k->uses,
		.n_uses = k->n_uses,
		.disks = k->disks,
		.n_disks = k->n_disks,
	};

	retention_choose(&q, k->verdicts, may_retire ? k->retire : NULL);
	return 0;
}

int keeping_load(const struct store *s, const struct config *c, bool may_retire,
		 struct keeping *out, struct err *e)
{
	auto_keeping struct keeping k = {.n = 0};

	if (load(s, c, may_retire, &k, e) < 0)
		return err_wrap(e, "retention of snapshots");
	*out = TAKE_STRUCT(k);
	return 0;
}

/* By the same rule that keeps it: what prune leaves is what is found here. */
int snap_of_target(struct sync *s, const struct active *target, int64_t number,
		   struct snapshot *out, bool *found, struct err *e)
{
	auto_keeping struct keeping k = {.n = 0};

	*found = false;
	if (keeping_load(s->store, s->config, false, &k, e) < 0)
		return -1;
	for (size_t i = 0; i < k.n_g; i++) {
		const struct generation_entry *x = generation_find(&k.g[i], target->want.name);

		if (k.g[i].number != number || !x || x->status == ENTRY_MISSING)
			continue;
		ssize_t at = retention_serves(k.v, k.n, x, retention_after(k.g, k.n_g, x));

		if (at < 0)
			continue;
		snapshot_copy(out, &k.v[at]);
		*found = true;
	}
	return 0;
}
