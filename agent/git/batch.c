/*
 * batch - new objects as one pack. Blobs come before the trees that name them, so that a tree in
 * our own store is always complete and whole subtrees can be skipped. Depends on: libgit2 (its
 * in-memory backend).
 */
#include "agent/git/repo_internal.h"

#include "common/path.h"

#include <git2/odb_backend.h>
#include <git2/sys/mempack.h>
#include <git2/sys/repository.h>

enum { STAGED_PRIORITY = 99, COPY_MAX_DEPTH = 2 * TREE_MAX_DEPTH };

int batch_open(struct repo *r, struct batch *b, struct err *e)
{
	*b = (struct batch){.r = r};
	if (repo_own(r, &b->own, e) < 0)
		return -1;
	/* Once here; the single questions below do not look for new packs each time. */
	if (git_odb_refresh(b->own) < 0)
		return repo_fail(e, ERR_BROKEN, "the objects of %s cannot be read", r->dir);
	return 0;
}

void batch_done(struct batch *b)
{
	git_packbuilder_free(b->builder);
	git_repository_free(b->wrap);
	git_odb_free(b->all);
	*b = (struct batch){.r = NULL};
}

bool batch_has(const struct batch *b, const git_oid *id)
{
	return git_odb_exists_ext(b->own, id, GIT_ODB_LOOKUP_NO_REFRESH) == 1;
}

/* The pack builder reads from a repository: one around staged, own and foreign objects. */
static int need_builder(struct batch *b, struct err *e)
{
	git_odb_backend *staged = NULL;

	if (b->builder)
		return 0;
	if (git_odb_new(&b->all) < 0 || git_mempack_new(&staged) < 0 ||
	    git_odb_add_backend(b->all, staged, STAGED_PRIORITY) < 0 ||
	    git_odb_add_disk_alternate(b->all, b->r->objects) < 0 ||
	    git_repository_wrap_odb(&b->wrap, b->all) < 0 ||
	    git_packbuilder_new(&b->builder, b->wrap) < 0)
		return repo_fail(e, ERR_BROKEN, "cannot prepare a pack in %s", b->r->dir);
	return 0;
}

static int insert(struct batch *b, const git_oid *id, struct err *e)
{
	return git_packbuilder_insert(b->builder, id, NULL) < 0 ? repo_fail_object(b->r, id, e) : 0;
}

int batch_put(struct batch *b, git_object_t type, const void *data, size_t len, git_oid *id,
	      struct err *e)
{
	if (git_odb_hash(id, data, len, type) < 0)
		return repo_fail(e, ERR_BROKEN, "cannot hash an object");
	if (batch_has(b, id))
		return 0;
	if (need_builder(b, e) < 0)
		return -1;
	/* Goes into memory, or nowhere if an alternate has it: it is copied all the same. */
	if (git_odb_write(id, b->all, data, len, type) < 0)
		return repo_fail(e, ERR_RETRY, "cannot stage an object");
	return insert(b, id, e);
}

static int copy(struct batch *b, const git_oid *id, bool tree, int depth, struct err *e);

static int copy_below(struct batch *b, const git_oid *id, int depth, struct err *e)
{
	git_tree *t = NULL;
	int bad = 0;

	if (git_tree_lookup(&t, b->wrap, id) < 0)
		return repo_fail_object(b->r, id, e);
	size_t n = git_tree_entrycount(t);
	b->entries += n;
	if (b->entries > TREE_MAX_ENTRIES || depth > COPY_MAX_DEPTH)
		bad = err_set(e, ERR_REJECTED, 0,
			      "a project has more than %d files and directories", TREE_MAX_ENTRIES);
	for (size_t i = 0; i < n && bad == 0; i++) {
		const git_tree_entry *entry = git_tree_entry_byindex(t, i);
		git_object_t type = git_tree_entry_type(entry);

		if (type != GIT_OBJECT_COMMIT)
			bad = copy(b, git_tree_entry_id(entry), type == GIT_OBJECT_TREE, depth + 1,
				   e);
	}
	git_tree_free(t);
	return bad;
}

static int copy(struct batch *b, const git_oid *id, bool tree, int depth, struct err *e)
{
	if (batch_has(b, id))
		return 0;
	if (need_builder(b, e) < 0 || (tree && copy_below(b, id, depth, e) < 0))
		return -1;
	return insert(b, id, e);
}

int batch_copy(struct batch *b, const git_oid *id, bool tree, struct err *e)
{
	b->entries = 0;
	return copy(b, id, tree, 0, e);
}

int batch_write(struct batch *b, struct err *e)
{
	if (!b->builder || git_packbuilder_object_count(b->builder) == 0)
		return 0;
	auto_free char *dir = path_join(b->r->objects, "pack");
	if (git_packbuilder_write(b->builder, dir, 0, NULL, NULL) < 0)
		return repo_fail(e, ERR_RETRY, "cannot write a pack in %s", dir);
	/* Both views learn of it. */
	if (git_odb_refresh(b->r->odb) < 0 || git_odb_refresh(b->own) < 0)
		return repo_fail(e, ERR_BROKEN, "the objects of %s cannot be read", b->r->dir);
	return 0;
}
