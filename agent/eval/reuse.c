/*
 * reuse - what the current generation knows about a project whose files did not change. A push to
 * one of a thousand projects must not read the other 999: their directories' ids are seen from the
 * parent, nothing below is opened. Depends on: tree, hosts, model.
 */
#include "agent/eval/eval_parts.h"

#include "common/mem.h"
#include "common/str.h"

#include <string.h>

void merge_settings(const struct eval *ev, const struct listed *l, const struct settings *own,
		    struct settings *s)
{
	if (l)
		settings_merge(s, &l->settings);
	settings_merge(s, own);
	settings_merge(s, &ev->manifest.defaults);
	settings_merge(s, &ev->in->config->defaults);
	settings_finish(s);
}

/* Are the files it reads elsewhere what they were? Also those that were not there. */
static int same_elsewhere(struct eval *ev, const struct project *known, bool *same, struct err *e)
{
	struct spot at;
	bool found;

	*same = false;
	for (size_t i = 0; i < known->n_elsewhere; i++) {
		const struct elsewhere *x = &known->elsewhere[i];
		if (eval_tree_find(ev->tree, x->path, &at, &found, e) < 0)
			return -1;
		if (found)
			free(at.link);
		if (!found || at.kind != x->kind || strcmp(at.id, x->id) != 0)
			return 0;
	}
	for (size_t i = 0; i < known->claims.n; i++) {
		if (!str_starts(known->claims.v[i], "absent "))
			continue;
		if (eval_tree_find(ev->tree, known->claims.v[i] + strlen("absent "), &at, &found,
				   e) < 0)
			return -1;
		if (found) {
			free(at.link);
			return 0;
		}
	}
	*same = true;
	return 0;
}

/* Settings that decide which files are read and what is found in them. */
static bool same_reading(const struct settings *a, const struct settings *b)
{
	return strv_equal(&a->files, &b->files) && strv_equal(&a->env_files, &b->env_files) &&
	       strv_equal(&a->profiles, &b->profiles) &&
	       strv_equal(&a->snapshot.volumes, &b->snapshot.volumes) &&
	       str_eq(a->before_snapshot.service, b->before_snapshot.service) &&
	       str_eq(a->after_snapshot.service, b->after_snapshot.service);
}

int reuse_known(struct eval *ev, const struct candidate *c, struct project *p, bool *done,
		struct err *e)
{
	const struct project *known = eval_known(ev, c->name);
	struct settings merged;
	bool same;

	*done = false;
	if (!known || known->declared || known->why_bad || strcmp(known->tree, c->id) != 0 ||
	    strcmp(known->path, c->path) != 0)
		return 0;
	settings_init(&merged);
	merge_settings(ev, c->listed, &known->own, &merged);
	bool ours = !hosts_unknown_group(&ev->manifest, &merged.hosts) &&
		    eval_is_ours(ev, &merged.hosts);
	if (!ours || !same_reading(&merged, &known->settings)) {
		settings_done(&merged);
		return 0;
	}
	if (same_elsewhere(ev, known, &same, e) < 0) {
		settings_done(&merged);
		return -1;
	}
	if (same) {
		project_done(p);
		project_copy(p, known);
		if (!settings_equal(&merged, &known->settings))
			p->digest[0] = '\0'; /* sealed at the end */
		settings_done(&p->settings);
		p->settings = merged;
		settings_init(&merged);
		*done = true;
	}
	settings_done(&merged);
	return 0;
}

/* "tree<tab>path<tab>host<tab>host": no part can hold a tab. */
static bool remembers(const struct candidate *c)
{
	return !c->listed || (c->listed->settings.files.n == 0 && c->listed->settings.hosts.n == 0);
}

const char *known_other(const struct eval *ev, const char *id, const char *path)
{
	if (!ev->in->known || ev->in->all_hosts)
		return NULL;
	const struct strv *l = &ev->in->known->others;
	auto_free char *start = xasprintf("%s\t%s\t", id, path);
	size_t low = 0, high = l->n;
	while (low < high) { /* the first that is not below start */
		size_t mid = low + (high - low) / 2;
		if (strcmp(l->v[mid], start) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < l->n && str_starts(l->v[low], start) ? l->v[low] : NULL;
}

bool reuse_other(struct eval *ev, const struct candidate *c)
{
	const char *known = known_other(ev, c->id, c->path);
	auto_strv struct strv hosts = STRV_INIT;

	if (!known || !remembers(c))
		return false;
	const char *at = known + strlen(c->id) + strlen(c->path) + 2;
	while (*at) {
		size_t n = strcspn(at, "\t");
		strv_push_own(&hosts, xstrndup(at, n));
		at += at[n] == '\t' ? n + 1 : n;
	}
	if (hosts.n == 0 || hosts_unknown_group(&ev->manifest, &hosts) || eval_is_ours(ev, &hosts))
		return false;
	strv_push(&ev->out->others, known);
	return true;
}

void remember_other(struct eval *ev, const struct candidate *c, const struct strv *hosts)
{
	if (!remembers(c))
		return;
	auto_free char *list = strv_join(hosts, "\t");
	strv_pushf(&ev->out->others, "%s\t%s\t%s", c->id, c->path, list);
}
