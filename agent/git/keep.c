/*
 * keep - refs/mdc/generations/<N>: a commit of ours over the set of everything the generation's
 * projects are made of. The set is a tree of 32 directories by the ids' first five bits, each entry
 * named by its own id. What did not change since the last generation is found by comparing 32
 * directories, however many projects there are. Depends on: batch, libgit2.
 */
#include "agent/git/repo_internal.h"

#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names are only there because a tree needs them: 16 digits, to have less to hash. */
enum { BUCKETS = 32, BUCKET_SHIFT = 3, NAME_SIZE = 17 };

struct kept {
	git_oid id;
	enum entry_kind kind;
};

struct kept_set {
	struct kept *v;
	size_t n, room;
};

static int add(struct kept_set *s, const char *id, enum entry_kind kind, struct err *e)
{
	git_oid oid;

	if (id[0] == '\0')
		return 0; /* a project that never came up */
	if (repo_parse_id(id, &oid, e) < 0)
		return -1;
	if (s->n == s->room) {
		s->room = s->room * 2 + 64;
		s->v = xreallocarray(s->v, s->room, sizeof(*s->v));
	}
	s->v[s->n++] = (struct kept){.id = oid, .kind = kind};
	return 0;
}

static int gather(const struct generation *g, struct kept_set *s, struct err *e)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct project *p = &g->v[i].active.want;

		if (g->v[i].status == ENTRY_MISSING)
			continue;
		if (add(s, p->tree, ENTRY_DIR, e) < 0)
			return err_wrap(e, "project %s", g->v[i].name);
		for (size_t k = 0; k < p->n_elsewhere; k++) {
			if (add(s, p->elsewhere[k].id, p->elsewhere[k].kind, e) < 0)
				return err_wrap(e, "project %s: %s", g->v[i].name,
						p->elsewhere[k].path);
		}
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	return memcmp(((const struct kept *)a)->id.id, ((const struct kept *)b)->id.id,
		      GIT_OID_RAWSZ);
}

static void sort_once(struct kept_set *s)
{
	size_t n = 0;

	if (s->n > 0)
		qsort(s->v, s->n, sizeof(*s->v), compare);
	for (size_t i = 0; i < s->n; i++) {
		if (n == 0 || !git_oid_equal(&s->v[n - 1].id, &s->v[i].id))
			s->v[n++] = s->v[i];
	}
	s->n = n;
}

static void add_entry(struct str *tree, bool dir, const char *name, const git_oid *id)
{
	str_add(tree, dir ? "40000 " : "100644 ");
	str_addn(tree, name, strlen(name) + 1); /* with its zero */
	str_addn(tree, (const char *)id->id, GIT_OID_RAWSZ);
}

/* The directory over v[0..n). Only when we do not have it yet are its entries looked at. */
static int put_bucket(struct batch *b, const struct kept *v, size_t n, git_oid *id, struct err *e)
{
	auto_str struct str tree = STR_INIT;

	for (size_t i = 0; i < n; i++) {
		char hex[NAME_SIZE];

		git_oid_tostr(hex, sizeof(hex), &v[i].id);
		add_entry(&tree, v[i].kind == ENTRY_DIR, hex, &v[i].id);
	}
	if (git_odb_hash(id, str_text(&tree), tree.len, GIT_OBJECT_TREE) < 0)
		return repo_fail(e, ERR_BROKEN, "cannot hash a tree");
	if (batch_has(b, id))
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (batch_copy(b, &v[i].id, v[i].kind == ENTRY_DIR, e) < 0)
			return -1;
	}
	return batch_put(b, GIT_OBJECT_TREE, str_text(&tree), tree.len, id, e);
}

static int put_set(struct batch *b, const struct kept_set *s, git_oid *id, struct err *e)
{
	auto_str struct str root = STR_INIT;
	size_t from = 0;

	for (int bucket = 0; bucket < BUCKETS; bucket++) {
		char name[8];
		git_oid below;
		size_t to = from;

		while (to < s->n && s->v[to].id.id[0] >> BUCKET_SHIFT == bucket)
			to++;
		if (to == from)
			continue;
		if (put_bucket(b, s->v + from, to - from, &below, e) < 0)
			return -1;
		(void)snprintf(name, sizeof(name), "%02x", bucket);
		add_entry(&root, true, name, &below);
		from = to;
	}
	return batch_put(b, GIT_OBJECT_TREE, str_text(&root), root.len, id, e);
}

