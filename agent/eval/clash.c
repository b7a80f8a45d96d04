/*
 * clash - two projects of one host that want the same port or container name.
 * Depends on: eval_parts, ports (for the form of a claim).
 */
#include "agent/eval/eval_parts.h"

#include "common/mem.h"
#include "common/str.h"

#include <stdio.h>
#include <string.h>

struct claim {
	struct project *p;
	const char *text;
	size_t key; /* length of the part that must be unique: "port tcp/80", "container web" */
};
struct claims {
	struct claim *v;
	size_t n;
};

static void collect(struct project *p, struct claims *l)
{
	for (size_t i = 0; i < p->claims.n; i++) {
		const char *text = p->claims.v[i];
		const char *first = strchr(text, ' ');
		const char *second = first ? strchr(first + 1, ' ') : NULL;
		if (!second || str_starts(text, "absent "))
			continue;
		if ((l->n & (l->n - 1)) == 0)
			l->v = xreallocarray(l->v, l->n > 0 ? l->n * 2 : 1, sizeof(*l->v));
		l->v[l->n++] = (struct claim){.p = p, .text = text, .key = (size_t)(second - text)};
	}
}

static int by_key(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	size_t shorter = x->key < y->key ? x->key : y->key;
	int order = strncmp(x->text, y->text, shorter);

	if (order != 0)
		return order;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return strcmp(x->p->name, y->p->name);
}

static bool same_key(const struct claim *a, const struct claim *b)
{
	return a->key == b->key && strncmp(a->text, b->text, a->key) == 0;
}

static bool is_any(const char *ip, size_t len)
{
	static const char *const any[] = {"0.0.0.0", "::", "[::]", "*"};

	for (size_t i = 0; i < COUNT_OF(any); i++)
		if (strlen(any[i]) == len && strncmp(any[i], ip, len) == 0)
			return true;
	return false;
}

static bool same_address(const struct claim *a, const struct claim *b)
{
	const char *x = a->text + a->key + 1, *y = b->text + b->key + 1;
	size_t nx = strcspn(x, " "), ny = strcspn(y, " ");

	if (!str_starts(a->text, "port "))
		return true;
	return is_any(x, nx) || is_any(y, ny) || (nx == ny && strncmp(x, y, nx) == 0);
}

/* It runs like this already: then the other one is the newcomer. */
static bool runs_so(const struct eval *ev, const struct project *p)
{
	const struct project *known = eval_known(ev, p->name);

	return known && strcmp(known->tree, p->tree) == 0 &&
	       settings_equal(&known->settings, &p->settings);
}

static void refuse(struct eval *ev, const struct claim *mine, const struct claim *other)
{
	bool port = str_starts(mine->text, "port ");
	const char *place = mine->text + mine->key + 1;

	if (port)
		place += strcspn(place, " ") + 1;
	auto_free char *file = xstrdup(place);
	int line = 0, column = 0;
	char *colon = strrchr(file, ':');
	if (colon) { /* "file:line:column", and the file may hold colons itself */
		column = (int)strtol(colon + 1, NULL, 10);
		*colon = '\0';
		colon = strrchr(file, ':');
	}
	if (colon) {
		line = (int)strtol(colon + 1, NULL, 10);
		*colon = '\0';
	}
	const char *what = mine->text + (port ? strlen("port ") : strlen("container "));
	int len = (int)(mine->text + mine->key - what);
	auto_free char *text =
		port ? xasprintf(
			       "port %.*s of the host is also published by project '%s': choose another one",
			       len, what, other->p->name)
		     : xasprintf(
			       "container_name '%.*s' is also used by project '%s': remove it or choose another",
			       len, what, other->p->name);
	eval_bad(ev, mine->p,
		 &(struct diag){.file = file, .line = line, .column = column, .text = text});
}

static void compare(struct eval *ev, const struct strv *names, const struct claim *a,
		    const struct claim *b)
{
	if (a->p == b->p || !same_address(a, b))
		return;
	if (ev->in->all_hosts &&
	    !hosts_overlap(&ev->manifest, names, &a->p->settings.hosts, &b->p->settings.hosts))
		return;
	bool old_a = runs_so(ev, a->p), old_b = runs_so(ev, b->p);
	if (!old_a)
		refuse(ev, a, b);
	if (!old_b)
		refuse(ev, b, a);
}

/* Every host name that is mentioned: the hosts that `check` can think of. */
static void collect_hosts(const struct eval *ev, struct strv *names)
{
	strv_push(names, ev->in->config->host);
	for (size_t i = 0; i < ev->manifest.n_groups; i++)
		hosts_collect(&ev->manifest.groups[i].members, names);
	for (size_t i = 0; i < ev->out->projects.n; i++)
		hosts_collect(&ev->out->projects.v[i].settings.hosts, names);
}

void check_clashes(struct eval *ev)
{
	enum {
		COMPARED_MAX = 50
	}; /* of one key: a thousand projects on one port need not all be paired */
	struct claims l = {.n = 0};
	auto_strv struct strv names = STRV_INIT;

	for (size_t i = 0; i < ev->out->projects.n; i++)
		collect(&ev->out->projects.v[i], &l);
	if (l.n > 1)
		qsort(l.v, l.n, sizeof(*l.v), by_key);
	if (ev->in->all_hosts)
		collect_hosts(ev, &names);
	for (size_t i = 0; i < l.n; i++)
		for (size_t k = i + 1;
		     k < l.n && k - i < COMPARED_MAX && same_key(&l.v[i], &l.v[k]); k++)
			compare(ev, &names, &l.v[i], &l.v[k]);
	free(l.v);
}
