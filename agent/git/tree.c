/*
 * tree - the reader that evaluating uses: listing directories, finding entries, reading files by
 * object id. Depends on: libgit2.
 */
#include "agent/git/repo_internal.h"

#include "common/mem.h"
#include "common/path.h"

#include <string.h>

static enum entry_kind kind_of(const git_tree_entry *t)
{
	switch (git_tree_entry_filemode(t)) {
	case GIT_FILEMODE_TREE:
		return ENTRY_DIR;
	case GIT_FILEMODE_BLOB_EXECUTABLE:
		return ENTRY_EXEC;
	case GIT_FILEMODE_LINK:
		return ENTRY_SYMLINK;
	case GIT_FILEMODE_COMMIT:
		return ENTRY_SUBMODULE;
	default:
		return ENTRY_FILE;
	}
}

static void fill(const git_tree_entry *t, struct tree_entry *out)
{
	*out = (struct tree_entry){.kind = kind_of(t)};
	git_oid_tostr(out->id, sizeof(out->id), git_tree_entry_id(t));
}

static int open_tree(struct repo *r, const char *id, git_tree **out, struct err *e)
{
	git_oid oid;

	if (repo_parse_id(id, &oid, e) < 0)
		return -1;
	return git_tree_lookup(out, r->git, &oid) < 0 ? repo_fail_object(r, &oid, e) : 0;
}

/* git writes no such names; a hostile object may hold them. */
static bool is_part(const char *name)
{
	return name[0] != '\0' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	       !strchr(name, '/');
}

static int list(void *ctx, const char *tree_id,
		int (*each)(const struct tree_entry *t, void *arg, struct err *e), void *arg,
		struct err *e)
{
	git_tree *tree = NULL;
	int result = 0;

	if (open_tree(ctx, tree_id, &tree, e) < 0)
		return -1;
	size_t n = git_tree_entrycount(tree);
	if (n > TREE_MAX_TOP)
		result = err_set(e, ERR_REJECTED, 0,
				 "a directory has %zu entries, more than the %d allowed", n,
				 TREE_MAX_TOP);
	for (size_t i = 0; i < n && result == 0; i++) {
		const git_tree_entry *entry = git_tree_entry_byindex(tree, i);
		struct tree_entry t;

		fill(entry, &t);
		t.name = git_tree_entry_name(entry);
		result = is_part(t.name)
				 ? each(&t, arg, e)
				 : err_set(e, ERR_REJECTED, 0,
					   "tree %s has an entry without a sane name", tree_id);
	}
	git_tree_free(tree);
	return result < 0 ? -1 : 0;
}

/* One step down; *found stays false if there is no such entry. */
static int step(struct repo *r, const char *tree_id, const char *name, struct tree_entry *out,
		bool *found, struct err *e)
{
	git_tree *tree = NULL;

	if (open_tree(r, tree_id, &tree, e) < 0)
		return -1;
	const git_tree_entry *entry = git_tree_entry_byname(tree, name);
	if (entry) {
		fill(entry, out);
		*found = true;
	}
	git_tree_free(tree);
	return 0;
}

static int find(void *ctx, const char *tree_id, const char *path, struct tree_entry *out,
		bool *found, struct err *e)
{
	struct tree_entry at = {.kind = ENTRY_DIR};

	memcpy(at.id, tree_id, strnlen(tree_id, OBJECT_ID_SIZE - 1) + 1);
	*found = false;
	if (strcmp(path, ".") == 0) {
		*out = at;
		*found = true;
		return 0;
	}
	if (!path_is_clean(path))
		return 0;
	while (*path != '\0') {
		size_t len = strcspn(path, "/");
		auto_free char *name = xstrndup(path, len);
		bool here = false;

		if (at.kind != ENTRY_DIR)
			return 0;
		if (step(ctx, at.id, name, &at, &here, e) < 0)
			return -1;
		if (!here)
			return 0;
		path += len + (path[len] == '/');
	}
	*out = at;
	*found = true;
	return 0;
}

static int read_blob(void *ctx, const char *blob_id, size_t max, char **out, size_t *len,
		     struct err *e)
{
	struct repo *r = ctx;
	git_odb_object *o = NULL;
	git_object_t type;
	git_oid oid;
	size_t size;

	if (repo_parse_id(blob_id, &oid, e) < 0)
		return -1;
	/* The size first: nobody makes us unpack a gigabyte to find that it is too much. */
	if (git_odb_read_header(&size, &type, r->odb, &oid) < 0)
		return repo_fail_object(r, &oid, e);
	if (type != GIT_OBJECT_BLOB)
		return err_set(e, ERR_REJECTED, 0, "object %s is no file", blob_id);
	if (size > max)
		return err_set(e, ERR_REJECTED, 0,
			       "the file has %zu bytes, more than the %zu allowed", size, max);
	if (git_odb_read(&o, r->odb, &oid) < 0)
		return repo_fail_object(r, &oid, e);
	size = git_odb_object_size(o);
	char *text = xmalloc(size + 1);
	if (size > 0)
		memcpy(text, git_odb_object_data(o), size);
	text[size] = '\0';
	git_odb_object_free(o);
	*out = text;
	if (len)
		*len = size;
	return 0;
}

struct tree_reader repo_reader(struct repo *r)
{
	return (struct tree_reader){.ctx = r, .list = list, .find = find, .read = read_blob};
}
