/*
 * repo_fixture - a `file` source that git itself makes, and the agent's repository over it.
 */
#pragma once

#include "agent/git/repo.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/proc.h"

#include "tests/unit/temp_dir.h"

#include <fcntl.h>
#include <git2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	char *dir, *work, *bare, *url, *repo;
	struct source_config src;
	struct repo *r;
};

static inline char *run_git(const char *dir, const char *input, const char *const *args)
{
	static const char *const env[] = {
		"PATH=/usr/local/bin:/usr/bin:/bin:/run/current-system/sw/bin",
		"HOME=/nonexistent",
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Ada",
		"GIT_AUTHOR_EMAIL=ada@example.org",
		"GIT_COMMITTER_NAME=Ada",
		"GIT_COMMITTER_EMAIL=ada@example.org",
		NULL};
	const char *argv[24] = {"git", "-C", dir, "-c", "protocol.file.allow=always"};
	struct err e = ERR_INIT;
	char *out = NULL;

	for (size_t i = 0; args[i]; i++)
		argv[5 + i] = args[i];
	if (proc_need(&(struct proc){.argv = argv, .env = env, .input = input, .timeout_ms = 60000},
		      &out, &e) < 0)
		fail_msg("git %s: %s", args[0], e.cause);
	out[strcspn(out, "\n")] = '\0';
	return out;
}

#define GIT_IN(dir, input, ...) run_git(dir, input, (const char *const[]){__VA_ARGS__, NULL})
#define GIT(dir, ...)           free(GIT_IN(dir, NULL, __VA_ARGS__))
#define GIT_TEXT(dir, ...)      GIT_IN(dir, NULL, __VA_ARGS__)

#define OK(call)                                                                                   \
	do {                                                                                       \
		struct err e = ERR_INIT;                                                           \
		if ((call) < 0)                                                                    \
			fail_msg("%s: %s", #call, e.cause);                                        \
	} while (0)

#define REFUSED(call, kind_, words)                                                                \
	do {                                                                                       \
		struct err e = ERR_INIT;                                                           \
		assert_int_equal(call, -1);                                                        \
		if (e.kind != (kind_) || !strstr(e.cause, words))                                  \
			fail_msg("%s: %d %s", #call, e.kind, e.cause);                             \
	} while (0)

static inline void put(const struct fixture *f, const char *path, const char *text)
{
	auto_free char *full = path_join(f->work, path);
	auto_free char *dir = path_dir(full);

	OK(dir_make(dir, 0755, &e));
	OK(file_replace_unsynced(full, text, strlen(text), 0644, &e));
}

static inline void push(const struct fixture *f, const char *message)
{
	GIT(f->work, "add", "-A");
	GIT(f->work, "commit", "-q", "--allow-empty", "-m", message);
	GIT(f->work, "push", "-q", "--force", "origin", "HEAD:refs/heads/main");
}

static inline void reopen(struct fixture *f)
{
	if (f->r)
		repo_free(f->r);
	f->r = NULL;
	OK(repo_open(f->repo, &f->src, &f->r, &e));
}

static inline int setup(void **state)
{
	char name[] = "/tmp/mdc-repo.XXXXXX";
	struct fixture *f = xcalloc(1, sizeof(*f));

	*state = f;
	assert_non_null(temp_dir(name));
	f->dir = xstrdup(name);
	f->work = path_join(name, "work");
	f->bare = path_join(name, "src.git");
	f->repo = path_join(name, "state/repo.git");
	f->url = xasprintf("file://%s", f->bare);
	f->src = (struct source_config){.url = f->url,
					.kind = SOURCE_FILE,
					.branch = (char *)(uintptr_t) "main",
					.timeout_ms = 60000};
	GIT(name, "init", "-q", "--bare", "-b", "main", "src.git");
	GIT(name, "init", "-q", "-b", "main", "work");
	GIT(f->work, "remote", "add", "origin", f->bare);
	put(f, "web/compose.yaml", "services: {}\n");
	put(f, "web/conf/app.ini", "a=1\n");
	put(f, "db/compose.yaml", "services: {db: {}}\n");
	put(f, "shared.env", "A=B\n");
	reopen(f);
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->r)
		repo_free(f->r);
	OK(tree_remove(f->dir, &e));
	free(f->dir);
	free(f->work);
	free(f->bare);
	free(f->url);
	free(f->repo);
	free(f);
	return 0;
}

/* ls, fetch, commit. */
static inline struct commit_info sync_to(struct fixture *f)
{
	char id[OBJECT_ID_SIZE] = "";
	struct commit_info c = {.time = 0};

	OK(repo_ls(f->r, id, &e));
	assert_int_equal(strlen(id), 40);
	OK(repo_fetch(f->r, id, &e));
	OK(repo_commit(f->r, id, &c, &e));
	return c;
}

static inline void find(struct fixture *f, const char *tree, const char *path, struct tree_entry *t)
{
	struct tree_reader reader = repo_reader(f->r);
	bool found = false;

	OK(reader.find(reader.ctx, tree, path, t, &found, &e));
	assert_true(found);
}

static inline void free_files(struct live_file *files, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(files[i].path);
	free(files);
}

static inline int library(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	return repo_library_init(&e);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
