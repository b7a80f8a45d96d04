/*
 * yaml - builds the tree from the events that ydoc.c has read: copies aliases, applies merge keys,
 * refuses double keys. Depends on: err, mem, str, ydoc.
 */
#include "common/yaml.h"

#include "common/mem.h"
#include "common/str.h"
#include "common/ydoc.h"

#include <string.h>

enum { SHOWN_MAX = 60, TEXT_PER_NODE = 32, DEPTH_LIMIT = 512 };

struct build {
	const struct ydoc *d;
	size_t copied;      /* nodes that stand in the tree because of an alias */
	size_t alias_depth; /* > 0 while an alias is copied */
	size_t depth;
	struct err *e;
};

static void done(struct yaml_node *n)
{
	for (size_t i = 0; i < n->n; i++) {
		if (n->kind == YAML_MAP) {
			free(n->pairs[i].key);
			done(&n->pairs[i].value);
		} else {
			done(&n->items[i]);
		}
	}
	free(n->pairs);
	free(n->items);
	free(n->text);
	*n = (struct yaml_node){.kind = YAML_NULL};
}

void yaml_node_free(struct yaml_node *root)
{
	if (!root)
		return;
	done(root);
	free(root);
}

static int fail_at(struct build *b, int line, int column, const char *what)
{
	return err_set(b->e, ERR_REJECTED, 0, "%s:%d:%d: %s", b->d->file, line, column, what);
}

static bool is_null(const struct ydoc_event *v)
{
	static const char *const words[] = {"", "~", "null", "Null", "NULL"};

	for (size_t i = 0; !v->quoted && i < COUNT_OF(words); i++) {
		if (strcmp(v->text, words[i]) == 0)
			return true;
	}
	return v->null_tag;
}

/* An array that doubles: room for one more of n. */
static void *room_for_one(void *array, size_t n, size_t size)
{
	bool full = (n & (n - 1)) == 0; /* 0, 1, 2, 4, 8, ... */

	return full ? xreallocarray(array, n > 0 ? n * 2 : 1, size) : array;
}

static int build_node(struct build *b, size_t *at, struct yaml_node *out);

static int build_list(struct build *b, size_t *at, struct yaml_node *out)
{
	while (b->d->events[*at].kind != YDOC_END) {
		out->items = room_for_one(out->items, out->n, sizeof(*out->items));
		out->items[out->n] = (struct yaml_node){.kind = YAML_NULL};
		if (build_node(b, at, &out->items[out->n++]) < 0)
			return -1;
	}
	(*at)++;
	return 0;
}

/* Pairs of a map while it is built: what is written in it first, then what merge keys bring. */
struct pairs {
	struct yaml_pair *v;
	size_t n;
	size_t own; /* how many of them are written in the map itself */
};

static void pairs_done(struct pairs *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].key);
		done(&p->v[i].value);
	}
	free(p->v);
	*p = (struct pairs){.n = 0};
}

static struct yaml_pair *add_pair(struct pairs *p)
{
	p->v = room_for_one(p->v, p->n, sizeof(*p->v));
	p->v[p->n] = (struct yaml_pair){.key = NULL};
	return &p->v[p->n++];
}

/* Move the pairs out of a map that a merge key names. */
static int take_merged(struct build *b, struct yaml_node *from, struct pairs *to)
{
	if (from->kind != YAML_MAP)
		return fail_at(b, from->line, from->column,
			       "the merge key \"<<\" wants a map or a list of maps");
	for (size_t i = 0; i < from->n; i++)
		*add_pair(to) = from->pairs[i];
	from->n = 0;
	return 0;
}

static int merge(struct build *b, struct yaml_node *value, struct pairs *merged)
{
	if (value->kind != YAML_LIST)
		return take_merged(b, value, merged);
	for (size_t i = 0; i < value->n; i++) {
		if (take_merged(b, &value->items[i], merged) < 0)
			return -1;
	}
	return 0;
}

struct sorted {
	const struct yaml_pair *pair;
	size_t at;
};

static int by_key(const void *a, const void *b)
{
	const struct sorted *x = a, *y = b;
	int order = strcmp(x->pair->key, y->pair->key);

	if (order != 0)
		return order;
	return x->at < y->at ? -1 : x->at > y->at;
}

