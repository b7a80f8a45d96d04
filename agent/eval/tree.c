/*
 * tree - the repository's directories as eval walks them: each is read at most once and kept
 * sorted. Depends on: common, model/tree_reader.
 */
#include "agent/eval/eval_parts.h"

#include "common/mem.h"

#include <stdio.h>
#include <string.h>

enum { BUCKETS = 4096 };

struct kept {
	struct kept *next;
	char *path;
	struct listing listing;
};

struct eval_tree {
	const struct tree_reader *reader;
	char root[OBJECT_ID_SIZE];
	struct kept *buckets[BUCKETS];
};

struct eval_tree *eval_tree_new(const struct tree_reader *reader, const char *root)
{
	struct eval_tree *t = xcalloc(1, sizeof(*t));

	t->reader = reader;
	(void)snprintf(t->root, sizeof(t->root), "%s", root);
	return t;
}

static void listing_done(struct listing *l)
{
	for (size_t i = 0; i < l->n; i++)
		free((char *)(uintptr_t)l->v[i].name);
	free(l->v);
	*l = (struct listing){.n = 0};
}

void eval_tree_free(struct eval_tree *t)
{
	for (size_t i = 0; t && i < BUCKETS; i++) {
		while (t->buckets[i]) {
			struct kept *k = t->buckets[i];
			t->buckets[i] = k->next;
			listing_done(&k->listing);
			free(k->path);
			free(k);
		}
	}
	free(t);
}

static size_t bucket_of(const char *path)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (const char *p = path; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	return h % BUCKETS;
}

static int add_entry(const struct tree_entry *t, void *arg, struct err *e)
{
	struct listing *l = arg;

	if (l->n >= TREE_MAX_TOP)
		return err_set(e, ERR_REJECTED, 0, "has more than %d entries", TREE_MAX_TOP);
	if ((l->n & (l->n - 1)) == 0)
		l->v = xreallocarray(l->v, l->n > 0 ? l->n * 2 : 1, sizeof(*l->v));
	l->v[l->n] = *t;
	l->v[l->n++].name = xstrdup(t->name);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct tree_entry *)a)->name, ((const struct tree_entry *)b)->name);
}

/* NULL: failed. */
static const struct listing *list_at(struct eval_tree *t, const char *path, const char *id,
				     struct err *e)
{
	struct kept **bucket = &t->buckets[bucket_of(path)];

	for (const struct kept *k = *bucket; k; k = k->next)
		if (strcmp(k->path, path) == 0)
			return &k->listing;
	struct listing l = {.n = 0};
	if (t->reader->list(t->reader->ctx, id, add_entry, &l, e) < 0) {
		listing_done(&l);
		(void)err_wrap(e, "%s", path);
		return NULL;
	}
	if (l.n > 1)
		qsort(l.v, l.n, sizeof(*l.v), by_name);
	struct kept *k = xcalloc(1, sizeof(*k));
	k->path = xstrdup(path);
	k->listing = l;
	k->next = *bucket;
	*bucket = k;
	return &k->listing;
}

int eval_tree_list(struct eval_tree *t, const char *path, const char *id,
		   const struct listing **out, struct err *e)
{
	const struct listing *l = list_at(t, path, id, e);

	if (!l)
		return -1;
	*out = l;
	return 0;
}

const struct tree_entry *listing_find(const struct listing *l, const char *name)
{
	struct tree_entry key = {.name = name};

	return l->n > 0 ? bsearch(&key, l->v, l->n, sizeof(*l->v), by_name) : NULL;
}

int eval_tree_find(struct eval_tree *t, const char *path, struct spot *out, bool *found,
		   struct err *e)
{
	struct tree_entry here = {.kind = ENTRY_DIR};
	size_t start = 0, len = strlen(path);

	memcpy(here.id, t->root, sizeof(here.id));
	*found = false;
	out->link = NULL;
	while (strcmp(path, ".") != 0 && start < len) {
		size_t end = start + strcspn(path + start, "/");
		auto_free char *parent = start == 0 ? xstrdup(".") : xstrndup(path, start - 1);
		auto_free char *name = xstrndup(path + start, end - start);
		const struct listing *l = list_at(t, parent, here.id, e);
		if (!l)
			return -1;
		const struct tree_entry *next = listing_find(l, name);
		if (!next || (end < len && (next->kind == ENTRY_FILE || next->kind == ENTRY_EXEC)))
			return 0;
		here = *next;
		if (next->kind == ENTRY_SYMLINK || next->kind == ENTRY_SUBMODULE) {
			out->link = xstrndup(path, end);
			break;
		}
		start = end + 1;
	}
	memcpy(out->id, here.id, sizeof(out->id));
	out->kind = here.kind;
	*found = true;
	return 0;
}
