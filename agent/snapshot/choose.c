/*
 * choose - which driver copies a directory, and what that costs. Changes nothing. The figures of
 * cost are measurements, rounded up.
 * Depends on: driver, file, path.
 */
#include "agent/snapshot/driver.h"

#include "common/auto.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

enum {
	COST_BTRFS_MS = 15,
	COST_ZFS_MS = 100,
	COST_BASE_MS = 50, /* of the last sync */
	COST_REFLINK_FILES_A_MS = 30,
	COST_COPY_FILES_A_MS = 15,
	COST_COPY_BYTES_A_MS = 600 * 1000,
};

void tree_choice_done(struct tree_choice *c)
{
	free(c->why);
	free(c->path);
	free(c->store);
	free(c->command);
	*c = (struct tree_choice){0};
}

/* Not possible, and why: 1, so that a caller can return it. */
static int refuse(struct tree_choice *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static int refuse(struct tree_choice *c, const char *fmt, ...)
{
	struct str s = STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&s, fmt, ap);
	va_end(ap);
	free(c->why);
	c->why = str_take(&s);
	c->driver = NULL;
	return 1;
}

static int use(struct tree_choice *c, const struct snapshot_driver *d, const char *why)
{
	c->driver = d;
	free(c->why);
	c->why = xstrdup(why);
	return 0;
}

static int refuse_store(struct tree_choice *c, const struct tree_where *w)
{
	if (w->store_dir)
		return refuse(
			c,
			"its copies must lie on its own file system, outside of it and of the engine's volumes: snapshots.dir (%s) does not",
			w->store_dir);
	return refuse(
		c,
		"no directory for copies on its file system is known: name one in agent.yaml, snapshots.dir");
}

/* Directories that belong to the system, the engine or us, and those around them. */
static int refuse_place(struct tree_choice *c, const struct tree_where *w)
{
	static const char *const system_dirs[] = {
		"/",     "/bin", "/boot", "/etc", "/home",    "/lib", "/lib64", "/opt",  "/root",
		"/sbin", "/srv", "/usr",  "/var", "/var/lib", "/tmp", "/mnt",   "/media"};
	static const char *const kernel_dirs[] = {"/dev", "/proc", "/sys", "/run"};
	auto_free char *volumes = w->engine_root ? path_join(w->engine_root, "volumes") : NULL;

	for (size_t i = 0; i < COUNT_OF(system_dirs); i++) {
		if (str_eq(c->path, system_dirs[i]))
			return refuse(c, "%s belongs to the system", c->path);
	}
	for (size_t i = 0; i < COUNT_OF(kernel_dirs); i++) {
		if (path_below(c->path, kernel_dirs[i]))
			return refuse(c, "%s belongs to the system", c->path);
	}
	if (path_below(c->path, "/etc"))
		return refuse(c, "%s belongs to the system", c->path);
	if (path_below(w->state_dir, c->path))
		return refuse(c, "the agent's own state is in it");
	if (w->engine_root && path_below(w->engine_root, c->path))
		return refuse(c, "the engine's own data is in it");
	if (w->engine_root && path_below(c->path, w->engine_root) &&
	    (!path_below(c->path, volumes) || str_eq(c->path, volumes)))
		return refuse(c, "it belongs to the engine");
	return 0;
}

/* A name for file systems on which a restore cannot be vouched for, or NULL. */
static const char *far_system(long type)
{
	switch (type) {
	case NFS_SUPER_MAGIC:
		return "NFS";
	case SMB_SUPER_MAGIC:
	case CIFS_SUPER_MAGIC:
	case SMB2_SUPER_MAGIC:
		return "CIFS";
	case FUSE_SUPER_MAGIC:
		return "FUSE";
	case V9FS_MAGIC:
		return "9p";
	case AFS_SUPER_MAGIC:
	case CEPH_SUPER_MAGIC:
		return "a cluster file system";
	default:
		return NULL;
	}
}

static int choose_btrfs(struct tree_choice *c, const struct tree_where *w, struct err *e)
{
	auto_free char *below = NULL;
	int subvolume = subvolume_is(c->path, e);

	if (subvolume < 0 || subvolume_below(c->path, &below, e) < 0)
		return -1;
	if (below)
		return refuse(
			c,
			"it has a subvolume of its own below it, which a copy would leave out: %s",
			below);
	if (subvolume && (!w->driver || str_eq(w->driver, "btrfs")))
		return use(c, &driver_btrfs, "it is a subvolume of btrfs");
	if ((w->driver && !str_eq(w->driver, "btrfs")) || !w->subvolumes)
		return 0;
	c->convert = true;
	return use(c, &driver_reflink, "btrfs: it is made a subvolume with the first snapshot");
}

static int choose_tree(struct tree_choice *c, const struct tree_where *w, struct err *e)
{
	int share = 0;

	if (str_eq(w->driver, "copy"))
		return use(c, &driver_copy, "as the settings say");
	share = store_shares(c->store, e);
	if (share < 0)
		return -1;
	if (str_eq(w->driver, "reflink") && !share)
		return refuse(
			c,
			"its file system cannot share the blocks of files: the driver reflink does not work there");
	if (share && str_eq(w->driver, "btrfs"))
		return use(c, &driver_reflink,
			   "it is no subvolume of btrfs, so the blocks of its files are shared");
	if (share)
		return use(c, &driver_reflink, "its file system shares the blocks of copied files");
	return use(c, &driver_copy,
		   w->driver ? "as the settings say" : "its file system has no snapshots");
}