static int twice(struct build *b, const struct yaml_pair *first, const struct yaml_pair *again)
{
	auto_free char *shown = str_printable(again->key, SHOWN_MAX);

	return err_set(b->e, ERR_REJECTED, 0, "%s:%d:%d: key \"%s\" is already set on line %d",
		       b->d->file, again->line, again->column, shown, first->line);
}

/*
 * Refuse a key written twice, and drop merged pairs that lose: to a written key, or to an earlier
 * merge. By sorting, because comparing each with each is too slow for a map of 50 000 keys.
 */
static int settle(struct build *b, struct pairs *p)
{
	auto_free struct sorted *order = xcalloc(p->n, sizeof(*order));
	size_t kept = 0;

	for (size_t i = 0; i < p->n; i++)
		order[i] = (struct sorted){&p->v[i], i};
	if (p->n > 1)
		qsort(order, p->n, sizeof(*order), by_key);
	for (size_t i = 1; i < p->n; i++) {
		if (strcmp(order[i - 1].pair->key, order[i].pair->key) == 0 && order[i].at < p->own)
			return twice(b, order[i - 1].pair, order[i].pair);
	}
	auto_free bool *drop = xcalloc(p->n, sizeof(*drop));
	for (size_t i = 1; i < p->n; i++)
		drop[order[i].at] = strcmp(order[i - 1].pair->key, order[i].pair->key) == 0;
	for (size_t i = 0; i < p->n; i++) {
		if (drop[i]) {
			free(p->v[i].key);
			done(&p->v[i].value);
		} else {
			p->v[kept++] = p->v[i];
		}
	}
	p->n = kept;
	return 0;
}

/* The key at *at; *is_merge for a plain "<<". An alias stands for the scalar it names. */
static int read_key(struct build *b, size_t *at, struct yaml_pair *pair, bool *is_merge)
{
	const struct ydoc_event *v = &b->d->events[*at];
	int line = v->line, column = v->column;

	if (v->kind == YDOC_ALIAS)
		v = &b->d->events[v->target];
	if (v->kind != YDOC_SCALAR)
		return fail_at(b, line, column, "a key must be text, not a list or a map");
	b->copied += b->alias_depth > 0 ? 1 + strlen(v->text) / TEXT_PER_NODE : 0;
	*is_merge = !v->quoted && strcmp(v->text, "<<") == 0;
	pair->key = xstrdup(v->text);
	pair->line = line;
	pair->column = column;
	(*at)++;
	return 0;
}

static int build_pairs(struct build *b, size_t *at, struct pairs *own, struct pairs *merged)
{
	const struct yaml_pair *merge_key = NULL;
	struct yaml_pair first_merge = {.key = NULL};

	while (b->d->events[*at].kind != YDOC_END) {
		struct yaml_pair *pair = add_pair(own);
		bool is_merge = false;

		if (read_key(b, at, pair, &is_merge) < 0 || build_node(b, at, &pair->value) < 0)
			return -1;
		if (!is_merge)
			continue;
		if (merge_key)
			return twice(b, merge_key, pair);
		first_merge.line = pair->line;
		merge_key = &first_merge;
		if (merge(b, &pair->value, merged) < 0)
			return -1;
		free(pair->key);
		done(&pair->value);
		own->n--;
		/* room_for_one() reads the count: the slot that was given back is still there. */
	}
	(*at)++;
	return 0;
}

static int build_map(struct build *b, size_t *at, struct yaml_node *out)
{
	AUTO(pairs_done) struct pairs own = {.n = 0};
	AUTO(pairs_done) struct pairs merged = {.n = 0};

	if (build_pairs(b, at, &own, &merged) < 0)
		return -1;
	own.own = own.n;
	for (size_t i = 0; i < merged.n; i++)
		*add_pair(&own) = merged.v[i];
	merged.n = 0;
	if (settle(b, &own) < 0)
		return -1;
	out->pairs = own.v;
	out->n = own.n;
	own = (struct pairs){.n = 0};
	return 0;
}

static int build_alias(struct build *b, const struct ydoc_event *v, struct yaml_node *out)
{
	size_t at = v->target;

	b->alias_depth++;
	int failed = build_node(b, &at, out);
	b->alias_depth--;
	return failed;
}

/* Copies count as nodes, and long texts as several: a hundred aliases of a megabyte are a bomb too.
 */
