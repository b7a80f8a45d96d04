/*
 * drivers - the table of drivers, and the acts of snapshot.h. What is done with a copy is decided
 * by what lies there (a subvolume, a directory, a note), not by who is said to have made it: so a
 * copy stays good when a volume later gets another driver. To add a driver: a file with its struct
 * snapshot_driver, a line here and in driver.h. Depends on: driver, err, file, path.
 */
#include "agent/snapshot/driver.h"

#include "common/auto.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SETTLE_MS = 30000, SETTLE_PAUSE_MS = 20 };

static const struct snapshot_driver *const drivers[] = {
	&driver_btrfs, &driver_reflink, &driver_copy, &driver_zfs, &driver_command,
};

const struct snapshot_driver *driver_find(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(drivers); i++) {
		if (str_eq(drivers[i]->name, name))
			return drivers[i];
	}
	return NULL;
}

bool driver_is_atomic(const struct snapshot_driver *d)
{
	return d->atomic;
}

const char *driver_name(const struct snapshot_driver *d)
{
	return d->name;
}

static int take_tree(const struct tree_choice *c, const char *place, const struct tree_progress *p,
		     int64_t *bytes, struct err *e)
{
	const struct copy_job job = {
		.from = c->path,
		.to = place,
		.reflink = c->driver == &driver_reflink,
		.progress = p,
	};

	if (!c->convert)
		return copy_tree(&job, bytes, e);
	int subvolume = subvolume_is(c->path, e);

	if (subvolume < 0 || (!subvolume && subvolume_convert(c->path, p, e) < 0))
		return -1;
	return driver_btrfs.take(c, place, p, bytes, e);
}

const struct snapshot_driver driver_reflink = {.name = "reflink", .take = take_tree};
const struct snapshot_driver driver_copy = {.name = "copy", .take = take_tree};

enum what { NOTHING, NOTE, SUBVOLUME, TREE };

static int look(const char *place, enum what *out, struct err *e)
{
	struct stat st;
	int subvolume = 0;

	*out = NOTHING;
	if (lstat(place, &st) < 0)
		return errno == ENOENT ? 0
				       : err_set(e, ERR_RETRY, errno, "cannot look at %s", place);
	if (S_ISDIR(st.st_mode))
		subvolume = subvolume_is(place, e);
	if (subvolume < 0)
		return -1;
	*out = !S_ISDIR(st.st_mode) ? NOTE : subvolume ? SUBVOLUME : TREE;
	return 0;
}

/* A copy's identity: a note's is the name that its keeper knows. */
static int identity_at(const char *place, char **out, struct err *e)
{
	enum what what = NOTHING;

	if (look(place, &what, e) < 0)
		return -1;
	if (what != NOTE)
		return identity_of(place, out, e);
	auto_note struct note n = {0};

	if (note_read(place, &n, e) < 0)
		return -1;
	*out = xasprintf("%s-%s", n.driver, n.name);
	return 0;
}

int tree_identity(const struct snapshot_driver *d, const char *path, char **out, struct err *e)
{
	(void)d;
	return identity_at(path, out, e);
}

static int sync_fs(const char *path, struct err *e)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || syncfs(fd) < 0)
		return err_set(e, ERR_RETRY, errno, "cannot flush the disk of %s", path);
	return 0;
}

int tree_presync(const struct strv *paths, struct err *e)
{
	dev_t done[64];
	size_t n = 0;

	for (size_t i = 0; i < paths->n; i++) {
		struct stat st;
		bool seen = false;

		if (stat(paths->v[i], &st) < 0)
			continue; /* a volume that is not there yet */
		for (size_t k = 0; k < n; k++)
			seen = seen || done[k] == st.st_dev;
		if (seen)
			continue;
		if (n < COUNT_OF(done))
			done[n++] = st.st_dev;
		if (sync_fs(paths->v[i], e) < 0)
			return -1;
	}
	return 0;
}

static int take_to(const struct tree_choice *c, const char *place, const struct tree_progress *p,
		   int64_t *bytes, struct err *e)
{
	auto_free char *dir = path_dir(place);

	if (c->driver->take(c, place, p, bytes, e) < 0)
		return -1;
	/* A snapshot of btrfs is a commit of all before it; the others synced before the names of
	 * the directories above were certain. */
	return c->driver->atomic ? 0 : path_sync(dir, e);
}

int tree_take(const struct tree_choice *c, const char *place, const struct tree_progress *p,
	      char **identity, int64_t *bytes, struct err *e)
{
	auto_free char *dir = path_dir(place);
	int64_t taken = 0;

	if (!c->driver)
		return err_set(e, ERR_RETRY, 0, "%s cannot be copied: %s", c->path, c->why);
	if (file_exists(place))
		return err_set(e, ERR_RETRY, EEXIST, "cannot copy %s to %s", c->path, place);
	if (dir_make(dir, 0700, e) < 0)
		return -1;
	if (take_to(c, place, p, &taken, e) < 0 || identity_at(place, identity, e) < 0) {
		struct err ignored = ERR_INIT;

		(void)snapshot_drop(c->driver, place, &ignored);
		return -1;
	}
	if (bytes)
		*bytes = taken;
	return 0;
}

/* What the swap of a note will need, as a note of its own beside the copy's. */
static int build_note(const char *place, char **built, struct err *e)
{
	auto_note struct note n = {0};
	auto_free char *side = xasprintf("%s.restore", place);

	if (note_read(place, &n, e) < 0)
		return -1;
	free(n.restore);
	n.restore = n.name;
	n.name = note_left(n.restore);
	if (note_write(side, &n, e) < 0)
		return -1;
	*built = TAKE(side);
	return 0;
}

