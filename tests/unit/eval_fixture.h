/*
 * eval_fixture - a repository made of one text, for the tests of eval.
 * "== path" begins a file, "== path -> target" is a symlink; what follows up to the next "== " is
 * its content.
 */
#pragma once

#include "agent/eval/eval.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"

#include "tests/unit/temp_dir.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

struct fixture {
	char dir[64];
	struct worktree *tree;
	struct tree_reader reader, counting;
	char root[OBJECT_ID_SIZE];
	size_t reads, lists; /* through `counting` */
	struct config config;
};

static inline void fixture_write(const struct fixture *f, const char *spec)
{
	struct err e = ERR_INIT;

	while (str_starts(spec, "== ")) {
		size_t n = strcspn(spec, "\n");
		auto_free char *head = xstrndup(spec + 3, n - 3);
		const char *body = spec + n + (spec[n] == '\n');
		const char *end = strstr(body, "\n== ");
		size_t len = end ? (size_t)(end + 1 - body) : strlen(body);
		if (str_starts(body, "== "))
			len = 0;
		char *target = strstr(head, " -> ");
		if (target)
			*target = '\0';
		auto_free char *path = path_join(f->dir, head);
		auto_free char *parent = path_dir(path);
		assert_int_equal(dir_make(parent, 0755, &e), 0);
		if (target)
			assert_int_equal(symlink(target + 4, path), 0);
		else
			assert_int_equal(file_replace_unsynced(path, body, len, 0644, &e), 0);
		spec = body + len;
	}
}

static inline int count_list(void *ctx, const char *id,
			     int (*each)(const struct tree_entry *, void *, struct err *),
			     void *arg, struct err *e)
{
	struct fixture *f = ctx;

	f->lists++;
	return f->reader.list(f->reader.ctx, id, each, arg, e);
}

static inline int count_read(void *ctx, const char *id, size_t max, char **out, size_t *len,
			     struct err *e)
{
	struct fixture *f = ctx;

	f->reads++;
	return f->reader.read(f->reader.ctx, id, max, out, len, e);
}

static inline int count_find(void *ctx, const char *id, const char *path, struct tree_entry *out,
			     bool *found, struct err *e)
{
	struct fixture *f = ctx;

	return f->reader.find(f->reader.ctx, id, path, out, found, e);
}

static inline void fixture_open(struct fixture *f, const char *spec)
{
	struct err e = ERR_INIT;

	*f = (struct fixture){.dir = "/tmp/mdc-eval-XXXXXX"};
	assert_non_null(temp_dir(f->dir));
	fixture_write(f, spec);
	assert_int_equal(worktree_open(f->dir, &f->tree, &e), 0);
	f->reader = worktree_reader(f->tree, f->root);
	f->counting = (struct tree_reader){
		.ctx = f, .list = count_list, .find = count_find, .read = count_read};
	f->config.file = xstrdup("/etc/mdc-agent/agent.yaml");
	f->config.host = xstrdup("server1");
	f->config.source.path = xstrdup(".");
	settings_init(&f->config.defaults);
}

static inline void fixture_close(struct fixture *f)
{
	struct err e = ERR_INIT;

	worktree_close(f->tree);
	config_done(&f->config);
	assert_int_equal(tree_remove(f->dir, &e), 0);
}

/* A generation as if all that was found had been deployed. */
static inline struct generation generation_of(const struct eval_result *r)
{
	struct generation g = {.number = 1};

	g.v = xcalloc(r->projects.n + 1, sizeof(*g.v));
	for (size_t i = 0; i < r->projects.n; i++) {
		g.v[g.n].name = xstrdup(r->projects.v[i].name);
		active_init(&g.v[g.n].active);
		project_copy(&g.v[g.n++].active.want, &r->projects.v[i]);
	}
	strv_copy(&g.others, &r->others);
	return g;
}
