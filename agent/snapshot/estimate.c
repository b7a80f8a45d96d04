/*
 * estimate - what a copy of a tree will take: counts names and blocks, for about two seconds at
 * most. Depends on: driver, clock, mem, path, strv.
 */
#include "agent/snapshot/driver.h"

#include "common/auto.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LIMIT_MS = 2000, STAT_BLOCK = 512, LOOK_EVERY = 256 };

AUTO_PTR(closedir, DIR)
#define auto_dir AUTO(closedir_at)

struct count {
	int root;
	dev_t dev;
	struct deadline end;
	struct strv todo; /* directories, relative to the root */
	struct tree_size *out;
	size_t dirs; /* done */
};

static void see(struct count *c, const char *dir, int fd, const char *name)
{
	struct stat st;

	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	c->out->files++;
	c->out->bytes += (int64_t)st.st_blocks * STAT_BLOCK;
	if (!S_ISDIR(st.st_mode))
		return;
	if (st.st_dev == c->dev)
		strv_push_own(&c->todo, path_join(dir, name));
	else if (!c->out->elsewhere)
		c->out->elsewhere = path_join(dir, name);
}

static int see_dir(struct count *c, const char *name, struct err *e)
{
	int fd = openat(c->root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *d;

	if (!dir) {
		int why = errno;

		if (fd >= 0)
			(void)close(fd);
		/* Gone, or a path that is too long: it is an estimate. */
		return why == ENOENT || why == ENAMETOOLONG
			       ? 0
			       : err_set(e, ERR_RETRY, why, "cannot list a directory");
	}
	for (int n = 1; (d = readdir(dir)); n++) {
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			see(c, name, dirfd(dir), d->d_name);
		if (n % LOOK_EVERY == 0 && deadline_over(c->end))
			break;
	}
	return 0;
}

int estimate(const char *path, struct tree_size *out, struct err *e)
{
	auto_close int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	struct count c = {.root = root, .end = deadline_in(LIMIT_MS), .out = out};
	int result = 0;

	*out = (struct tree_size){0};
	if (root < 0 || fstat(root, &st) < 0)
		return err_set(e, ERR_RETRY, errno, "cannot open %s", path);
	c.dev = st.st_dev;
	strv_push(&c.todo, ".");
	while (result == 0 && c.todo.n > 0 && !deadline_over(c.end)) {
		auto_free char *dir = c.todo.v[--c.todo.n];

		c.todo.v[c.todo.n] = NULL;
		result = see_dir(&c, dir, e);
		c.dirs++;
	}
	/* Not finished: the directories left are taken to be like those seen. */
	if (c.todo.n > 0 && c.dirs > 0) {
		int64_t all = (int64_t)(c.dirs + c.todo.n), seen = (int64_t)c.dirs;

		out->files = out->files / seen * all;
		out->bytes = out->bytes / seen * all;
	}
	strv_done(&c.todo);
	return result < 0 ? err_wrap(e, "count %s", path) : 0;
}
