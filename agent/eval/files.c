/*
 * files - the evaluator for repositories: mdc.yaml, or directories with a Compose file.
 * Depends on: manifest, discover, reuse, scan.
 */
#include "agent/eval/scan.h"

#include "common/mem.h"
#include "common/path.h"

#include <stdio.h>
#include <string.h>

static int read_manifest(struct eval *ev, const char *path, const struct spot *at, struct err *e)
{
	auto_free char *text = NULL;
	size_t len;
	const struct tree_reader *r = ev->in->reader;

	if (at->kind != ENTRY_FILE && at->kind != ENTRY_EXEC)
		return err_set(
			e, ERR_REJECTED, 0,
			"%s is not a plain file: a manifest must stand in the repository itself",
			path);
	if (r->read(r->ctx, at->id, COMPOSE_MAX_BYTES, &text, &len, e) < 0)
		return err_wrap(e, "%s", path);
	size_t before = ev->d->errors;
	if (manifest_parse(text, len, path, ev->d, &ev->manifest, e) < 0) {
		if (ev->d->errors == before) /* not YAML at all: the cause is the only finding */
			eval_cause(ev->d, path, NULL, e->cause);
		return -1;
	}
	return 0;
}

static int find_manifest(struct eval *ev, struct err *e)
{
	static const char *const names[] = {"mdc.yaml", "mdc.yml"};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		auto_free char *path = eval_path(ev, names[i]);
		struct spot at;
		bool found;
		if (eval_tree_find(ev->tree, path, &at, &found, e) < 0)
			return -1;
		if (!found)
			continue;
		free(at.link); /* its kind says enough */
		return read_manifest(ev, path, &at, e);
	}
	return 0;
}

/* Hosts that the manifest gives; x-mdc is only asked where it gives none. */
static bool given_elsewhere(struct eval *ev, const struct candidate *c)
{
	const struct listed *l = c->listed;

	return l && !l->hosts_wrong && l->settings.hosts.n > 0 &&
	       !hosts_unknown_group(&ev->manifest, &l->settings.hosts) &&
	       !eval_is_ours(ev, &l->settings.hosts);
}

static int evaluate(struct eval *ev, const struct candidate *c, struct err *e)
{
	struct project p;
	bool done = false, mine = true;

	strv_push(&ev->names, c->name);
	if (given_elsewhere(ev, c) || (!c->why_bad && reuse_other(ev, c)))
		return 0;
	project_init(&p);
	p.name = xstrdup(c->name);
	p.path = xstrdup(c->path);
	(void)snprintf(p.tree, sizeof(p.tree), "%s", c->id);
	int rc = 0;
	if (c->why_bad) {
		p.why_bad = xstrdup(c->why_bad);
		merge_settings(ev, c->listed, &p.own, &p.settings);
	} else {
		rc = reuse_known(ev, c, &p, &done, e);
		if (rc == 0 && !done)
			rc = scan_project(ev, c, &p, &mine, e);
	}
	if (rc == 0 && mine)
		eval_add(ev, &p);
	project_done(&p);
	return rc;
}

static int run(struct eval *ev, struct err *e)
{
	struct candidates list = {.n = 0};

	if (!ev->in->reader || ev->in->flake) {
		ev->here = host_view_new(&ev->manifest, ev->in->config->host);
		return 0;
	}
	if (find_manifest(ev, e) < 0)
		return -1;
	ev->here = host_view_new(&ev->manifest, ev->in->config->host);
	int rc = discover(ev, &list, e);
	for (size_t i = 0; rc == 0 && i < list.n; i++)
		rc = evaluate(ev, &list.v[i], e);
	candidates_done(&list);
	return rc;
}

const struct evaluator evaluator_files = {.name = "files", .run = run};
