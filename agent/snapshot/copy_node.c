/*
 * copy_node - the directories that the tree copier is in, how their paths are shown, and whether
 * the copy goes on. Depends on: copy_parts, err, mem, str.
 */
#include "agent/snapshot/copy_parts.h"

#include "common/auto.h"
#include "common/mem.h"
#include "common/str.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { SHOWN_MAX = 256 };

struct node *node_new(struct node *up, const char *name)
{
	struct node *n = xcalloc(1, sizeof(*n));

	n->up = up;
	n->name = xstrdup(name);
	n->from = n->to = -1;
	n->depth = up ? up->depth + 1 : 0;
	atomic_init(&n->openers, 1);
	atomic_init(&n->refs, 1);
	if (up) {
		atomic_fetch_add(&up->refs, 1);
		atomic_fetch_add(&up->openers, 1);
	}
	return n;
}

void node_close(struct node *n)
{
	if (atomic_fetch_sub(&n->openers, 1) != 1)
		return;
	if (n->from >= 0)
		(void)close(n->from);
	if (n->to >= 0)
		(void)close(n->to);
	n->from = n->to = -1;
}

void node_drop(struct node *n)
{
	while (n && atomic_fetch_sub(&n->refs, 1) == 1) {
		struct node *up = n->up;

		if (n->from >= 0)
			(void)close(n->from);
		if (n->to >= 0)
			(void)close(n->to);
		free(n->name);
		free(n);
		n = up;
	}
}

/* The path of an entry below the root, its front cut when it is long. */
static void show_path(const struct node *n, const char *name, char out[SHOWN_MAX])
{
	size_t at = SHOWN_MAX - 1;

	out[at] = '\0';
	for (const char *part = name; part; n = n->up) {
		size_t len = strlen(part);

		if (len + 2 > at)
			break;
		at -= len;
		memcpy(out + at, part, len);
		if (!n || !n->up)
			break;
		out[--at] = '/';
		part = n->name;
	}
	memmove(out, out + at, SHOWN_MAX - at);
}

int copy_failed(struct hand *h, const struct node *n, const char *name, int why, const char *doing)
{
	char shown[SHOWN_MAX];

	show_path(name ? n : n->up, name ? name : n->name, shown);
	auto_free char *clean = str_printable(shown, SHOWN_MAX);

	return err_set(&h->e, ERR_RETRY, why, "cannot %s %s in %s", doing, clean, h->c->job->from);
}

bool copy_goes_on(struct hand *h)
{
	struct copy *c = h->c;
	const struct tree_progress *p = c->job->progress;

	if (h->first && p && p->show)
		p->show(atomic_load(&c->files), atomic_load(&c->seen_bytes), p->arg);
	if (h->first && p && p->stop && p->stop(p->arg)) {
		(void)err_set(&h->e, ERR_RETRY, ECANCELED, "the copy of %s was stopped",
			      c->job->from);
		return false;
	}
	if (atomic_load(&c->over)) {
		if (h->e.kind == ERR_NONE)
			(void)err_set(&h->e, ERR_RETRY, ECANCELED, "ended early");
		return false;
	}
	return true;
}
