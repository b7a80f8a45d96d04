/*
 * check_files - what a sync would refuse about a project's files whatever Compose thinks of them:
 * too large, too many, too deep. A directory is walked; in a repository git/ holds the same budgets
 * itself. Depends on: check.h.
 */
#include "agent/flow/check.h"

#include "agent/model/secret.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"

#include <string.h>
#include <sys/stat.h>

struct walk {
	struct checking *check;
	const struct project *project;
	size_t entries;
	long long total_bytes;
	bool told; /* one finding about the whole is enough */
};

static void tell(struct walk *w, const char *path, const char *text)
{
	diags_add(w->check->diags, DIAG_ERROR, path, 0, 0, w->project->name, "%s", text);
}

static void look_at_file(struct walk *w, const char *path, const struct stat *st)
{
	w->total_bytes += st->st_size;
	if (st->st_size > TREE_MAX_FILE)
		tell(w, path,
		     "the file is larger than 1 MiB: keep data out of the config repository");
	if (w->total_bytes > TREE_MAX_TOTAL && !w->told) {
		w->told = true;
		tell(w, path, "the project's files are more than 32 MiB together");
	}
}

static void walk_dir(struct walk *w, const char *path, int depth)
{
	auto_free char *full = path_join(w->check->dir, path);
	auto_strv struct strv names = STRV_INIT;
	struct err ignored = ERR_INIT;

	if (depth > TREE_MAX_DEPTH) {
		tell(w, path, "directories are nested more than 16 deep");
		return;
	}
	if (dir_list(full, TREE_MAX_ENTRIES, &names, &ignored) < 0)
		return; /* evaluation has said why */
	for (size_t i = 0; i < names.n && w->entries <= TREE_MAX_ENTRIES; i++) {
		auto_free char *below =
			strcmp(path, ".") == 0 ? xstrdup(names.v[i]) : path_join(path, names.v[i]);
		auto_free char *at = path_join(w->check->dir, below);
		struct stat st;

		if (strcmp(names.v[i], ".git") == 0 || lstat(at, &st) < 0)
			continue;
		if (++w->entries > TREE_MAX_ENTRIES)
			tell(w, path, "the project has more than 20000 files");
		else if (S_ISDIR(st.st_mode))
			walk_dir(w, below, depth + 1);
		else if (S_ISREG(st.st_mode))
			look_at_file(w, below, &st);
	}
}

static void ask_repo(struct checking *k, const struct project *p)
{
	struct live_file *files = NULL;
	size_t n = 0;
	struct err e = ERR_INIT;
	const char *prefix = strcmp(p->path, ".") == 0 ? NULL : p->path;

	if (repo_files(k->repo, p->tree, prefix, &files, &n, &e) < 0)
		diags_add(k->diags, DIAG_ERROR, p->path, 0, 0, p->name, "%s", e.cause);
	for (size_t i = 0; i < n; i++)
		free(files[i].path);
	free(files);
}

bool check_encrypted(const char *dir, int depth)
{
	auto_strv struct strv names = STRV_INIT;
	struct err ignored = ERR_INIT;
	bool found = false;

	if (depth > TREE_MAX_DEPTH || dir_list(dir, TREE_MAX_ENTRIES, &names, &ignored) < 0)
		return false;
	for (size_t i = 0; i < names.n && !found; i++) {
		auto_free char *path = path_join(dir, names.v[i]);
		struct stat st;

		if (strcmp(names.v[i], ".git") == 0 || lstat(path, &st) < 0)
			continue;
		found = S_ISDIR(st.st_mode) ? check_encrypted(path, depth + 1)
					    : secret_kind(path) != SECRET_NONE;
	}
	return found;
}

void check_files(struct checking *k, const struct project *p)
{
	struct walk w = {.check = k, .project = p};

	if (p->declared || p->why_bad)
		return;
	if (k->repo)
		ask_repo(k, p);
	else
		walk_dir(&w, p->path, 0);
}
