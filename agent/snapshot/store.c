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

#include <errno.h>
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

	while (stat(at, &st) < 0 && (errno == ENOENT || errno == ENOTDIR) && !str_eq(at, "/")) {
		char *up = path_dir(at);

		free(at);
		at = up;
	}
	return at;
}

/* 1: yes; 0: no; -1: that cannot be said. */
static int same_disk(const char *a, const char *b, struct err *e)
{
	struct stat x, y;

	if (stat(a, &x) < 0)
		return err_set(e, ERR_RETRY, errno, "cannot look at %s", a);
	if (stat(b, &y) < 0)
		return err_set(e, ERR_RETRY, errno, "cannot look at %s", b);
	return x.st_dev == y.st_dev ? 1 : subvolume_same_disk(a, b, e);
}

static int ask_mount(const char *path, struct statx *out, struct err *e)
{
	if (statx(AT_FDCWD, path, 0, STATX_MNT_ID, out) < 0)
		return err_set(e, ERR_RETRY, errno, "cannot look at %s", path);
	return 0;
}

/* One mount and one subvolume: a directory can be renamed from one to the other. 1, 0 or -1. */
static int same_tree(const char *a, const char *b, struct err *e)
{
	struct statx x, y;

	if (ask_mount(a, &x, e) < 0 || ask_mount(b, &y, e) < 0)
		return -1;
	return (x.stx_mask & y.stx_mask & STATX_MNT_ID) != 0 && x.stx_mnt_id == y.stx_mnt_id &&
	       x.stx_dev_major == y.stx_dev_major && x.stx_dev_minor == y.stx_dev_minor;
}

/* Is store a place for copies of path? The engine takes each directory of volumes/ for a volume.
 * 1: yes; 0: no; -1: that cannot be said. */
static int is_good_store(const struct tree_choice *c, const struct tree_where *w, const char *store,
			 struct err *e)
{
	auto_free char *volumes = w->engine_root ? path_join(w->engine_root, "volumes") : NULL;
	auto_free char *at = nearest(store);

	if (path_below(store, c->path) || path_below(c->path, store) ||
	    (volumes && path_below(store, volumes)))
		return 0;
	return same_disk(c->path, at, e);
}

static char *engine_store(const struct tree_where *w)
{
	char digest[DIGEST_HEX_SIZE];

	digest_text(w->state_dir, digest);
	digest[STORE_NAME] = '\0';
	return path_join3(w->engine_root, ".mdc-agent", digest);
}

/* May copies of path lie in a directory that somebody named? A copy by hand may go anywhere. */
static int is_wanted_store(const struct tree_choice *c, const struct tree_where *w, struct err *e)
{
	if (str_eq(w->driver, "copy"))
		return !path_below(w->store_dir, c->path);
	return is_good_store(c, w, w->store_dir, e);
}

/* The directory for copies; NULL when none is known. Also for paths that cannot be copied. */
int store_find(struct tree_choice *c, const struct tree_where *w, struct err *e)
{
	auto_free char *own = path_join(w->state_dir, "snapshots");
	auto_free char *engine = w->engine_root ? engine_store(w) : NULL;
	int good;

	if (w->store_dir) {
		good = is_wanted_store(c, w, e);
		c->store = good == 1 ? xstrdup(w->store_dir) : NULL;
		return good < 0 ? -1 : 0;
	}
	good = is_good_store(c, w, own, e);
	if (good == 1)
		c->store = TAKE(own);
	if (good == 0 && engine)
		good = is_good_store(c, w, engine, e);
	if (good == 1 && !c->store)
		c->store = TAKE(engine);
	return good < 0 ? -1 : 0;
}

/* What is kept here is only the names of copies: any file system will do. */
void store_any(struct tree_choice *c, const struct tree_where *w)
{
	free(c->store);
	c->store = w->store_dir ? xstrdup(w->store_dir) : path_join(w->state_dir, "snapshots");
}

/* With what a file system says that it has no such thing (open(2): O_TMPFILE; ioctl_ficlone(2)). */
static bool says_no(int why)
{
	return why == EOPNOTSUPP || why == ENOTTY || why == EINVAL || why == ENOSYS ||
	       why == EISDIR || why == EXDEV || why == EROFS;
}

int store_shares(const char *store, struct err *e)
{
	auto_free char *at = nearest(store);
	auto_close int a = open(at, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	auto_close int b = a < 0 ? -1 : open(at, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	const char bytes[PROBE_BYTES] = {1};

	if (a >= 0 && b >= 0 && write(a, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes) &&
	    ioctl(b, FICLONE, a) == 0)
		return 1;
	return says_no(errno) ? 0
			      : err_set(e, ERR_RETRY, errno,
					"cannot try whether %s shares the blocks of files", at);
}

int store_consume(struct tree_choice *c, struct err *e)
{
	auto_free char *parent = path_dir(c->path);
	auto_free char *at = nearest(c->store);
	int near = 0;

	if (!c->convert && (c->driver == &driver_reflink || c->driver == &driver_copy))
		near = same_tree(parent, at, e);
	c->consume = near == 1;
	return near < 0 ? -1 : 0;
}
