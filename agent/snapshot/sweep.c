/*
 * sweep - what a crash left in a store goes: everything that no record names.
 * A store holds <snapshot>/<copy>, so that a file of a copied tree is never taken for a note.
 * Depends on: driver, err, file, path, strv.
 */
#include "agent/snapshot/driver.h"

#include "agent/model/snapshot.h"
#include "common/auto.h"
#include "common/file.h"
#include "common/path.h"
#include "common/str.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ENTRIES_MAX = 100000 };

/* Does a record name dir or something in it? */
static bool is_needed(const char *dir, const struct strv *places)
{
	for (size_t i = 0; i < places->n; i++) {
		if (path_below(places->v[i], dir))
			return true;
	}
	return false;
}

static bool is_dir(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int sweep_snapshot(const char *dir, const struct strv *places, size_t *dropped,
			  struct err *e)
{
	auto_strv struct strv names = STRV_INIT;

	int subvolume = subvolume_is(dir, e);

	if (subvolume < 0)
		return -1;
	if (subvolume) {
		(*dropped)++;
		return snapshot_drop(NULL, dir, e);
	}
	if (dir_list(dir, ENTRIES_MAX, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *copy = path_join(dir, names.v[i]);

		if (is_needed(copy, places))
			continue;
		if (snapshot_drop(NULL, copy, e) < 0)
			return -1;
		(*dropped)++;
	}
	if (is_needed(dir, places) || rmdir(dir) == 0 || errno == ENOENT)
		return 0;
	/* Left: temporary files of a note that was being written. */
	return remove_tree(dir, e);
}

int snapshot_sweep(const char *store, const struct strv *places, size_t *dropped, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;
	size_t count = 0;

	if (!file_exists(store))
		return 0;
	if (dir_list(store, ENTRIES_MAX, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *dir = path_join(store, names.v[i]);

		/* The records lie in the first choice of a store, and anything in one that a person
		 * has named. */
		if (!is_dir(dir) || !snapshot_is_id(names.v[i]))
			continue;
		if (sweep_snapshot(dir, places, &count, e) < 0)
			return -1;
	}
	if (dropped)
		*dropped = count;
	return 0;
}
