/*
 * tree - the directory half of file.h: making, listing and removing, and how much space is left.
 * Depends on: err, mem, path, str, strv.
 */
#include "common/auto.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"
#include "common/strv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum { TREE_DEPTH_MAX = 128, TREE_PASSES = 4, LEFTOVER_AGE_S = 3600 };

AUTO_PTR(closedir, DIR)
#define auto_dir AUTO(closedir_at)

static int make_one(const char *path, mode_t mode, struct err *e)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return 0;
	int why = errno;
	if (stat(path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return 0;
		why = ENOTDIR;
	}
	return err_set(e, ERR_RETRY, why, "cannot make directory %s", path);
}

int dir_make(const char *path, mode_t mode, struct err *e)
{
	struct stat st;
	auto_free char *part = xstrdup(path);

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	for (char *p = part + strspn(part, "/"); *p != '\0';) {
		p += strcspn(p, "/");
		char slash = *p;

		*p = '\0';
		if (make_one(part, mode, e) < 0)
			return -1;
		*p = slash;
		p += strspn(p, "/");
	}
	return 0;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* What a removal carries down the tree. */
struct removal {
	dev_t dev;
	const char *root; /* for messages */
	struct err *e;
};

static int remove_entry(const struct removal *r, int dir_fd, const char *name, int depth);

/* Remove what is in the directory behind fd, which is closed. */
static int empty_dir(const struct removal *r, int fd, int depth)
{
	auto_dir DIR *dir = fdopendir(fd);

	if (!dir) {
		int why = errno;

		(void)close(fd);
		return err_set(r->e, ERR_RETRY, why, "cannot list a directory in %s", r->root);
	}
	for (;;) {
		errno = 0;
		const struct dirent *d = readdir(dir);

		if (!d)
			return errno == 0 ? 0
					  : err_set(r->e, ERR_RETRY, errno,
						    "cannot list a directory in %s", r->root);
		if (!is_dots(d->d_name) && remove_entry(r, dirfd(dir), d->d_name, depth) < 0)
			return -1;
	}
}

static int remove_dir(const struct removal *r, int dir_fd, const char *name, int depth)
{
	/* Entries may appear while we remove; a few passes are enough, or somebody writes on
	 * purpose. */
	for (int pass = 0; pass < TREE_PASSES; pass++) {
		int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		struct stat st;

		if (fd < 0)
			return errno == ENOENT ? 0
					       : err_set(r->e, ERR_RETRY, errno,
							 "cannot open %s in %s", name, r->root);
		if (fstat(fd, &st) < 0 || st.st_dev != r->dev) {
			(void)close(fd);
			return err_set(r->e, ERR_RETRY, 0,
				       "%s in %s is on another file system: unmount it first", name,
				       r->root);
		}
		if (empty_dir(r, fd, depth) < 0)
			return -1;
		if (unlinkat(dir_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		if (errno != ENOTEMPTY && errno != EEXIST)
			break;
	}
	return err_set(r->e, ERR_RETRY, errno, "cannot remove directory %s in %s", name, r->root);
}

/* depth is that of the entry: the root of the tree has 0. */
static int remove_entry(const struct removal *r, int dir_fd, const char *name, int depth)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0
				       : err_set(r->e, ERR_RETRY, errno, "cannot stat %s in %s",
						 name, r->root);
	if (!S_ISDIR(st.st_mode)) {
		if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
			return 0;
		return err_set(r->e, ERR_RETRY, errno, "cannot remove %s in %s", name, r->root);
	}
	if (depth >= TREE_DEPTH_MAX)
		return err_set(r->e, ERR_REJECTED, 0, "%s is deeper than %d directories", r->root,
			       TREE_DEPTH_MAX);
	return remove_dir(r, dir_fd, name, depth + 1);
}

int tree_remove(const char *path, struct err *e)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? 0
			       : err_set(e, ERR_RETRY, errno, "cannot stat %s", path);
	const struct removal r = {.dev = st.st_dev, .root = path, .e = e};
	return remove_entry(&r, AT_FDCWD, path, 0);
}

int dir_list(const char *path, size_t max, struct strv *out, struct err *e)
{
	auto_dir DIR *dir = opendir(path);
	auto_strv struct strv names = STRV_INIT;

	if (!dir)
		return err_set(e, ERR_RETRY, errno, "cannot list %s", path);
	for (;;) {
		errno = 0;
		const struct dirent *d = readdir(dir);

		if (!d && errno != 0)
			return err_set(e, ERR_RETRY, errno, "cannot list %s", path);
		if (!d)
			break;
		if (is_dots(d->d_name) || str_starts(d->d_name, FILE_TMP_PREFIX))
			continue;
		if (names.n >= max)
			return err_set(e, ERR_REJECTED, 0, "%s has more than %zu entries", path,
				       max);
		strv_push(&names, d->d_name);
	}
	strv_sort(&names);
	strv_done(out);
	*out = names;
	names = (struct strv)STRV_INIT;
	return 0;
}

int dir_sweep(const char *path, struct err *e)
{
	auto_dir DIR *dir = opendir(path);
	const struct dirent *d;

	if (!dir)
		return errno == ENOENT ? 0 : err_set(e, ERR_RETRY, errno, "cannot list %s", path);
	while ((d = readdir(dir)) != NULL) {
		struct stat st;

		if (str_starts(d->d_name, FILE_TMP_PREFIX) &&
		    fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && clock_wall() - st.st_mtime > LEFTOVER_AGE_S)
			(void)unlinkat(dirfd(dir), d->d_name, 0);
	}
	return 0;
}

int disk_space(const char *path, unsigned long long *free_bytes, unsigned long long *total_bytes,
	       struct err *e)
{
	struct statvfs st;

	if (statvfs(path, &st) < 0)
		return err_set(e, ERR_RETRY, errno, "cannot ask for the free space of %s", path);
	/* Without root's reserve: that belongs to whoever has to clean up. */
	if (free_bytes)
		*free_bytes = (unsigned long long)st.f_bavail * st.f_frsize;
	if (total_bytes)
		*total_bytes = (unsigned long long)st.f_blocks * st.f_frsize;
	return 0;
}