static int put_commit(struct batch *b, int64_t number, const git_oid *tree, git_oid *id,
		      struct err *e)
{
	static const char who[] = "mdc-agent <mdc-agent@localhost> 0 +0000";
	auto_str struct str text = STR_INIT;
	char hex[OBJECT_ID_SIZE];

	git_oid_tostr(hex, sizeof(hex), tree);
	str_addf(&text, "tree %s\nauthor %s\ncommitter %s\n\nGeneration %" PRId64 "\n", hex, who,
		 who, number);
	return batch_put(b, GIT_OBJECT_COMMIT, str_text(&text), text.len, id, e);
}

static void ref_name(int64_t number, char *buf, size_t size)
{
	(void)snprintf(buf, size, REF_GENERATIONS "%" PRId64, number);
}

static int keep_set(struct repo *r, int64_t number, const struct kept_set *s, struct err *e)
{
	auto_batch struct batch b = {.r = NULL};
	git_reference *ref = NULL;
	git_oid tree, commit, now;
	char name[64];

	if (batch_open(r, &b, e) < 0 || put_set(&b, s, &tree, e) < 0 ||
	    put_commit(&b, number, &tree, &commit, e) < 0 || batch_write(&b, e) < 0)
		return -1;
	ref_name(number, name, sizeof(name));
	if (git_reference_name_to_id(&now, r->git, name) == 0 && git_oid_equal(&now, &commit))
		return 0;
	repo_ref_unlock(r, name);
	if (git_reference_create(&ref, r->git, name, &commit, 1, NULL) < 0)
		return repo_fail(e, ERR_RETRY, "cannot write %s in %s", name, r->dir);
	git_reference_free(ref);
	return 0;
}

int repo_keep(struct repo *r, int64_t number, const struct generation *g, struct err *e)
{
	struct kept_set s = {.n = 0};
	int bad = gather(g, &s, e);

	if (bad == 0) {
		sort_once(&s);
		bad = keep_set(r, number, &s, e);
	}
	free(s.v);
	return bad < 0 ? err_wrap(e, "keep what generation %" PRId64 " needs", number) : 0;
}

int repo_unkeep(struct repo *r, int64_t number, struct err *e)
{
	char name[64];

	ref_name(number, name, sizeof(name));
	repo_ref_unlock(r, name);
	int bad = git_reference_remove(r->git, name);
	if (bad < 0 && bad != GIT_ENOTFOUND)
		return repo_fail(e, ERR_RETRY, "cannot remove %s in %s", name, r->dir);
	return 0;
}

struct named {
	const char *name;
	const git_oid *id;
};

static int compare_named(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

/* A directory of plain files, in git's order. */
static int put_files(struct batch *b, const char *const *names, const git_oid *ids, size_t n,
		     git_oid *id, struct err *e)
{
	auto_free struct named *v = xcalloc(n + 1, sizeof(*v));
	auto_str struct str tree = STR_INIT;

	for (size_t i = 0; i < n; i++)
		v[i] = (struct named){names[i], &ids[i]};
	qsort(v, n, sizeof(*v), compare_named);
	for (size_t i = 0; i < n; i++) {
		if (strchr(v[i].name, '/') || !path_is_clean(v[i].name))
			return err_set(e, ERR_REJECTED, 0, "a file cannot be named \"%.200s\"",
				       v[i].name);
		if (i > 0 && strcmp(v[i - 1].name, v[i].name) == 0)
			return err_set(e, ERR_REJECTED, 0, "two files are named %s", v[i].name);
		add_entry(&tree, false, v[i].name, v[i].id);
	}
	return batch_put(b, GIT_OBJECT_TREE, str_text(&tree), tree.len, id, e);
}

int repo_store_tree(struct repo *r, const char *const *names, const char *const *data,
		    const size_t *lens, size_t n, char id[OBJECT_ID_SIZE], struct err *e)
{
	auto_batch struct batch b = {.r = NULL};
	auto_free git_oid *ids = xcalloc(n + 1, sizeof(*ids));
	git_oid tree;

	if (batch_open(r, &b, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (batch_put(&b, GIT_OBJECT_BLOB, data[i], lens[i], &ids[i], e) < 0)
			return -1;
	}
	if (put_files(&b, names, ids, n, &tree, e) < 0 || batch_write(&b, e) < 0)
		return -1;
	git_oid_tostr(id, OBJECT_ID_SIZE, &tree);
	return 0;
}
