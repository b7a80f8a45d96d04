/*
 * btrfs - the driver for directories that are subvolumes, and all that is known here about btrfs.
 * A snapshot is one transaction: durable when the call returns, whatever the size.
 * libbtrfsutil 1.3 gives its functions other names and keeps these.
 * Depends on: driver, libbtrfsutil.
 */
#include "agent/snapshot/driver.h"

#include "common/auto.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"

#include <btrfsutil.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

enum { SUBVOLUME_INO = 256, UUID_HEX = 33 };

static int failed(struct err *e, enum btrfs_util_error code, const char *doing, const char *path)
{
	int why = errno;

	return err_set(e, ERR_RETRY, why, "cannot %s %s (%s)", doing, path,
		       btrfs_util_strerror(code));
}

/* As the questions below: 1: yes; 0: no; -1: that cannot be said. */
static int on_btrfs(const char *path, struct err *e)
{
	struct statfs fs;

	if (statfs(path, &fs) < 0)
		return err_set(e, ERR_RETRY, errno, "cannot look at %s", path);
	return fs.f_type == BTRFS_SUPER_MAGIC;
}

int subvolume_is(const char *path, struct err *e)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? 0
			       : err_set(e, ERR_RETRY, errno, "cannot look at %s", path);
	return S_ISDIR(st.st_mode) && st.st_ino == SUBVOLUME_INO ? on_btrfs(path, e) : 0;
}

static int file_system_id(const char *path, struct btrfs_ioctl_fs_info_args *out, struct err *e)
{
	auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*out = (struct btrfs_ioctl_fs_info_args){0};
	if (fd < 0 || ioctl(fd, BTRFS_IOC_FS_INFO, out) < 0)
		return err_set(e, ERR_RETRY, errno, "cannot ask which btrfs %s is on", path);
	return 0;
}

int subvolume_same_disk(const char *a, const char *b, struct err *e)
{
	struct btrfs_ioctl_fs_info_args x, y;
	int both = on_btrfs(a, e);

	if (both == 1)
		both = on_btrfs(b, e);
	if (both != 1)
		return both;
	if (file_system_id(a, &x, e) < 0 || file_system_id(b, &y, e) < 0)
		return -1;
	return memcmp(x.fsid, y.fsid, sizeof(x.fsid)) == 0;
}

int subvolume_snapshot(const char *path, const char *place, bool read_only, struct err *e)
{
	enum btrfs_util_error code = btrfs_util_create_snapshot(
		path, place, read_only ? BTRFS_UTIL_CREATE_SNAPSHOT_READ_ONLY : 0, NULL, NULL);

	return code == BTRFS_UTIL_OK ? 0 : failed(e, code, "make a snapshot of", path);
}

int subvolume_delete(const char *path, struct err *e)
{
	enum btrfs_util_error code =
		btrfs_util_delete_subvolume(path, BTRFS_UTIL_DELETE_SUBVOLUME_RECURSIVE);

	return code == BTRFS_UTIL_OK || errno == ENOENT ? 0 : failed(e, code, "delete", path);
}

int subvolume_writable(const char *path, struct err *e)
{
	enum btrfs_util_error code = btrfs_util_set_subvolume_read_only(path, false);

	return code == BTRFS_UTIL_OK ? 0 : failed(e, code, "make writable", path);
}

int subvolume_identity(const char *path, char **out, struct err *e)
{
	struct btrfs_util_subvolume_info info;
	enum btrfs_util_error code = btrfs_util_subvolume_info(path, 0, &info);
	char hex[UUID_HEX];

	if (code != BTRFS_UTIL_OK)
		return failed(e, code, "ask about", path);
	for (size_t i = 0; i < sizeof(info.uuid); i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", info.uuid[i]);
	*out = xasprintf("subvolume-%s", hex);
	return 0;
}

/* Where path lies within its subvolume: "" or "a/b/". The caller frees; NULL: an error. */
static char *place_within(const char *path, struct err *e)
{
	struct btrfs_ioctl_ino_lookup_args args = {0};
	struct stat st;
	auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0) {
		(void)err_set(e, ERR_RETRY, errno, "cannot look at %s", path);
		return NULL;
	}
	args.objectid = st.st_ino;
	if (ioctl(fd, BTRFS_IOC_INO_LOOKUP, &args) == 0)
		return xstrdup(args.name);
	(void)err_set(e, ERR_RETRY, errno, "cannot ask where %s lies in its subvolume", path);
	return NULL;
}

int subvolume_below(const char *path, char **out, struct err *e)
{
	struct btrfs_util_subvolume_iterator *i = NULL;
	auto_free char *within = place_within(path, e);
	uint64_t top = 0; /* left to the iterator, only a subvolume itself would do for path */

	*out = NULL;
	if (!within)
		return -1;
	enum btrfs_util_error code = btrfs_util_subvolume_id(path, &top);

	if (code == BTRFS_UTIL_OK)
		code = btrfs_util_create_subvolume_iterator(path, top, 0, &i);
	while (code == BTRFS_UTIL_OK && !*out) {
		auto_free char *name = NULL;

		code = btrfs_util_subvolume_iterator_next(i, &name, NULL);
		if (name && str_starts(name, within))
			*out = xstrdup(name + strlen(within));
	}
	int rc = code == BTRFS_UTIL_OK || code == BTRFS_UTIL_ERROR_STOP_ITERATION
			 ? 0
			 : failed(e, code, "list the subvolumes below", path);

	if (i)
		btrfs_util_destroy_subvolume_iterator(i);
	return rc;
}

/* The kernel's cleaner wakes up every 30 seconds; this ioctl wakes it now (BTRFS_IOC_SYNC). */
bool subvolume_pending(const char *path)
{
	struct err ignored = ERR_INIT;
	uint64_t *ids = NULL;
	size_t n = 0;

	if (on_btrfs(path, &ignored) != 1 || btrfs_util_sync(path) != BTRFS_UTIL_OK ||
	    btrfs_util_deleted_subvolumes(path, &ids, &n) != BTRFS_UTIL_OK)
		return false;
	free(ids);
	return n > 0;
}

/*
 * A plain directory becomes a subvolume and keeps its data: a subvolume beside it, the tree shared
 * into that, one exchange. Whoever has it mounted goes on seeing the old directory, so its users
 * must be stopped.
 */
int subvolume_convert(const char *path, const struct tree_progress *p, struct err *e)
{
	auto_free char *side = tree_sibling(path);
	auto_free char *identity = NULL;
	const struct copy_job job = {path, side, true, true, p};

	if (snapshot_drop(NULL, side, e) < 0)
		return -1;
	enum btrfs_util_error code = btrfs_util_create_subvolume(side, 0, NULL, NULL);

	if (code != BTRFS_UTIL_OK)
		return failed(e, code, "make a subvolume beside", path);
	if (copy_tree(&job, NULL, e) < 0 || identity_of(side, &identity, e) < 0) {
		struct err ignored = ERR_INIT;

		(void)snapshot_drop(NULL, side, &ignored);
		return -1;
	}
	if (exchange(side, path, identity, e) < 0)
		return -1;
	return snapshot_drop(NULL, side, e);
}

static int take(const struct tree_choice *c, const char *place, const struct tree_progress *p,
		int64_t *bytes, struct err *e)
{
	(void)p;
	*bytes = 0;
	return subvolume_snapshot(c->path, place, true, e);
}

const struct snapshot_driver driver_btrfs = {.name = "btrfs", .atomic = true, .take = take};
