/*
 * between - what only shows between projects: `after` that names nobody, or goes in circles.
 * Depends on: eval_parts.
 */
#include "agent/eval/eval_parts.h"

#include "common/mem.h"
#include "common/str.h"

#include <string.h>

/* Where a project's settings come from, for findings. */
static struct diag origin(const struct eval *ev, const struct project *p, char *text)
{
	struct diag at = {.file = p->path, .text = text};

	if (p->declared) {
		at.file = ev->in->config->file;
		return at;
	}
	if (!p->own.after.n && ev->manifest.file) {
		at.file = ev->manifest.file;
		for (size_t i = 0; i < ev->manifest.n_projects; i++) {
			if (strcmp(ev->manifest.projects[i].name, p->name) != 0)
				continue;
			at.line = ev->manifest.projects[i].line;
			at.column = ev->manifest.projects[i].column;
		}
	}
	return at;
}

static void unknown_after(struct eval *ev, struct project *p, const char *name)
{
	const char *near = str_nearest(name, (const char *const *)ev->names.v, ev->names.n);
	auto_free char *text =
		near ? xasprintf("after: there is no project '%s': did you mean '%s'?", name, near)
		     : xasprintf("after: there is no project '%s': correct the name or remove it",
				 name);
	struct diag at = origin(ev, p, text);

	eval_bad(ev, p, &at);
}

/* A project that this host does not run cannot be waited for. */
static void check_after(struct eval *ev, struct project *p)
{
	auto_strv struct strv here = STRV_INIT;

	for (size_t i = 0; i < p->settings.after.n; i++) {
		const char *name = p->settings.after.v[i];
		if (projects_find(&ev->out->projects, name)) {
			(void)strv_add_once(&here, name);
		} else if (!strv_has(&ev->names, name)) {
			unknown_after(ev, p, name);
		} else {
			auto_free char *text =
				xasprintf("after: project '%s' does not run on this host, so "
					  "'%s' does not wait for it",
					  name, p->name);
			struct diag at = origin(ev, p, text);
			diags_add(ev->d, DIAG_WARNING, at.file, at.line, at.column, p->name, "%s",
				  text);
		}
	}
	strv_copy(&p->settings.after, &here);
	const struct project *known = eval_known(ev, p->name);
	if (!known || !strv_equal(&known->settings.after, &here))
		p->digest[0] = '\0';
}

struct cycle {
	struct eval *ev;
	unsigned char *state; /* of each project: 0 new, 1 on the way, 2 done */
	size_t *way;
	size_t n;
};

static void report_cycle(struct cycle *c, size_t from)
{
	auto_str struct str names = STR_INIT;
	struct projects *l = &c->ev->out->projects;
	size_t first = 0;

	while (c->way[first] != from)
		first++;
	for (size_t i = first; i < c->n; i++)
		str_addf(&names, "%s → ", l->v[c->way[i]].name);
	str_add(&names, l->v[from].name);
	auto_free char *text =
		xasprintf("after goes in a circle: %s; remove one of these", str_text(&names));
	for (size_t i = first; i < c->n; i++) {
		struct project *p = &l->v[c->way[i]];
		struct diag at = origin(c->ev, p, text);
		eval_bad(c->ev, p, &at);
	}
}

static size_t index_of(const struct projects *l, const char *name)
{
	return (size_t)(projects_find(l, name) - l->v);
}

struct step {
	size_t at, next; /* a project, and which of its `after` comes next */
};

/* Depth first without recursion: a chain of thousands must not use up the stack. */
static void follow(struct cycle *c, size_t start)
{
	const struct projects *l = &c->ev->out->projects;
	auto_free struct step *stack = xcalloc(l->n + 1, sizeof(*stack));
	size_t n = 0;

	stack[n++] = (struct step){.at = start};
	c->state[start] = 1;
	c->way[c->n++] = start;
	while (n > 0) {
		struct step *s = &stack[n - 1];
		const struct strv *after = &l->v[s->at].settings.after;
		if (s->next == after->n) {
			c->state[s->at] = 2;
			c->n--;
			n--;
			continue;
		}
		size_t to = index_of(l, after->v[s->next++]);
		if (c->state[to] == 1)
			report_cycle(c, to);
		if (c->state[to] != 0)
			continue;
		c->state[to] = 1;
		c->way[c->n++] = to;
		stack[n++] = (struct step){.at = to};
	}
}

/* Two projects of one Compose name would take each other's containers for their own. */
static void check_compose_names(struct eval *ev)
{
	struct projects *l = &ev->out->projects;

	for (size_t i = 0; i < l->n; i++) {
		const char *name = l->v[i].settings.host.project_name;

		for (size_t k = 0; name && k < l->n; k++) {
			if (k == i || strcmp(project_compose_name(&l->v[k]), name) != 0)
				continue;
			auto_free char *text =
				xasprintf("project_name '%s' is also that of project '%s': choose "
					  "another one",
					  name, l->v[k].name);
			struct diag at = origin(ev, &l->v[i], text);

			eval_bad(ev, &l->v[i], &at);
		}
	}
}

void check_between(struct eval *ev)
{
	struct projects *l = &ev->out->projects;
	struct cycle c = {.ev = ev};

	check_compose_names(ev);

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].settings.after.n > 0)
			check_after(ev, &l->v[i]);
	auto_free unsigned char *state = xcalloc(l->n + 1, 1);
	auto_free size_t *way = xcalloc(l->n + 1, sizeof(*way));
	c.state = state;
	c.way = way;
	for (size_t i = 0; i < l->n; i++)
		if (state[i] == 0 && l->v[i].settings.after.n > 0)
			follow(&c, i);
}
