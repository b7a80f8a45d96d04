/*
 * policy - a project's resolved model held against the host's policy, before an image is pulled and
 * before anything is touched; and for `check`, without a host. Depends on: staging.h, check.h,
 * agent/policy.
 */
#include "agent/flow/check.h"
#include "agent/flow/staging.h"

#include "agent/engine/model.h"
#include "agent/policy/judge.h"
#include "common/mem.h"
#include "common/path.h"

#include <string.h>

enum { CAUSE_MAX = 900 };

/* The agent's own places, as they are written and as they are. */
static void guard(struct strv *to, const char *path)
{
	auto_free char *real = path && path[0] == '/' ? realpath(path, NULL) : NULL;

	if (path && path[0] == '/')
		strv_push(to, path);
	if (real && strcmp(real, path) != 0)
		strv_push(to, real);
}

static void guard_own(struct strv *to, const struct config *c)
{
	auto_free char *settings = c->file ? path_dir(c->file) : NULL;

	guard(to, c->state_dir);
	guard(to, c->runtime_dir);
	guard(to, c->snapshots.dir);
	guard(to, settings);
}

/* The engine may keep its data anywhere; asked only if something of the host is mounted at all. */
static void guard_engine(struct strv *to, struct staging *g)
{
	auto_strv struct strv named = STRV_INIT, binds = STRV_INIT;
	auto_free char *root = NULL;
	struct err ignored = ERR_INIT;

	model_volumes(g->model, &named, &binds);
	if (binds.n > 0 && engine_root(g->sync->engine, &root, &ignored) == 0)
		guard(to, root);
}

/* The same text for both sides: a warning that the model before had too is not told again. */
static bool was_told(const struct policy_findings *old, const struct policy_finding *f)
{
	for (size_t i = 0; i < old->n; i++)
		if (old->v[i].rule == f->rule && strcmp(old->v[i].what, f->what) == 0)
			return true;
	return false;
}

static void judge_old(struct staging *g, struct policy_call call, struct policy_findings *out)
{
	auto_json cJSON *old = NULL;
	struct err ignored = ERR_INIT;

	if (!g->trial->has_old ||
	    model_read(g->sync->store, g->want->name, g->trial->old.model, &old, &ignored) < 0)
		return;
	if (call.live) {
		call.directory = call.live;
		call.root = call.elsewhere;
		call.live = call.elsewhere = NULL;
	}
	policy_judge(&call, old, out);
}

static char *note_text(const struct diag *d)
{
	return xasprintf("policy: %s:%d: %s", d->file, d->line, d->text);
}

static void tell_warnings(struct staging *g, const struct policy_call *call,
			  const struct policy_findings *found, const struct diags *d)
{
	auto_policy_findings struct policy_findings old = {.n = 0};

	judge_old(g, *call, &old);
	for (size_t i = 0; i < found->n && i < d->n; i++) {
		if (found->v[i].action != POLICY_WARN || was_told(&old, &found->v[i]))
			continue;
		auto_free char *text = note_text(&d->v[i]);

		strv_push(&g->trial->notes, text);
		job_tell(g->job, "notes", text);
	}
}

/* The first one is the reason's first line; reports keep all. */
static int refuse(struct staging *g, const struct diags *d, struct err *e)
{
	auto_str struct str text = {.max = CAUSE_MAX};

	for (size_t i = 0; i < d->n; i++) {
		const struct diag *f = &d->v[i];

		if (f->level != DIAG_ERROR)
			continue;
		auto_free char *line =
			xasprintf("%s:%d:%d: %s", f->file, f->line, f->column, f->text);

		if (d->errors > 1)
			job_tell(g->job, "log", line);
		if (text.len > 0)
			str_addf(&text, "\n%s", line);
		else if (d->errors > 1)
			str_addf(&text, "the policy does not allow %zu things: %s", d->errors,
				 line);
		else
			str_addf(&text, "the policy does not allow it: %s", line);
	}
	return err_set(e, ERR_REJECTED, 0, "%s%s", str_text(&text),
		       text.cut ? "…\n(`mdc-agent events` shows all)" : "");
}

int staging_policy(struct staging *g, struct err *e)
{
	const struct project *w = g->want;
	auto_strv struct strv guarded = STRV_INIT, sockets = STRV_INIT, files = STRV_INIT;
	auto_policy_findings struct policy_findings found = {.n = 0};
	auto_diags struct diags d = DIAGS_INIT;
	struct policy_call call = {.policy = &g->sync->config->policy,
				   .project = w->name,
				   .directory = g->directory,
				   .guarded = &guarded,
				   .sockets = &sockets};
	struct policy_files where = {.files = &files};

	guard_own(&guarded, g->sync->config);
	guard_engine(&guarded, g);
	guard(&sockets, engine_socket(g->sync->engine));
	if (!w->declared) {
		call.root = where.root = g->root;
		call.live = g->live;
		call.elsewhere = g->elsewhere;
	}
	policy_judge(&call, g->model, &found);
	if (found.n == 0)
		return 0;
	policy_project_files(w, &files);
	policy_tell(&found, &where, w->name, &d);
	if (d.errors > 0)
		return refuse(g, &d, e);
	tell_warnings(g, &call, &found, &d);
	return 0;
}

void policy_project_files(const struct project *p, struct strv *out)
{
	const struct strv *names = p->declared ? &p->settings.compose_files : &p->files;

	for (size_t i = 0; i < names->n; i++)
		strv_push_own(out, p->declared || strcmp(p->path, ".") == 0
					   ? xstrdup(names->v[i])
					   : path_join(p->path, names->v[i]));
}

void check_policy(struct checking *k, const struct project *p, const char *root, const cJSON *model)
{
	auto_strv struct strv guarded = STRV_INIT, sockets = STRV_INIT, files = STRV_INIT;
	auto_policy_findings struct policy_findings found = {.n = 0};
	auto_free char *dir = strcmp(p->path, ".") == 0 ? xstrdup(root) : path_join(root, p->path);
	struct policy_call call = {.policy = k->policy,
				   .project = p->name,
				   .directory = dir,
				   .root = root,
				   .guarded = &guarded,
				   .sockets = &sockets};
	struct policy_files where = {.root = root, .files = &files};

	guard_own(&guarded, k->config);
	guard(&sockets, k->config->socket);
	policy_judge(&call, model, &found);
	policy_project_files(p, &files);
	policy_tell(&found, &where, p->name, k->diags);
}
