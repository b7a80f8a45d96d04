/*
 * copy_file - the data of one file in the tree copier: shared where the file system can (FICLONE),
 * else copied, with its holes. Depends on: copy_parts.
 */
#include "agent/snapshot/copy_parts.h"

#include "common/auto.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { STAT_BLOCK = 512, CHUNK = 8 * 1024 * 1024 };

/* One open pair, and where in it we are. */
struct pair {
	const struct node *n;
	const struct file *f;
	int to;
};

static int clone_again(int from, int to)
{
	/* btrfs refuses a pair of which one side is NOCOW; while empty a file can still change. */
	return copy_flags(from, to) ? ioctl(to, FICLONE, from) : -1;
}

/* 1: shared; 0: copy it; -1: error. */
static int share(struct hand *h, const struct pair *p)
{
	if (!atomic_load_explicit(&h->c->reflink, memory_order_relaxed))
		return 0;
	if (ioctl(p->to, FICLONE, p->f->from) == 0)
		return 1;
	if (errno == EINVAL && h->c->btrfs && clone_again(p->f->from, p->to) == 0)
		return 1;
	switch (errno) {
	case EOPNOTSUPP:
	case EXDEV:
	case ENOTTY:
		atomic_store(&h->c->reflink, false);
		return 0;
	case EINVAL:
	case EPERM:
	case ETXTBSY:
		return 0; /* this file only: a swap file, for example */
	default:
		return copy_failed(h, p->n, p->f->name, errno, "share the data of");
	}
}

/* Copy through memory from `at` to `end`; returns how far it came, or -1. */
static off_t copy_by_hand(struct hand *h, const struct pair *p, off_t at, off_t end)
{
	while (at < end) {
		size_t want = end - at < COPY_BUFFER ? (size_t)(end - at) : COPY_BUFFER;
		ssize_t got = pread(p->f->from, h->buffer, want, at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return copy_failed(h, p->n, p->f->name, errno, "read");
		if (got == 0)
			break; /* shorter than it was */
		for (ssize_t done = 0; done < got;) {
			ssize_t put =
				pwrite(p->to, h->buffer + done, (size_t)(got - done), at + done);

			if (put < 0 && errno != EINTR)
				return copy_failed(h, p->n, p->f->name, errno, "write");
			done += put < 0 ? 0 : put;
		}
		at += got;
	}
	return at;
}

/* The same by the kernel, without the way through our memory; what it will not do is left. */
static off_t copy_in_kernel(const struct pair *p, off_t at, off_t end)
{
	off_t to = at;

	while (at < end) {
		ssize_t n = copy_file_range(p->f->from, &at, p->to, &to, (size_t)(end - at), 0);

		if (n == 0 || (n < 0 && errno != EINTR))
			break;
	}
	return at;
}

static int copy_range(struct hand *h, const struct pair *p, off_t at, off_t end)
{
	while (at < end) {
		off_t stop = end - at < CHUNK ? end : at + CHUNK;
		off_t begin = at;

		if (!copy_goes_on(h))
			return -1;
		if (h->c->in_kernel && stop - at == CHUNK)
			at = copy_in_kernel(p, at, stop);
		at = copy_by_hand(h, p, at, stop);
		if (at < 0)
			return -1;
		if (at < stop)
			return 0;
		if (stop - begin == CHUNK)
			flush_range(h, p->to, begin, stop);
	}
	return 0;
}

static int copy_data(struct hand *h, const struct pair *p)
{
	off_t size = p->f->st.st_size;
	bool holes = p->f->st.st_blocks * STAT_BLOCK < size;

	if (!holes)
		return copy_range(h, p, 0, size);
	for (off_t at = 0; at < size;) {
		off_t data = lseek(p->f->from, at, SEEK_DATA);
		off_t end = data < 0 ? -1 : lseek(p->f->from, data, SEEK_HOLE);

		if (data < 0 && errno == ENXIO)
			break;
		if (data < 0 || end < 0)
			return copy_failed(h, p->n, p->f->name, errno, "find the holes of");
		if (copy_range(h, p, data, end < size ? end : size) < 0)
			return -1;
		at = end;
	}
	if (ftruncate(p->to, size) < 0)
		return copy_failed(h, p->n, p->f->name, errno, "set the size of");
	return 0;
}

static int make_file(struct hand *h, struct node *n, const char *name, const struct stat *st,
		     void *arg)
{
	int *to = arg;

	*to = openat(n->to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		     st->st_mode & 0777);
	return *to < 0 ? copy_failed(h, n, name, errno, "create") : 0;
}

int copy_file(struct hand *h, struct node *n, const struct file *f)
{
	auto_close int to = -1;
	int made = links_make(h, n, f->name, &f->st, make_file, &to);

	if (made != 0)
		return made < 0 ? -1 : 0;
	struct pair p = {n, f, to};
	int shared = f->st.st_size == 0 ? 1 : share(h, &p);

	if (shared == 0) {
		if (h->c->btrfs)
			(void)copy_flags(f->from, to);
		int copied = copy_data(h, &p);

		if (f->st.st_size >= CHUNK)
			flush_forget(h, to);
		if (copied < 0)
			return -1;
		atomic_fetch_add(&h->c->bytes, (long long)f->st.st_blocks * STAT_BLOCK);
	}
	atomic_fetch_add_explicit(&h->c->seen_bytes, f->st.st_size, memory_order_relaxed);
	return shared < 0 ? -1 : copy_meta(h, n, f->name, (const int[2]){f->from, to}, &f->st);
}

static int make_symlink(struct hand *h, const struct node *n, const char *name)
{
	ssize_t len = readlinkat(n->from, name, h->buffer, PATH_MAX);

	if (len < 0)
		return copy_failed(h, n, name, errno, "read the link");
	h->buffer[len] = '\0';
	return symlinkat(h->buffer, n->to, name) < 0 ? copy_failed(h, n, name, errno, "create") : 0;
}

static int make_special(struct hand *h, struct node *n, const char *name, const struct stat *st,
			void *arg)
{
	(void)arg;
	if (S_ISLNK(st->st_mode))
		return make_symlink(h, n, name);
	if (mknodat(n->to, name, st->st_mode & (S_IFMT | 0777), st->st_rdev) < 0)
		return copy_failed(h, n, name, errno, "create");
	return 0;
}

int copy_special(struct hand *h, struct node *n, const char *name, const struct stat *st)
{
	int made = links_make(h, n, name, st, make_special, NULL);

	if (made != 0)
		return made < 0 ? -1 : 0;
	return copy_special_meta(h, n, name, st);
}
