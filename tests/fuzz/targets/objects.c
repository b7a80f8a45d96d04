/*
 * objects - any objects in the repository, as a hostile commit brings them. The first byte of each
 * part is its type; 20 bytes "###...N" in it become the id of part N, 40 bytes its hex. The last
 * one is what the branch names.
 * Depends on: fuzz, git.
 */
#include "tests/fuzz/fuzz.h"

#include "agent/git/repo_internal.h"
#include "common/file.h"
#include "common/mem.h"

#include <stdio.h>
#include <string.h>

enum { RUNS = 200 };

static size_t hashes(const char *p, const char *end)
{
	size_t n = 0;

	while (p + n < end && p[n] == '#')
		n++;
	return n;
}

static void link_parts(char *data, size_t len, const git_oid *ids, size_t known)
{
	for (char *p = data; p < data + len; p++) {
		size_t n = hashes(p, data + len);

		if ((n != 19 && n != 39) || p + n >= data + len)
			continue;
		size_t which = (size_t)(unsigned char)p[n] - '0';
		if (which >= known)
			continue;
		if (n == 19)
			memcpy(p, ids[which].id, 20);
		else
			(void)git_oid_fmt(p, &ids[which]);
		p += n;
	}
}

static size_t put(struct repo *r, struct fuzz_parts *p, git_oid *ids)
{
	static const git_object_t types[] = {GIT_OBJECT_BLOB, GIT_OBJECT_TREE, GIT_OBJECT_COMMIT,
					     GIT_OBJECT_TAG};
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		if (p->len[i] < 2)
			continue;
		git_object_t type = types[(unsigned char)p->v[i][0] % 4];
		link_parts(p->v[i] + 1, p->len[i] - 1, ids, n);
		/* The "\n" before the mark belongs to the mark. */
		if (git_odb_write(&ids[n], r->odb, p->v[i] + 1,
				  p->len[i] - 1 - (i + 1 < p->n ? 1 : 0), type) == 0)
			n++;
	}
	return n;
}

static int each(const struct tree_entry *t, void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	FUZZ_CHECK(t->name != NULL);
	return 0;
}

static void use(struct repo *r, const char *id)
{
	struct commit_info c = {.id = ""};
	struct live_file *files = NULL;
	struct tree_reader reader = repo_reader(r);
	struct tree_entry at;
	struct err e = ERR_INIT;
	size_t n = 0, len = 0;
	bool found = false;

	if (repo_commit(r, id, &c, &e) == 0) {
		(void)reader.list(reader.ctx, c.tree, each, NULL, &e);
		(void)repo_files(r, c.tree, "web", &files, &n, &e);
		if (reader.find(reader.ctx, c.tree, "web/compose.yaml", &at, &found, &e) == 0 &&
		    found) {
			auto_free char *text = NULL;

			(void)reader.read(reader.ctx, at.id, 4096, &text, &len, &e);
		}
	}
	for (size_t i = 0; i < n; i++) {
		FUZZ_CHECK(files[i].path[0] != '/' && !strstr(files[i].path, "/../"));
		free(files[i].path);
	}
	free(files);
	commit_info_done(&c);
}

void fuzz_one(const char *text, size_t len)
{
	static unsigned int runs;
	auto_repo struct repo *r = NULL;
	struct err e = ERR_INIT;
	git_oid ids[FUZZ_PARTS_MAX];
	char hex[OBJECT_ID_SIZE] = "";
	struct fuzz_parts p;

	if (runs == 0)
		FUZZ_CHECK(repo_library_init(&e) == 0);
	if (runs++ % RUNS == 0)
		FUZZ_CHECK(tree_remove(fuzz_path("repo.git"), &e) == 0);
	git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 0);
	FUZZ_CHECK(repo_open(fuzz_path("repo.git"), NULL, &r, &e) == 0);
	fuzz_cut(text, len, &p);
	size_t n = put(r, &p, ids);

	if (n > 0) {
		git_oid_tostr(hex, sizeof(hex), &ids[n - 1]);
		use(r, hex);
	}
	fuzz_parts_done(&p);
}
