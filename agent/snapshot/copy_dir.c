/*
 * copy_dir - one directory in the tree copier: list it, make its subdirectories, copy its entries
 * slice by slice; the last slice gives it its owner, mode and times.
 * Depends on: copy_parts, mem, str.
 */
#include "agent/snapshot/copy_parts.h"

#include "common/mem.h"
#include "common/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { SLICE = 512, AHEAD = 16, READ_AHEAD = 1024 * 1024 };

struct entry {
	ino_t ino;
	size_t name; /* offset */
	unsigned char type;
};

/* What a directory holds besides directories; shared by its slices. */
struct listing {
	struct entry *v;
	size_t n, cap;
	struct str names;
	atomic_int slices; /* not done yet */
};

static void add_entry(struct listing *l, const struct dirent64 *d)
{
	if (l->n == l->cap) {
		l->cap = l->cap == 0 ? 64 : l->cap * 2;
		l->v = xreallocarray(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->n++] = (struct entry){d->d_ino, l->names.len, d->d_type};
	str_addn(&l->names, d->d_name, strlen(d->d_name) + 1);
}

static int by_inode(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return (x->ino > y->ino) - (x->ino < y->ino);
}

static int list(struct hand *h, const struct node *n, struct listing *l)
{
	l->names.max = SIZE_MAX;
	for (;;) {
		ssize_t len = getdents64(n->from, h->buffer, COPY_BUFFER);

		if (len < 0)
			return copy_failed(h, n, NULL, errno, "list");
		if (len == 0)
			break;
		for (ssize_t at = 0; at < len;) {
			const struct dirent64 *d = (const void *)(h->buffer + at);

			if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
				add_entry(l, d);
			at += d->d_reclen;
		}
		if (!copy_goes_on(h))
			return -1;
	}
	/* In the order of inodes a cold disk is read forwards. */
	if (l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), by_inode);
	return 0;
}

static void listing_done(struct listing *l)
{
	free(l->v);
	str_done(&l->names);
	free(l);
}

struct part *part_new(struct node *n)
{
	struct part *p = xcalloc(1, sizeof(*p));

	p->node = n;
	return p;
}

void part_free(struct part *p)
{
	if (p->listing && atomic_fetch_sub(&p->listing->slices, 1) == 1)
		listing_done(p->listing);
	node_drop(p->node);
	free(p);
}

/* Make the subdirectories now, so that nothing is added to n later; their entries come later. */
static int make_subdirs(struct hand *h, struct node *n, struct listing *l)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++) {
		const char *name = l->names.s + l->v[i].name;
		struct stat st;

		if (l->v[i].type == DT_UNKNOWN &&
		    fstatat(n->from, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			l->v[i].type = IFTODT(st.st_mode);
		if (l->v[i].type != DT_DIR) {
			l->v[kept++] = l->v[i];
			continue;
		}
		if (n->depth >= COPY_DEPTH_MAX)
			return err_set(&h->e, ERR_REJECTED, 0,
				       "%s is deeper than %d directories: it cannot be copied",
				       h->c->job->from, COPY_DEPTH_MAX);
		if (mkdirat(n->to, name, 0700) < 0)
			return copy_failed(h, n, name, errno, "create");
		part_push(h->c, part_new(node_new(n, name)));
	}
	l->n = kept;
	return 0;
}

static int node_open(struct hand *h, struct node *n)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

	if (!n->up) /* the root is open */
		return 0;
	n->from = openat(n->up->from, n->name, flags | O_NOATIME);
	if (n->from < 0 && errno == EPERM)
		n->from = openat(n->up->from, n->name, flags);
	n->to = n->from < 0 ? -1 : openat(n->up->to, n->name, flags);
	int why = errno;

	node_close(n->up);
	if (n->to < 0 || fstat(n->from, &n->st) < 0)
		return copy_failed(h, n, NULL, n->to < 0 ? why : errno, "open");
	if (n->st.st_dev != h->c->dev)
		return copy_failed(h, n, NULL, EXDEV, "copy");
	if (h->c->btrfs)
		(void)copy_flags(n->from, n->to);
	return 0;
}

/* ---- entries ---- */