static int choose_directory(struct tree_choice *c, const struct tree_where *w, bool root,
			    struct err *e)
{
	struct statfs fs;
	const char *far;

	if (statfs(c->path, &fs) < 0)
		return err_set(e, ERR_RETRY, errno, "cannot look at %s", c->path);
	far = far_system(fs.f_type);
	if (far && !str_eq(w->driver, "copy"))
		return refuse(
			c,
			"it is on %s: give it the driver 'copy' or 'command' if you want copies of it",
			far);
	if (root)
		return refuse(
			c,
			"something is mounted on it, so that another directory cannot take its place: use a directory in it, or the driver 'command'");
	if (str_eq(w->driver, "btrfs") && fs.f_type != BTRFS_SUPER_MAGIC)
		return refuse(c, "it is not on btrfs");
	if (str_eq(w->driver, "zfs"))
		return refuse(c, "no ZFS data set is mounted on it");
	if (!c->store)
		return refuse_store(c, w);
	if (fs.f_type == BTRFS_SUPER_MAGIC) {
		int rc = choose_btrfs(c, w, e);

		if (rc != 0 || c->driver)
			return rc;
	}
	return choose_tree(c, w, e);
}

static int choose_command(struct tree_choice *c, const struct tree_where *w)
{
	if (!w->command || w->command[0] != '/' || access(w->command, X_OK) < 0)
		return refuse(
			c,
			"the driver 'command' needs a program: name one in agent.yaml, snapshots.command");
	store_any(c, w);
	c->command = xstrdup(w->command);
	return use(c, &driver_command, "as the settings say");
}

static int choose_mounted(struct tree_choice *c, const struct tree_where *w, bool root,
			  struct err *e)
{
	auto_free char *set = NULL;

	if (root && (!w->driver || str_eq(w->driver, "zfs")) && zfs_set_of(c->path, &set, e) < 0)
		return -1;
	if (!set)
		return choose_directory(c, w, root, e);
	store_any(c, w);
	return use(c, &driver_zfs, "it is a ZFS data set");
}

/* What can be said before the driver matters: 0, refused, or an error. */
static int refuse_path(struct tree_choice *c, const struct tree_where *w, struct err *e)
{
	struct stat st;

	if (stat(c->path, &st) < 0)
		return err_set(e, ERR_RETRY, errno, "cannot look at %s", c->path);
	if (!S_ISDIR(st.st_mode))
		return refuse(c, "it is not a directory");
	if (w->driver && !driver_find(w->driver))
		return refuse(c, "there is no driver %s", w->driver);
	return refuse_place(c, w);
}

/* 0: there is a driver; 1: there is none, and why; -1: error. */
static int choose(struct tree_choice *c, const struct tree_where *w, struct err *e)
{
	auto_free char *below = NULL;
	bool root = false;

	int rc;

	if (store_find(c, w, e) < 0 || mounts_look(c->path, &root, &below, e) < 0)
		return -1;
	rc = refuse_path(c, w, e);
	if (rc != 0)
		return rc;
	if (str_eq(w->driver, "command"))
		return choose_command(c, w);
	if (below)
		return refuse(c, "something else is mounted below it: %s", below);
	return choose_mounted(c, w, root, e);
}

static int find_cost(struct tree_choice *c, bool count, struct err *e)
{
	struct tree_size size = {.files = -1, .bytes = -1};

	c->files = c->bytes = c->cost_ms = -1;
	if (c->driver->atomic) {
		c->bytes = 0;
		c->cost_ms = c->driver == &driver_zfs ? COST_ZFS_MS : COST_BTRFS_MS;
		return 0;
	}
	if (!count)
		return 0;
	if (estimate(c->path, &size, e) < 0)
		return -1;
	c->files = size.files;
	c->bytes = c->driver == &driver_reflink ? 0 : size.bytes;
	if (c->driver == &driver_reflink)
		c->cost_ms = COST_BASE_MS + size.files / COST_REFLINK_FILES_A_MS;
	else if (c->driver == &driver_copy)
		c->cost_ms = COST_BASE_MS + size.files / COST_COPY_FILES_A_MS +
			     size.bytes / COST_COPY_BYTES_A_MS;
	if (size.elsewhere && c->driver != &driver_command)
		(void)refuse(c, "something on another file system is in it: %s", size.elsewhere);
	free(size.elsewhere);
	return 0;
}

int tree_choose(const char *path, const struct tree_where *w, bool count, struct tree_choice *out,
		struct err *e)
{
	struct tree_choice c = {.bytes = -1, .files = -1, .cost_ms = -1};
	unsigned long long left = 0, total = 0;
	int result;

	c.path = realpath(path, NULL);
	if (!c.path) {
		int why = errno;

		c.path = xstrdup(path);
		result = why == ENOENT || why == ENOTDIR
				 ? refuse(&c, "there is no such directory")
				 : err_set(e, ERR_RETRY, why, "cannot look at %s", path);
	} else {
		result = choose(&c, w, e);
	}
	if (result == 0)
		result = store_consume(&c, e);
	if (result == 0)
		result = find_cost(&c, count, e);
	if (result >= 0 && c.driver)
		result = disk_space(c.path, &left, &total, e);
	if (result < 0) {
		tree_choice_done(&c);
		return -1;
	}
	c.free_bytes = (int64_t)left;
	c.total_bytes = (int64_t)total;
	*out = c;
	return 0;
}
