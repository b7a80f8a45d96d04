/*
 * hosts - which hosts a list of names, patterns and groups means.
 * Depends on: manifest.
 */
#include "agent/eval/eval_parts.h"

#include "common/mem.h"
#include "common/str.h"

#include <fnmatch.h>
#include <string.h>
#include <strings.h>

enum answer { UNKNOWN, RUNNING, NO, YES };

struct host_view {
	const struct manifest *m;
	char *host;
	unsigned char *in; /* enum answer of each group */
};

struct host_view *host_view_new(const struct manifest *m, const char *host)
{
	struct host_view *v = xcalloc(1, sizeof(*v));

	v->m = m;
	v->host = xstrdup(host);
	v->in = xcalloc(m->n_groups + 1, 1);
	return v;
}

void host_view_free(struct host_view *v)
{
	free(v->host);
	free(v->in);
	free(v);
}

static bool find_group(const struct manifest *m, const char *name, size_t *at)
{
	for (size_t i = 0; i < m->n_groups; i++) {
		if (strcmp(m->groups[i].name, name) == 0) {
			*at = i;
			return true;
		}
	}
	return false;
}

static bool any_matches(struct host_view *v, const struct strv *members);

/* Cycles were refused when the manifest was read; should one be left, it simply does not match. */
static bool in_group(struct host_view *v, size_t i)
{
	if (v->in[i] == UNKNOWN) {
		v->in[i] = RUNNING;
		v->in[i] = any_matches(v, &v->m->groups[i].members) ? YES : NO;
	}
	return v->in[i] == YES;
}

static bool any_matches(struct host_view *v, const struct strv *members)
{
	for (size_t i = 0; i < members->n; i++) {
		const char *one = members->v[i];
		size_t at;
		if (one[0] == '@' ? find_group(v->m, one + 1, &at) && in_group(v, at)
				  : fnmatch(one, v->host, FNM_CASEFOLD) == 0)
			return true;
	}
	return false;
}

bool host_matches(struct host_view *v, const struct strv *hosts)
{
	return hosts->n == 0 || any_matches(v, hosts);
}

const char *hosts_unknown_group(const struct manifest *m, const struct strv *hosts)
{
	size_t at;

	for (size_t i = 0; i < hosts->n; i++)
		if (hosts->v[i][0] == '@' && !find_group(m, hosts->v[i] + 1, &at))
			return hosts->v[i];
	return NULL;
}

/* Levels of groups below group i; more than GROUP_DEPTH also stands for a cycle. Each group is
 * judged once. */
static int depth_of(const struct manifest *m, size_t i, int *depth)
{
	enum { OPEN = -1, CYCLE = GROUP_DEPTH * 2 };

	if (depth[i] == OPEN)
		return CYCLE;
	if (depth[i] > 0)
		return depth[i];
	depth[i] = OPEN;
	int deepest = 0;
	for (size_t k = 0; k < m->groups[i].members.n; k++) {
		const char *one = m->groups[i].members.v[k];
		size_t at;
		if (one[0] != '@' || !find_group(m, one + 1, &at))
			continue;
		int below = depth_of(m, at, depth);
		deepest = below > deepest ? below : deepest;
	}
	depth[i] = deepest >= CYCLE ? CYCLE : deepest + 1;
	return depth[i];
}

static void unknown_group(const struct manifest *m, const struct group *g, const char *name,
			  struct diags *d)
{
	auto_strv struct strv known = STRV_INIT;

	for (size_t i = 0; i < m->n_groups; i++)
		strv_push(&known, m->groups[i].name);
	const char *near = str_nearest(name + 1, (const char *const *)known.v, known.n);
	diags_add(d, DIAG_ERROR, m->file, g->line, g->column, NULL,
		  "group '%s' names the unknown group '%s'%s%s%s", g->name, name,
		  near ? ": did you mean '@" : "; define it under groups", near ? near : "",
		  near ? "'?" : "");
}

int hosts_check_groups(const struct manifest *m, struct diags *d)
{
	auto_free int *depth = xcalloc(m->n_groups + 1, sizeof(*depth));
	int rc = 0;

	for (size_t i = 0; i < m->n_groups; i++) {
		const struct group *g = &m->groups[i];
		const char *unknown = hosts_unknown_group(m, &g->members);
		int levels = depth_of(m, i, depth);
		if (unknown) {
			unknown_group(m, g, unknown, d);
			rc = -1;
		}
		if (levels > GROUP_DEPTH) {
			diags_add(
				d, DIAG_ERROR, m->file, g->line, g->column, NULL,
				"group '%s' contains itself or is nested deeper than %d levels: name its "
				"hosts directly",
				g->name, GROUP_DEPTH);
			return -1; /* the others of the cycle would say the same */
		}
	}
	return rc;
}

void hosts_collect(const struct strv *hosts, struct strv *names)
{
	for (size_t i = 0; i < hosts->n; i++)
		if (hosts->v[i][0] != '@' && !strpbrk(hosts->v[i], "*?["))
			(void)strv_add_once(names, hosts->v[i]);
}

static bool share_a_word(const struct strv *a, const struct strv *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (strv_has(b, a->v[i]))
			return true;
	return false;
}

bool hosts_overlap(const struct manifest *m, const struct strv *names, const struct strv *a,
		   const struct strv *b)
{
	if (a->n == 0 || b->n == 0 || share_a_word(a, b))
		return true;
	for (size_t i = 0; i < names->n; i++) {
		AUTO(host_view_free_at) struct host_view *v = host_view_new(m, names->v[i]);
		if (host_matches(v, a) && host_matches(v, b))
			return true;
	}
	return false;
}