/* Open and begin to read some files ahead, then copy them. */
static int open_ahead(struct hand *h, struct node *n, const char *name, struct file *f)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;

	*f = (struct file){.name = name};
	f->from = openat(n->from, name, flags | O_NOATIME);
	if (f->from < 0 && errno == EPERM)
		f->from = openat(n->from, name, flags);
	if (f->from < 0)
		return errno == ENOENT ? 0 : copy_failed(h, n, name, errno, "open");
	if (fstat(f->from, &f->st) < 0)
		return copy_failed(h, n, name, errno, "look at");
	if (!S_ISREG(f->st.st_mode))
		return copy_failed(h, n, name, EAGAIN, "copy (it changes meanwhile)");
	if (f->st.st_blocks > 0 && !atomic_load_explicit(&h->c->reflink, memory_order_relaxed))
		(void)posix_fadvise(f->from, 0, 0,
				    f->st.st_size <= READ_AHEAD ? POSIX_FADV_WILLNEED
								: POSIX_FADV_SEQUENTIAL);
	return 0;
}

static int copy_files(struct hand *h, struct node *n, const char *const *names, size_t count)
{
	struct file f[AHEAD];
	size_t opened = 0;
	int result = 0;

	while (opened < count && result == 0) {
		result = open_ahead(h, n, names[opened], &f[opened]);
		opened++;
	}
	for (size_t i = 0; i < opened; i++) {
		if (f[i].from < 0)
			continue; /* gone meanwhile, or the failure above */
		if (result == 0)
			result = copy_file(h, n, &f[i]);
		(void)close(f[i].from);
	}
	atomic_fetch_add_explicit(&h->c->files, (long long)opened, memory_order_relaxed);
	return result < 0 || !copy_goes_on(h) ? -1 : 0;
}

static int copy_other(struct hand *h, struct node *n, const char *name)
{
	struct stat st;

	if (fstatat(n->from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : copy_failed(h, n, name, errno, "look at");
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
		return copy_failed(h, n, name, EAGAIN, "copy (it changes meanwhile)");
	atomic_fetch_add_explicit(&h->c->files, 1, memory_order_relaxed);
	return copy_special(h, n, name, &st);
}

static int copy_slice(struct hand *h, const struct part *p)
{
	const char *names[AHEAD];
	size_t count = 0;

	for (size_t i = p->begin; i < p->end; i++) {
		const char *name = p->listing->names.s + p->listing->v[i].name;

		if (p->listing->v[i].type != DT_REG) {
			if (copy_other(h, p->node, name) < 0)
				return -1;
			continue;
		}
		names[count++] = name;
		if (count == AHEAD) {
			if (copy_files(h, p->node, names, count) < 0)
				return -1;
			count = 0;
		}
	}
	return count == 0 ? 0 : copy_files(h, p->node, names, count);
}

static int finish(struct hand *h, struct node *n)
{
	int result = copy_meta(h, n, NULL, (const int[2]){n->from, n->to}, &n->st);

	node_close(n);
	return result;
}

/* First look at a directory: its slices but the first go on the list. */
static int begin(struct hand *h, struct part *p)
{
	struct node *n = p->node;

	if (node_open(h, n) < 0)
		return -1;
	p->listing = xcalloc(1, sizeof(*p->listing));
	atomic_init(&p->listing->slices, 1);
	if (list(h, n, p->listing) < 0 || make_subdirs(h, n, p->listing) < 0)
		return -1;
	size_t total = p->listing->n;

	p->end = total < SLICE ? total : SLICE;
	atomic_store(&p->listing->slices, total == 0 ? 1 : (int)((total + SLICE - 1) / SLICE));
	for (size_t at = p->end; at < total; at += SLICE) {
		struct part *more = part_new(n);

		atomic_fetch_add(&n->refs, 1);
		more->listing = p->listing;
		more->begin = at;
		more->end = total - at < SLICE ? total : at + SLICE;
		part_push(h->c, more);
	}
	return 0;
}

int part_run(struct hand *h, struct part *p)
{
	if (!p->listing && begin(h, p) < 0)
		return -1;
	if (copy_slice(h, p) < 0)
		return -1;
	/* The last slice: nothing will be added to this directory any more. */
	if (atomic_fetch_sub(&p->listing->slices, 1) > 1) {
		p->listing = NULL;
		return 0;
	}
	listing_done(TAKE(p->listing));
	return finish(h, p->node);
}