static int build_tree(const struct tree_choice *c, const char *place, enum what what, char **built,
		      struct err *e)
{
	auto_free char *side = tree_sibling(c->path);
	auto_free char *parent = path_dir(side);
	const struct copy_job job = {.from = place, .to = side, .reflink = true};

	int near = what == SUBVOLUME ? subvolume_same_disk(place, parent, e) : 0;

	if (near < 0 || snapshot_drop(NULL, side, e) < 0)
		return -1;
	int result = near ? subvolume_snapshot(place, side, false, e) : copy_tree(&job, NULL, e);

	if (result < 0) {
		struct err ignored = ERR_INIT;

		(void)snapshot_drop(NULL, side, &ignored);
		return -1;
	}
	*built = TAKE(side);
	return 0;
}

int tree_build(const struct tree_choice *c, const char *place, bool consume, char **built,
	       char **identity, struct err *e)
{
	enum what what = NOTHING;
	auto_free char *side = NULL;

	if (look(place, &what, e) < 0)
		return -1;
	switch (what) {
	case NOTHING:
		return err_set(e, ERR_RETRY, ENOENT, "the copy of %s is gone: %s", c->path, place);
	case NOTE:
		if (build_note(place, &side, e) < 0)
			return -1;
		break;
	default:
		if (!consume && build_tree(c, place, what, &side, e) < 0)
			return -1;
		if (consume && what == SUBVOLUME && subvolume_writable(place, e) < 0)
			return -1;
		if (consume)
			side = xstrdup(place);
	}
	if (identity_at(side, identity, e) < 0)
		return -1;
	*built = TAKE(side);
	return 0;
}

static int swap_note(const char *built, struct err *e)
{
	auto_note struct note n = {0};

	if (note_read(built, &n, e) < 0)
		return -1;
	const struct snapshot_driver *d = driver_find(n.driver);

	if (n.done)
		return 0;
	if (!d || !d->swap || !n.restore)
		return err_set(e, ERR_BROKEN, 0, "%s is no restore that was prepared", built);
	if (d->swap(&n, e) < 0)
		return -1;
	n.done = true;
	return note_write(built, &n, e);
}

int tree_swap(const struct tree_choice *c, const char *built, const char *identity, struct err *e)
{
	enum what what = NOTHING;

	if (look(built, &what, e) < 0)
		return -1;
	return what == NOTE ? swap_note(built, e) : exchange(built, c->path, identity, e);
}

static int move_far(const char *from, enum what what, const char *place, struct err *e)
{
	const struct copy_job job = {.from = from, .to = place, .reflink = true};
	auto_free char *dir = path_dir(place);

	int near = what == SUBVOLUME ? subvolume_same_disk(from, dir, e) : 0;

	/* `from` is whole as long as it is there: what lies at place is of an earlier try. */
	if (near < 0 || snapshot_drop(NULL, place, e) < 0)
		return -1;
	if (near) {
		if (subvolume_snapshot(from, place, true, e) < 0)
			return -1;
	} else if (copy_tree(&job, NULL, e) < 0 || path_sync(dir, e) < 0) {
		struct err ignored = ERR_INIT;

		(void)snapshot_drop(NULL, place, &ignored);
		return -1;
	}
	return snapshot_drop(NULL, from, e);
}

int tree_set_aside(const struct snapshot_driver *d, const char *from, const char *place,
		   struct err *e)
{
	auto_free char *dir = path_dir(place), *old = path_dir(from);
	enum what what = NOTHING;

	(void)d;
	if (look(from, &what, e) < 0)
		return -1;
	if (what == NOTHING) /* an earlier try moved it */
		return file_exists(place) ? 0
					  : err_set(e, ERR_RETRY, ENOENT, "cannot keep %s", from);
	if (dir_make(dir, 0700, e) < 0)
		return -1;
	if (rename_keeping_times(from, place, RENAME_NOREPLACE) == 0)
		return path_sync(dir, e) < 0 || path_sync(old, e) < 0 ? -1 : 0;
	if (errno != EXDEV && errno != EEXIST && errno != EINVAL)
		return err_set(e, ERR_RETRY, errno, "cannot move %s to %s", from, place);
	if (what == NOTE)
		return err_set(e, ERR_RETRY, errno, "cannot move %s to %s", from, place);
	return move_far(from, what, place, e);
}

void snapshot_settle(const char *path)
{
	struct err ignored = ERR_INIT;
	struct deadline end = deadline_in(SETTLE_MS);

	(void)sync_fs(path, &ignored);
	while (subvolume_pending(path) && !deadline_over(end))
		clock_pause_ms(SETTLE_PAUSE_MS);
}

static int drop_note(const char *place, struct err *e)
{
	auto_note struct note n = {0};

	if (note_read(place, &n, e) < 0)
		return -1;
	const struct snapshot_driver *d = driver_find(n.driver);

	/* A restore that was prepared and not done made nothing yet. */
	if (d && d->drop && d->drop(&n, e) < 0)
		return -1;
	return file_remove(place, e);
}

int snapshot_drop(const struct snapshot_driver *d, const char *place, struct err *e)
{
	enum what what = NOTHING;

	(void)d;
	if (look(place, &what, e) < 0)
		return -1;
	switch (what) {
	case NOTE:
		return drop_note(place, e);
	case SUBVOLUME:
		return subvolume_delete(place, e);
	case TREE:
		return remove_tree(place, e);
	default:
		return 0;
	}
}
