/*
 * compose - a whole repository as eval reads it: the parts of the input are its files, see `files`.
 * What is found once is given to a second run as known, which must come to the same.
 * Depends on: fuzz, eval.
 */
#include "tests/fuzz/fuzz.h"

#include "agent/eval/eval.h"
#include "common/mem.h"

#include <stdio.h>
#include <string.h>

/* In byte order within each directory. The first part of the input is the first with a part. */
static const struct file {
	const char *dir, *name;
	enum entry_kind kind;
	int part; /* -1: none */
} files[] = {
	{".", "mdc.yaml", ENTRY_FILE, 1},
	{".", "shared", ENTRY_DIR, -1},
	{".", "web", ENTRY_DIR, -1},
	{"shared", "common.yaml", ENTRY_FILE, 3},
	{"web", ".env", ENTRY_FILE, 4},
	{"web", "compose.yaml", ENTRY_FILE, 0},
	{"web", "conf", ENTRY_DIR, -1},
	{"web", "extra.yaml", ENTRY_FILE, 2},
	{"web", "link", ENTRY_SYMLINK, -1},
	{"web", "sub", ENTRY_SUBMODULE, -1},
	{"web/conf", "a.conf", ENTRY_EXEC, -1},
};

static const struct fuzz_parts *parts;

/* An id is the path itself. */
static void path_of(const struct file *f, char *out)
{
	if (strcmp(f->dir, ".") == 0)
		(void)snprintf(out, OBJECT_ID_SIZE, "%s", f->name);
	else
		(void)snprintf(out, OBJECT_ID_SIZE, "%s/%s", f->dir, f->name);
}

static bool absent(const struct file *f)
{
	return f->part > 0 && (size_t)f->part >= parts->n;
}

static int list(void *ctx, const char *id,
		int (*each)(const struct tree_entry *t, void *arg, struct err *e), void *arg,
		struct err *e)
{
	(void)ctx;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct tree_entry t = {.name = files[i].name, .kind = files[i].kind};

		if (strcmp(files[i].dir, id) != 0 || absent(&files[i]))
			continue;
		path_of(&files[i], t.id);
		int r = each(&t, arg, e);
		if (r != 0)
			return r < 0 ? -1 : 0;
	}
	return 0;
}

static int find(void *ctx, const char *id, const char *path, struct tree_entry *out, bool *found,
		struct err *e)
{
	char want[2 * OBJECT_ID_SIZE + 1024], have[OBJECT_ID_SIZE];

	(void)ctx;
	(void)e;
	*found = strcmp(path, ".") == 0;
	if (*found) {
		*out = (struct tree_entry){.kind = ENTRY_DIR};
		(void)snprintf(out->id, sizeof(out->id), "%s", id);
		return 0;
	}
	(void)snprintf(want, sizeof(want), "%s%s%s", strcmp(id, ".") == 0 ? "" : id,
		       strcmp(id, ".") == 0 ? "" : "/", path);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		path_of(&files[i], have);
		if (strcmp(want, have) != 0 || absent(&files[i]))
			continue;
		*found = true;
		*out = (struct tree_entry){.kind = files[i].kind};
		(void)snprintf(out->id, sizeof(out->id), "%s", have);
	}
	return 0;
}

static int read_one(void *ctx, const char *id, size_t max, char **out, size_t *len, struct err *e)
{
	char have[OBJECT_ID_SIZE];

	(void)ctx;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		path_of(&files[i], have);
		if (strcmp(id, have) != 0)
			continue;
		size_t n = files[i].part < 0 ? 0 : parts->len[files[i].part];
		if (n > max)
			return err_set(e, ERR_REJECTED, 0, "too large");
		*out = xcalloc(1, n + 1);
		if (n > 0)
			memcpy(*out, parts->v[files[i].part], n);
		*len = n;
		return 0;
	}
	return err_set(e, ERR_RETRY, 0, "no such object");
}

/* The same again, with what is known now: nothing may differ. */
static void again(struct eval_input *in, const struct eval_result *first)
{
	struct generation g = {.number = 1};
	auto_eval_result struct eval_result second = {.atomic = false};
	struct err e = ERR_INIT;

	g.v = xcalloc(first->projects.n + 1, sizeof(*g.v));
	for (size_t i = 0; i < first->projects.n; i++) {
		g.v[g.n].name = xstrdup(first->projects.v[i].name);
		active_init(&g.v[g.n].active);
		project_copy(&g.v[g.n++].active.want, &first->projects.v[i]);
	}
	strv_copy(&g.others, &first->others);
	in->known = &g;
	FUZZ_CHECK(eval_run(in, NULL, &second, &e) == 0);
	FUZZ_CHECK(second.projects.n == first->projects.n);
	for (size_t i = 0; i < second.projects.n; i++)
		if (!first->projects.v[i].why_bad)
			FUZZ_CHECK(strcmp(second.projects.v[i].digest,
					  first->projects.v[i].digest) == 0);
	generation_done(&g);
}

void fuzz_one(const char *text, size_t len)
{
	const struct tree_reader reader = {.list = list, .find = find, .read = read_one};
	struct config config = {.file = (char *)(uintptr_t) "/etc/mdc-agent/agent.yaml",
				.host = (char *)(uintptr_t) "server1"};
	struct eval_input in = {.config = &config, .reader = &reader, .root = "."};
	auto_eval_result struct eval_result r = {.atomic = false};
	struct diags d = {0};
	struct err e = ERR_INIT;
	struct fuzz_parts p;

	fuzz_cut(text, len, &p);
	parts = &p;
	config.source.path = (char *)(uintptr_t) ".";
	settings_init(&config.defaults);
	if (eval_run(&in, &d, &r, &e) == 0)
		again(&in, &r);
	else
		FUZZ_CHECK(e.kind == ERR_REJECTED);
	settings_done(&config.defaults);
	diags_done(&d);
	fuzz_parts_done(&p);
}
