/*
 * remove_tree - a copy of any depth goes: without recursion, following no link. A directory too
 * deep to keep all above it open is first moved up to the root of what is removed. Depends on:
 * driver, err, mem, str.
 */
#include "agent/snapshot/driver.h"

#include "common/auto.h"
#include "common/mem.h"
#include "common/str.h"

#include <btrfsutil.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPEN_LEVELS = 128, LIFTED_NAME = 48, PASSES = 4, SUBVOLUME_INO = 256 };

AUTO_PTR(closedir, DIR)
#define auto_dir AUTO(closedir_at)

struct level {
	DIR *dir;
	char *name;
	int passes;
};

struct removal {
	const char *root;
	dev_t dev;
	struct level v[OPEN_LEVELS];
	size_t n;
	unsigned lifted; /* counts names */
	struct err *e;
};

static int failed(const struct removal *r, const char *name, int why, const char *doing)
{
	auto_free char *clean = str_printable(name, 255);

	return err_set(r->e, ERR_RETRY, why, "cannot %s %s in %s", doing, clean, r->root);
}

/* Go down into a directory. */
static int enter(struct removal *r, int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir) {
		int why = errno;

		if (fd >= 0)
			(void)close(fd);
		return why == ENOENT ? 0 : failed(r, name, why, "open");
	}
	r->v[r->n++] = (struct level){.dir = dir, .name = xstrdup(name)};
	return 0;
}

/* The top directory is empty, as far as we saw. */
static int leave(struct removal *r)
{
	struct level *top = &r->v[r->n - 1];
	int at = r->n > 1 ? dirfd(r->v[r->n - 2].dir) : AT_FDCWD;

	if (unlinkat(at, r->n > 1 ? top->name : r->root, AT_REMOVEDIR) < 0 && errno != ENOENT) {
		if ((errno != ENOTEMPTY && errno != EEXIST) || ++top->passes >= PASSES)
			return failed(r, top->name, errno, "remove");
		rewinddir(top->dir);
		return 0;
	}
	(void)closedir(top->dir);
	free(top->name);
	r->n--;
	return 0;
}

/* Move a directory to the root, where it is found later; a name of an earlier try is passed over.
 */
static int lift(struct removal *r, int at, const char *name)
{
	char to[LIFTED_NAME];

	do {
		(void)snprintf(to, sizeof(to), ".mdc-lifted-%u", r->lifted++);
		if (renameat2(at, name, dirfd(r->v[0].dir), to, RENAME_NOREPLACE) == 0) {
			r->v[0].passes = 0;
			return 0;
		}
	} while (errno == EEXIST);
	return failed(r, name, errno, "move");
}

static int remove_dir(struct removal *r, int at, const char *name, const struct stat *st)
{
	if (st->st_dev != r->dev) {
		auto_close int fd =
			openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (fd < 0 || btrfs_util_is_subvolume_fd(fd) != BTRFS_UTIL_OK)
			return err_set(r->e, ERR_RETRY, 0,
				       "something is mounted below %s: unmount it first", r->root);
		if (btrfs_util_delete_subvolume_fd(
			    at, name, BTRFS_UTIL_DELETE_SUBVOLUME_RECURSIVE) != BTRFS_UTIL_OK)
			return failed(r, name, errno, "delete the subvolume");
		return 0;
	}
	return r->n < OPEN_LEVELS ? enter(r, at, name) : lift(r, at, name);
}

static int step(struct removal *r)
{
	DIR *dir = r->v[r->n - 1].dir;
	struct stat st;

	errno = 0;
	const struct dirent *d = readdir(dir);

	if (!d)
		return errno != 0 ? failed(r, r->v[r->n - 1].name, errno, "list") : leave(r);
	if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
		return 0;
	if (d->d_type != DT_DIR && d->d_type != DT_UNKNOWN) {
		if (unlinkat(dirfd(dir), d->d_name, 0) < 0 && errno != ENOENT)
			return failed(r, d->d_name, errno, "remove");
		return 0;
	}
	if (fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : failed(r, d->d_name, errno, "look at");
	if (S_ISDIR(st.st_mode))
		return remove_dir(r, dirfd(dir), d->d_name, &st);
	if (unlinkat(dirfd(dir), d->d_name, 0) < 0 && errno != ENOENT)
		return failed(r, d->d_name, errno, "remove");
	return 0;
}

int remove_tree(const char *path, struct err *e)
{
	struct removal r = {.root = path, .e = e};
	struct stat st;
	int result = 0;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0
				       : err_set(e, ERR_RETRY, errno, "cannot look at %s", path);
	if (!S_ISDIR(st.st_mode)) {
		if (unlink(path) < 0 && errno != ENOENT)
			return err_set(e, ERR_RETRY, errno, "cannot remove %s", path);
		return 0;
	}
	r.dev = st.st_dev;
	result = enter(&r, AT_FDCWD, path);
	while (result == 0 && r.n > 0)
		result = step(&r);
	while (r.n > 0) {
		r.n--;
		(void)closedir(r.v[r.n].dir);
		free(r.v[r.n].name);
	}
	return result;
}
