/*
 * exchange - swaps two directories in one step, known by their identity so that a second try does
 * nothing. Where the file system cannot (some network ones), by three renames that a restart
 * continues. Depends on: driver, err, file, path.
 */
#include "agent/snapshot/driver.h"

#include "common/auto.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

char *tree_sibling(const char *path)
{
	auto_free char *dir = path_dir(path);
	auto_free char *name = xasprintf(".%s.mdc-restore", path_base(path));

	return path_join(dir, name);
}

int identity_of(const char *path, char **out, struct err *e)
{
	struct statx st;
	int subvolume = subvolume_is(path, e);

	if (subvolume != 0)
		return subvolume < 0 ? -1 : subvolume_identity(path, out, e);
	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_BTIME, &st) < 0)
		return err_set(e, ERR_RETRY, errno, "cannot look at %s", path);
	/* A number is used again when its file is gone; with the time it was born it is not. */
	if ((st.stx_mask & STATX_BTIME) == 0)
		*out = xasprintf("inode-%llu", (unsigned long long)st.stx_ino);
	else
		*out = xasprintf("inode-%llu-%lld.%09u", (unsigned long long)st.stx_ino,
				 (long long)st.stx_btime.tv_sec, st.stx_btime.tv_nsec);
	return 0;
}

/* 1: path has that identity; 0: another one, or there is nothing. */
static int has_identity(const char *path, const char *identity, struct err *e)
{
	auto_free char *now = NULL;

	if (!file_exists(path))
		return 0;
	return identity_of(path, &now, e) < 0 ? -1 : str_eq(now, identity);
}

static int sync_parents(const char *a, const char *path, struct err *e)
{
	auto_free char *first = path_dir(path), *second = path_dir(a);

	if (path_sync(first, e) < 0)
		return -1;
	return str_eq(first, second) ? 0 : path_sync(second, e);
}

/* Between path and its sibling while neither is in its place. */
static char *old_name(const char *path)
{
	auto_free char *dir = path_dir(path);
	auto_free char *name = xasprintf(".%s.mdc-before", path_base(path));

	return path_join(dir, name);
}

static int rename_synced(const char *from, const char *to, struct err *e)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) < 0 &&
	    (errno != EINVAL || file_exists(to) || rename(from, to) < 0))
		return err_set(e, ERR_RETRY, errno, "cannot rename %s to %s", from, to);
	return sync_parents(from, to, e);
}

/* path -> old, a -> path, old -> a; each found done by what is there. */
static int by_renames(const char *a, const char *path, struct err *e)
{
	auto_free char *old = old_name(path);

	if (!file_exists(old) && rename_synced(path, old, e) < 0)
		return -1;
	if (!file_exists(path) && rename_synced(a, path, e) < 0)
		return -1;
	return file_exists(a) ? 0 : rename_synced(old, a, e);
}

/* The exchange is done: a try by renames may have left its last one. */
static int settle(const char *a, const char *path, struct err *e)
{
	auto_free char *old = old_name(path);

	if (file_exists(old) && !file_exists(a))
		return rename_synced(old, a, e);
	return sync_parents(a, path, e);
}

/* XFS takes a directory that gets another parent for changed. */
int rename_keeping_times(const char *from, const char *to, unsigned flags)
{
	struct stat st, other;
	bool two = (flags & RENAME_EXCHANGE) != 0 && lstat(to, &other) == 0;
	bool one = lstat(from, &st) == 0;

	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, flags) < 0)
		return -1;
	if (one)
		(void)utimensat(AT_FDCWD, to, (const struct timespec[]){st.st_atim, st.st_mtim},
				AT_SYMLINK_NOFOLLOW);
	if (two)
		(void)utimensat(AT_FDCWD, from,
				(const struct timespec[]){other.st_atim, other.st_mtim},
				AT_SYMLINK_NOFOLLOW);
	return 0;
}

int exchange(const char *a, const char *path, const char *identity, struct err *e)
{
	auto_free char *old = old_name(path);
	int done = has_identity(path, identity, e);

	if (done != 0)
		return done < 0 ? -1 : settle(a, path, e);
	int ready = has_identity(a, identity, e);

	if (ready < 0)
		return -1;
	if (ready == 0)
		return err_set(e, ERR_BROKEN, 0,
			       "%s is not the copy that was prepared for %s: nothing was changed",
			       a, path);
	if (file_exists(old))
		return by_renames(a, path, e);
	if (!file_exists(path)) /* removed by somebody: then there is nothing to keep */
		return rename_synced(a, path, e);
	if (rename_keeping_times(a, path, RENAME_EXCHANGE) == 0)
		return sync_parents(a, path, e);
	if (errno == EINVAL || errno == ENOSYS)
		return by_renames(a, path, e);
	return err_set(e, ERR_RETRY, errno, "cannot exchange %s and %s", path, a);
}
