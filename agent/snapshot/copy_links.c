/*
 * copy_links - hard links of the tree copier: which file of the copy is which inode of the source.
 * Depends on: copy_parts.
 */
#include "agent/snapshot/copy_parts.h"

#include "common/auto.h"
#include "common/mem.h"
#include "common/str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

enum { LINKS_FIRST = 256 };

static struct link *find(const struct links *l, ino_t ino)
{
	size_t at = (size_t)(ino * 0x9E3779B97F4A7C15ULL) & (l->cap - 1);

	while (l->v[at].ino != 0 && l->v[at].ino != ino)
		at = (at + 1) & (l->cap - 1);
	return &l->v[at];
}

static void grow(struct links *l)
{
	struct links bigger = {.cap = l->cap == 0 ? LINKS_FIRST : l->cap * 2};

	if (l->cap > 0 && l->n * 2 < l->cap)
		return;
	bigger.v = xcalloc(bigger.cap, sizeof(*bigger.v));
	for (size_t i = 0; i < l->cap; i++) {
		if (l->v[i].ino != 0)
			*find(&bigger, l->v[i].ino) = l->v[i];
	}
	free(l->v);
	l->v = bigger.v;
	l->cap = bigger.cap;
}

void links_done(struct links *l)
{
	for (size_t i = 0; i < l->cap; i++) {
		if (l->v[i].ino != 0) {
			node_drop(l->v[i].node);
			free(l->v[i].name);
		}
	}
	free(l->v);
	l->v = NULL;
	l->cap = l->n = 0;
}

/* The names from the root to n, n's own last. */
static void push_names(const struct node *n, struct strv *out)
{
	struct strv up = STRV_INIT;

	for (; n->up; n = n->up)
		strv_push(&up, n->name);
	for (size_t i = up.n; i-- > 0;)
		strv_push(out, up.v[i]);
	strv_done(&up);
}

/* The directory of a first name may be closed by now, and its path longer than a path may be. */
static int open_dir(const struct copy *c, const struct node *n)
{
	auto_strv struct strv names = STRV_INIT;
	auto_close int fd = dup(c->root);

	push_names(n, &names);
	for (size_t i = 0; i < names.n && fd >= 0; i++) {
		int next = openat(fd, names.v[i], O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		int why = errno;

		(void)close(fd);
		fd = next;
		errno = why;
	}
	return TAKE_FD(fd);
}

static int link_to(struct hand *h, const struct link *first, const struct node *n, const char *name)
{
	auto_close int dir = open_dir(h->c, first->node);

	if (dir < 0 || linkat(dir, first->name, n->to, name, 0) < 0)
		return copy_failed(h, n, name, errno, "link");
	return 1;
}

int links_make(struct hand *h, struct node *n, const char *name, const struct stat *st,
	       int (*make)(struct hand *h, struct node *n, const char *name, const struct stat *st,
			   void *arg),
	       void *arg)
{
	struct links *l = &h->c->links;
	int result;

	if (st->st_nlink < 2)
		return make(h, n, name, st, arg);
	/* Made under the lock: whoever finds the entry finds the file too. */
	pthread_mutex_lock(&l->lock);
	grow(l);
	struct link *first = find(l, st->st_ino);

	if (first->ino != 0) {
		struct link known = *first;

		pthread_mutex_unlock(&l->lock);
		return link_to(h, &known, n, name);
	}
	result = make(h, n, name, st, arg);
	if (result == 0) {
		*first = (struct link){.ino = st->st_ino, .node = n, .name = xstrdup(name)};
		atomic_fetch_add(&n->refs, 1);
		l->n++;
	}
	pthread_mutex_unlock(&l->lock);
	return result;
}
