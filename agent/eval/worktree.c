/*
 * worktree - a tree reader over a plain directory, for `check DIR` outside of Git. Ids are digests
 * of paths, kept in a table; symlinks are reported as such and never followed; .git is skipped.
 * Depends on: common, model/tree_reader.
 */
#include "agent/eval/eval.h"

#include "common/digest.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct known {
	char id[OBJECT_ID_SIZE];
	char *path; /* relative to the directory */
};

struct worktree {
	char *dir;
	struct known *v; /* sorted by id */
	size_t n;
};

static size_t place_of(const struct worktree *w, const char *id)
{
	size_t low = 0, high = w->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (strcmp(w->v[mid].id, id) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static const char *path_of(const struct worktree *w, const char *id)
{
	size_t at = place_of(w, id);

	return at < w->n && strcmp(w->v[at].id, id) == 0 ? w->v[at].path : NULL;
}

static void remember(struct worktree *w, const char *path, char id[OBJECT_ID_SIZE])
{
	digest_text(path, id);
	size_t at = place_of(w, id);
	if (at < w->n && strcmp(w->v[at].id, id) == 0)
		return;
	if ((w->n & (w->n - 1)) == 0)
		w->v = xreallocarray(w->v, w->n > 0 ? w->n * 2 : 1, sizeof(*w->v));
	memmove(&w->v[at + 1], &w->v[at], (w->n - at) * sizeof(*w->v));
	memcpy(w->v[at].id, id, OBJECT_ID_SIZE);
	w->v[at].path = xstrdup(path);
	w->n++;
}

static char *full(const struct worktree *w, const char *path)
{
	return strcmp(path, ".") == 0 ? xstrdup(w->dir) : path_join(w->dir, path);
}

/* False for what Git would not hold: sockets, devices, FIFOs, and what is gone. */
static bool look(struct worktree *w, const char *path, struct tree_entry *out)
{
	auto_free char *at = full(w, path);
	struct stat st;

	if (lstat(at, &st) < 0)
		return false;
	if (S_ISLNK(st.st_mode)) {
		out->kind = ENTRY_SYMLINK;
	} else if (S_ISDIR(st.st_mode)) {
		auto_free char *git = path_join(at, ".git");
		bool inner = strcmp(path, ".") != 0 && file_exists(git);
		out->kind = inner ? ENTRY_SUBMODULE : ENTRY_DIR;
	} else if (S_ISREG(st.st_mode)) {
		out->kind = st.st_mode & S_IXUSR ? ENTRY_EXEC : ENTRY_FILE;
	} else {
		return false;
	}
	remember(w, path, out->id);
	return true;
}

static int list(void *ctx, const char *tree_id,
		int (*each)(const struct tree_entry *, void *, struct err *), void *arg,
		struct err *e)
{
	struct worktree *w = ctx;
	const char *path = path_of(w, tree_id);
	auto_strv struct strv names = STRV_INIT;

	if (!path)
		return err_set(e, ERR_RETRY, 0, "no such directory");
	auto_free char *parent = xstrdup(path); /* the table grows below */
	auto_free char *at = full(w, parent);
	if (dir_list(at, TREE_MAX_TOP, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		struct tree_entry t = {.name = names.v[i]};
		auto_free char *inner = strcmp(parent, ".") == 0 ? xstrdup(names.v[i])
								 : path_join(parent, names.v[i]);
		if (strcmp(names.v[i], ".git") == 0 || !look(w, inner, &t))
			continue;
		int rc = each(&t, arg, e);
		if (rc != 0)
			return rc < 0 ? -1 : 0;
	}
	return 0;
}

static int find(void *ctx, const char *tree_id, const char *path, struct tree_entry *out,
		bool *found, struct err *e)
{
	struct worktree *w = ctx;
	const char *parent = path_of(w, tree_id);

	if (!parent)
		return err_set(e, ERR_RETRY, 0, "no such directory");
	*found = false;
	if (strcmp(path, ".") != 0 && !path_is_clean(path))
		return 0;
	auto_free char *inner = NULL;
	if (path_resolve(parent, path, &inner) < 0)
		return 0;
	struct tree_entry t = {.name = NULL};
	*found = look(w, inner, &t);
	if (*found)
		*out = t;
	return 0;
}

static int read_blob(void *ctx, const char *blob_id, size_t max, char **out, size_t *len,
		     struct err *e)
{
	struct worktree *w = ctx;
	const char *path = path_of(w, blob_id);

	if (!path)
		return err_set(e, ERR_RETRY, 0, "no such file");
	auto_free char *at = full(w, path);
	return file_read(at, max, out, len, e);
}

int worktree_open(const char *dir, struct worktree **out, struct err *e)
{
	struct stat st;

	if (stat(dir, &st) < 0)
		return err_set(e, ERR_USAGE, errno, "%s", dir);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_USAGE, 0, "%s is not a directory", dir);
	struct worktree *w = xcalloc(1, sizeof(*w));
	w->dir = xstrdup(dir);
	*out = w;
	return 0;
}

struct tree_reader worktree_reader(struct worktree *w, char root[OBJECT_ID_SIZE])
{
	remember(w, ".", root);
	return (struct tree_reader){.ctx = w, .list = list, .find = find, .read = read_blob};
}

void worktree_close(struct worktree *w)
{
	for (size_t i = 0; w && i < w->n; i++)
		free(w->v[i].path);
	if (w) {
		free(w->v);
		free(w->dir);
	}
	free(w);
}
