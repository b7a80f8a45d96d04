/*
 * eval - runs the evaluators, then what only shows between projects; sorts and seals.
 * Depends on: eval_parts.
 */
#include "agent/eval/eval_parts.h"

#include "common/digest.h"
#include "common/mem.h"
#include "common/path.h"

#include <string.h>

void eval_result_done(struct eval_result *r)
{
	projects_done(&r->projects);
	strv_done(&r->warnings);
	strv_done(&r->others);
	*r = (struct eval_result){.atomic = false};
}

void eval_add(struct eval *ev, struct project *p)
{
	struct projects *l = &ev->out->projects;

	if ((l->n & (l->n - 1)) == 0)
		l->v = xreallocarray(l->v, l->n > 0 ? l->n * 2 : 1, sizeof(*l->v));
	l->v[l->n++] = *p;
	project_init(p);
}

bool eval_is_ours(struct eval *ev, const struct strv *hosts)
{
	return ev->in->all_hosts || host_matches(ev->here, hosts);
}

const struct project *eval_known(const struct eval *ev, const char *name)
{
	const struct generation_entry *g =
		ev->in->known ? generation_find(ev->in->known, name) : NULL;

	return g && g->status != ENTRY_MISSING && g->active.want.name ? &g->active.want : NULL;
}

char *eval_path(const struct eval *ev, const char *below)
{
	const char *start = ev->in->config->source.path;
	char *path = NULL;

	/* Both are clean, so that they cannot climb. */
	if (path_resolve(start ? start : ".", below, &path) < 0)
		path = xstrdup(below);
	return path;
}

void eval_bad(struct eval *ev, struct project *p, const struct diag *at)
{
	diags_add(ev->d, DIAG_ERROR, at->file, at->line, at->column, p->name, "%s", at->text);
	if (p->why_bad)
		return;
	if (at->line > 0)
		p->why_bad = xasprintf("%s:%d:%d: %s", at->file, at->line, at->column, at->text);
	else
		p->why_bad = xasprintf("%s: %s", at->file, at->text);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct project *)a)->name, ((const struct project *)b)->name);
}

/* One name from two evaluators: which of them is meant is a question for a person. */
static void merge_doubles(struct eval *ev)
{
	struct projects *l = &ev->out->projects;
	size_t kept = 0;

	if (l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), by_name);
	for (size_t i = 0; i < l->n; i++) {
		if (kept == 0 || strcmp(l->v[kept - 1].name, l->v[i].name) != 0) {
			if (kept != i)
				l->v[kept] = l->v[i];
			kept++;
			continue;
		}
		bool host = l->v[i].declared && l->v[kept - 1].declared;
		auto_free char *text =
			xasprintf("project '%s' is both declared here and in the repository "
				  "('%s'): rename one of them",
				  l->v[i].name,
				  host               ? "flake.nix"
				  : l->v[i].declared ? l->v[kept - 1].path
						     : l->v[i].path);
		(void)strv_add_once(&ev->doubles, l->v[i].name);
		eval_bad(ev, &l->v[kept - 1],
			 &(struct diag){.file = ev->in->config->file, .text = text});
		project_done(&l->v[i]);
	}
	l->n = kept;
}

static void seal(struct eval *ev, size_t first_finding)
{
	for (size_t i = 0; i < ev->out->projects.n; i++)
		if (!ev->out->projects.v[i].digest[0])
			project_seal(&ev->out->projects.v[i]);
	/* One of the two may be what runs: the pair is something else all the same. */
	for (size_t i = 0; i < ev->out->projects.n; i++) {
		struct project *p = &ev->out->projects.v[i];

		if (!strv_has(&ev->doubles, p->name))
			continue;
		auto_free char *both = xasprintf("%s: %s", p->digest, p->why_bad);

		digest_text(both, p->digest);
	}
	for (size_t i = first_finding; i < ev->d->n; i++) {
		const struct diag *f = &ev->d->v[i];
		if (f->level != DIAG_WARNING)
			continue;
		if (f->line > 0)
			strv_pushf(&ev->out->warnings, "%s:%d:%d: %s", f->file, f->line, f->column,
				   f->text);
		else
			strv_pushf(&ev->out->warnings, "%s: %s", f->file, f->text);
	}
	strv_sort(&ev->out->others);
}

static int run(struct eval *ev, struct err *e)
{
	size_t first_finding = ev->d->n;

	for (size_t i = 0; evaluators[i]; i++)
		if (evaluators[i]->run(ev, e) < 0)
			return -1;
	merge_doubles(ev);
	check_between(ev);
	check_clashes(ev);
	ev->out->atomic = ev->manifest.atomic;
	seal(ev, first_finding);
	return 0;
}

int eval_run(const struct eval_input *in, struct diags *d, struct eval_result *out, struct err *e)
{
	auto_diags struct diags own = DIAGS_INIT;
	auto_eval_result struct eval_result result = {.atomic = false};
	struct eval ev = {.in = in, .d = d ? d : &own, .out = &result};

	manifest_init(&ev.manifest);
	if (in->reader)
		ev.tree = eval_tree_new(in->reader, in->root);
	int rc = run(&ev, e);
	eval_tree_free(ev.tree);
	if (ev.here)
		host_view_free(ev.here);
	manifest_done(&ev.manifest);
	strv_done(&ev.names);
	strv_done(&ev.doubles);
	if (rc < 0)
		return -1;
	*out = result;
	result = (struct eval_result){.atomic = false};
	return 0;
}
