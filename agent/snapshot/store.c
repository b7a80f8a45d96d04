/*
 * store - where the copies of a directory go: on its own file system, so that they can share blocks
 * and be exchanged, and never where the engine would take them for volumes.
 * Depends on: driver, digest, mem, path.
 */
#include "agent/snapshot/driver.h"

#include "common/auto.h"
#include "common/digest.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PROBE_BYTES = 4096,
	STORE_NAME = 12, /* hex digits that tell state directories apart */
};

/* path, or the nearest directory above it that is there. The caller frees. */
static char *nearest(const char *path)
{
	char *at = xstrdup(path);
	struct stat st;

	while (stat(at, &st) < 0 && !str_eq(at, "/")) {
		char *up = path_dir(at);

		free(at);
		at = up;
	}
	return at;
}

static bool same_disk(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 &&
	       (x.st_dev == y.st_dev || subvolume_same_disk(a, b));
}

/* One mount and one subvolume: a directory can be renamed from one to the other. */
static bool same_tree(const char *a, const char *b)
{
	struct statx x, y;

	return statx(AT_FDCWD, a, 0, STATX_MNT_ID, &x) == 0 &&
	       statx(AT_FDCWD, b, 0, STATX_MNT_ID, &y) == 0 &&
	       (x.stx_mask & y.stx_mask & STATX_MNT_ID) != 0 && x.stx_mnt_id == y.stx_mnt_id &&
	       x.stx_dev_major == y.stx_dev_major && x.stx_dev_minor == y.stx_dev_minor;
}

/* Is store a place for copies of path? The engine takes each directory of volumes/ for a volume. */
static bool is_good_store(const struct tree_choice *c, const struct tree_where *w,
			  const char *store)
{
	auto_free char *volumes = w->engine_root ? path_join(w->engine_root, "volumes") : NULL;
	auto_free char *at = nearest(store);

	return same_disk(c->path, at) && !path_below(store, c->path) &&
	       !path_below(c->path, store) && !(volumes && path_below(store, volumes));
}

static char *engine_store(const struct tree_where *w)
{
	char digest[DIGEST_HEX_SIZE];

	digest_text(w->state_dir, digest);
	digest[STORE_NAME] = '\0';
	return path_join3(w->engine_root, ".mdc-agent", digest);
}

/* May copies of path lie in a directory that somebody named? A copy by hand may go anywhere. */
static bool is_wanted_store(const struct tree_choice *c, const struct tree_where *w)
{
	return is_good_store(c, w, w->store_dir) ||
	       (str_eq(w->driver, "copy") && !path_below(w->store_dir, c->path));
}

/* The directory for copies; NULL when none is known. Also for paths that cannot be copied. */
void store_find(struct tree_choice *c, const struct tree_where *w)
{
	auto_free char *own = path_join(w->state_dir, "snapshots");
	auto_free char *engine = w->engine_root ? engine_store(w) : NULL;

	if (w->store_dir)
		c->store = is_wanted_store(c, w) ? xstrdup(w->store_dir) : NULL;
	else if (is_good_store(c, w, own))
		c->store = TAKE(own);
	else if (engine && is_good_store(c, w, engine))
		c->store = TAKE(engine);
}

/* What is kept here is only the names of copies: any file system will do. */
void store_any(struct tree_choice *c, const struct tree_where *w)
{
	free(c->store);
	c->store = w->store_dir ? xstrdup(w->store_dir) : path_join(w->state_dir, "snapshots");
}

/* Does FICLONE work where the copies will be? With files that have no name. */
bool store_shares(const char *store)
{
	auto_free char *at = nearest(store);
	auto_close int a = open(at, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	auto_close int b = open(at, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	const char bytes[PROBE_BYTES] = {1};

	return a >= 0 && b >= 0 && write(a, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes) &&
	       ioctl(b, FICLONE, a) == 0;
}

void store_consume(struct tree_choice *c)
{
	auto_free char *parent = path_dir(c->path);
	auto_free char *at = nearest(c->store);

	c->consume = !c->convert && (c->driver == &driver_reflink || c->driver == &driver_copy) &&
		     same_tree(parent, at);
}