static int count_copy(struct build *b, const struct ydoc_event *v)
{
	if (b->alias_depth == 0)
		return 0;
	b->copied += 1 + (v->text ? strlen(v->text) / TEXT_PER_NODE : 0);
	if (b->copied > b->d->limits.max_alias_nodes)
		return fail_at(b, v->line, v->column, "aliases make this file too large");
	return 0;
}

static int build_collection(struct build *b, const struct ydoc_event *v, size_t *at,
			    struct yaml_node *out)
{
	/* Checked again here: aliases inside of aliases go deeper than the text does. */
	if (++b->depth > b->d->limits.max_depth)
		return fail_at(b, v->line, v->column, "nested too deeply");
	out->kind = v->kind == YDOC_MAP ? YAML_MAP : YAML_LIST;
	int failed = v->kind == YDOC_MAP ? build_map(b, at, out) : build_list(b, at, out);
	b->depth--;
	return failed;
}

static int build_node(struct build *b, size_t *at, struct yaml_node *out)
{
	const struct ydoc_event *v = &b->d->events[(*at)++];

	if (v->kind == YDOC_ALIAS)
		return build_alias(b, v, out);
	if (count_copy(b, v) < 0)
		return -1;
	out->line = v->line;
	out->column = v->column;
	if (v->kind != YDOC_SCALAR)
		return build_collection(b, v, at, out);
	out->kind = is_null(v) ? YAML_NULL : YAML_SCALAR;
	out->quoted = v->quoted;
	out->text = xstrdup(v->text);
	return 0;
}

static void set_limits(struct yaml_limits *to, const struct yaml_limits *from)
{
	static const struct yaml_limits presets = {.max_bytes = 262144,
						   .max_events = 100000,
						   .max_depth = 64,
						   .max_anchors = 256,
						   .max_alias_nodes = 100000};

	*to = presets;
	if (!from)
		return;
	to->max_bytes = from->max_bytes > 0 ? from->max_bytes : to->max_bytes;
	to->max_events = from->max_events > 0 ? from->max_events : to->max_events;
	to->max_depth = from->max_depth > 0 ? from->max_depth : to->max_depth;
	to->max_anchors = from->max_anchors > 0 ? from->max_anchors : to->max_anchors;
	to->max_alias_nodes =
		from->max_alias_nodes > 0 ? from->max_alias_nodes : to->max_alias_nodes;
	if (to->max_depth > DEPTH_LIMIT) /* we recurse once a level */
		to->max_depth = DEPTH_LIMIT;
}

int yaml_parse(const char *text, size_t len, const char *file, const struct yaml_limits *limits,
	       struct yaml_node **out, struct err *e)
{
	AUTO(ydoc_done) struct ydoc d = {.file = file};
	size_t at = 0;

	set_limits(&d.limits, limits);
	if (ydoc_read(&d, text, len, e) < 0)
		return -1;
	auto_yaml struct yaml_node *root = xcalloc(1, sizeof(*root));
	struct build b = {.d = &d, .e = e};
	if (d.n > 0 && build_node(&b, &at, root) < 0)
		return -1;
	if (d.n == 0) {
		root->text = xstrdup("");
		root->line = root->column = 1;
	}
	*out = TAKE(root);
	return 0;
}

const struct yaml_pair *yaml_pair_of(const struct yaml_node *n, const char *key)
{
	for (size_t i = 0; n && n->kind == YAML_MAP && i < n->n; i++) {
		if (strcmp(n->pairs[i].key, key) == 0)
			return &n->pairs[i];
	}
	return NULL;
}

const struct yaml_node *yaml_get(const struct yaml_node *n, const char *key)
{
	const struct yaml_pair *p = yaml_pair_of(n, key);

	return p ? &p->value : NULL;
}

const char *yaml_text(const struct yaml_node *n)
{
	return n && n->kind == YAML_SCALAR ? n->text : NULL;
}

const char *yaml_kind_name(enum yaml_kind kind)
{
	static const char *const names[] = {
		[YAML_NULL] = "nothing",
		[YAML_SCALAR] = "text",
		[YAML_LIST] = "list",
		[YAML_MAP] = "map",
	};

	return (size_t)kind < COUNT_OF(names) ? names[kind] : "unknown";
}
