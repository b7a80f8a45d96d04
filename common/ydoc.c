/*
 * ydoc - drives libyaml's event parser. libyaml is quadratic in depth and in directives and knows
 * no limits, so every budget is checked at the event that would exceed it, before the parser is
 * asked for more. Depends on: err, mem, str, libyaml. To allow another tag: a row in `tags`.
 */
#include "common/ydoc.h"

#include "common/auto.h"
#include "common/mem.h"
#include "common/str.h"

#include <string.h>
#include <yaml.h>

enum { DIRECTIVES_MAX = 64, SHOWN_MAX = 60 };

/* What a tag may stand on, and what it means. Compose's own two keep the value as it is written. */
static const struct tag {
	const char *name;
	bool on_scalar, on_list, on_map;
	bool is_text, is_null;
} tags[] = {
	{"tag:yaml.org,2002:str", true, false, false, true, false},
	{"tag:yaml.org,2002:int", true, false, false, false, false},
	{"tag:yaml.org,2002:bool", true, false, false, false, false},
	{"tag:yaml.org,2002:float", true, false, false, false, false},
	{"tag:yaml.org,2002:null", true, false, false, false, true},
	{"tag:yaml.org,2002:seq", false, true, false, false, false},
	{"tag:yaml.org,2002:map", false, false, true, false, false},
	{"!", true, true, true, true, false},
	{"!reset", true, true, true, false, false},
	{"!override", true, true, true, false, false},
};

struct anchor {
	char *name;
	size_t event;
	size_t depth; /* of the collection it names; 0 for a scalar */
	bool open;    /* the collection has not ended yet */
};

/* The state of one reading. */
struct reading {
	struct ydoc *d;
	yaml_parser_t parser;
	struct anchor *anchors;
	size_t anchor_count, depth, cap;
	struct err *e;
};

static int fail_at(struct reading *r, yaml_mark_t at, const char *what, const char *detail)
{
	auto_free char *shown = str_printable(detail, SHOWN_MAX);

	return err_set(r->e, ERR_REJECTED, 0, "%s:%zu:%zu: %s%s", r->d->file, at.line + 1,
		       at.column + 1, what, shown);
}

/* The reader's errors (bad UTF-8) name a byte, not a line. */
static yaml_mark_t mark_of_byte(const char *text, size_t len, size_t byte)
{
	yaml_mark_t at = {.index = byte};

	for (size_t i = 0; i < byte && i < len; i++) {
		at.column++;
		if (text[i] == '\n') {
			at.line++;
			at.column = 0;
		}
	}
	return at;
}

static int parser_failed(struct reading *r, const char *text, size_t len)
{
	const yaml_parser_t *p = &r->parser;
	const char *problem = p->problem ? p->problem : "cannot be read";

	if (p->error == YAML_MEMORY_ERROR)
		abort();
	if (p->error == YAML_READER_ERROR)
		return fail_at(r, mark_of_byte(text, len, p->problem_offset), problem, "");
	if (!p->context)
		return fail_at(r, p->problem_mark, problem, "");
	auto_free char *both = xasprintf("%s (%s)", problem, p->context);
	return fail_at(r, p->problem_mark, both, "");
}

static struct ydoc_event *add_event(struct reading *r, enum ydoc_kind kind, yaml_mark_t at)
{
	struct ydoc *d = r->d;

	if (d->n == r->cap) {
		r->cap = r->cap > 0 ? r->cap * 2 : 64;
		d->events = xreallocarray(d->events, r->cap, sizeof(*d->events));
	}
	struct ydoc_event *v = &d->events[d->n++];
	*v = (struct ydoc_event){
		.kind = kind, .line = (int)at.line + 1, .column = (int)at.column + 1};
	return v;
}

/* Fills in what the tag means for the event; tag may be NULL. */
static int apply_tag(struct reading *r, struct ydoc_event *v, const char *tag, yaml_mark_t at)
{
	if (!tag)
		return 0;
	for (size_t i = 0; i < COUNT_OF(tags); i++) {
		const struct tag *t = &tags[i];

		if (strcmp(t->name, tag) != 0)
			continue;
		if (!(v->kind == YDOC_SCALAR ? t->on_scalar
		      : v->kind == YDOC_LIST ? t->on_list
					     : t->on_map))
			return fail_at(r, at, "tag does not fit its value: ", tag);
		v->quoted = v->quoted || (t->is_text && v->kind == YDOC_SCALAR);
		v->null_tag = t->is_null;
		return 0;
	}
	return fail_at(r, at, "tag is not allowed here: ", tag);
}

static int add_anchor(struct reading *r, const char *name, yaml_mark_t at, bool open)
{
	if (!name)
		return 0;
	if (r->anchor_count >= r->d->limits.max_anchors)
		return fail_at(r, at, "too many anchors, at ", name);
	r->anchors = xreallocarray(r->anchors, r->anchor_count + 1, sizeof(*r->anchors));
	r->anchors[r->anchor_count++] = (struct anchor){.name = xstrdup(name),
							.event = r->d->n - 1,
							.depth = open ? r->depth : 0,
							.open = open};
	return 0;
}

static int on_scalar(struct reading *r, const yaml_event_t *y)
{
	struct ydoc_event *v = add_event(r, YDOC_SCALAR, y->start_mark);
	const char *value = (const char *)y->data.scalar.value;

	if (memchr(value, '\0', y->data.scalar.length))
		return fail_at(r, y->start_mark, "a zero character is not allowed", "");
	v->text = xstrndup(value, y->data.scalar.length);
	v->quoted = y->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	if (apply_tag(r, v, (const char *)y->data.scalar.tag, y->start_mark) < 0)
		return -1;
	return add_anchor(r, (const char *)y->data.scalar.anchor, y->start_mark, false);
}

static int on_start(struct reading *r, const yaml_event_t *y, enum ydoc_kind kind)
{
	const yaml_char_t *tag =
		kind == YDOC_MAP ? y->data.mapping_start.tag : y->data.sequence_start.tag;
	const yaml_char_t *name =
		kind == YDOC_MAP ? y->data.mapping_start.anchor : y->data.sequence_start.anchor;

	if (++r->depth > r->d->limits.max_depth)
		return fail_at(r, y->start_mark, "nested too deeply", "");
	struct ydoc_event *v = add_event(r, kind, y->start_mark);
	if (apply_tag(r, v, (const char *)tag, y->start_mark) < 0)
		return -1;
	return add_anchor(r, (const char *)name, y->start_mark, true);
}

static void on_end(struct reading *r, const yaml_event_t *y)
{
	(void)add_event(r, YDOC_END, y->start_mark);
	for (size_t i = 0; i < r->anchor_count; i++) {
		if (r->anchors[i].open && r->anchors[i].depth == r->depth)
			r->anchors[i].open = false;
	}
	r->depth--;
}

static int on_alias(struct reading *r, const yaml_event_t *y)
{
	const char *name = (const char *)y->data.alias.anchor;

	/* From the end: a name that is used again means the nearest one before. */
	for (size_t i = r->anchor_count; i-- > 0;) {
		if (strcmp(r->anchors[i].name, name) != 0)
			continue;
		if (r->anchors[i].open)
			return fail_at(r, y->start_mark, "alias contains itself: *", name);
		add_event(r, YDOC_ALIAS, y->start_mark)->target = r->anchors[i].event;
		return 0;
	}
	return fail_at(r, y->start_mark, "alias has no anchor before it: *", name);
}

/* One event. *documents counts how many have begun. */
static int on_event(struct reading *r, const yaml_event_t *y, int *documents)
{
	switch (y->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++*documents > 1)
			return fail_at(r, y->start_mark,
				       "a second document begins here; one is allowed", "");
		return 0;
	case YAML_SCALAR_EVENT:
		return on_scalar(r, y);
	case YAML_SEQUENCE_START_EVENT:
		return on_start(r, y, YDOC_LIST);
	case YAML_MAPPING_START_EVENT:
		return on_start(r, y, YDOC_MAP);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		on_end(r, y);
		return 0;
	case YAML_ALIAS_EVENT:
		return on_alias(r, y);
	default:
		return 0;
	}
}

static int read_events(struct reading *r, const char *text, size_t len)
{
	int documents = 0, failed = 0;
	bool ended = false;

	for (size_t count = 1; !ended && failed == 0; count++) {
		yaml_event_t y;

		if (!yaml_parser_parse(&r->parser, &y))
			return parser_failed(r, text, len);
		if (count > r->d->limits.max_events)
			failed = fail_at(r, y.start_mark, "too many values in one file", "");
		else
			failed = on_event(r, &y, &documents);
		ended = y.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&y);
	}
	return failed;
}

/* libyaml compares each directive with all before it, inside one call that we cannot interrupt. */
static bool many_directives(const char *text, size_t len)
{
	size_t found = 0;

	for (size_t i = 0; i < len; i++) {
		bool at_start = i == 0 || text[i - 1] == '\n' || text[i - 1] == '\r';

		found += at_start && text[i] == '%';
	}
	return found > DIRECTIVES_MAX;
}

int ydoc_read(struct ydoc *d, const char *text, size_t len, struct err *e)
{
	struct reading r = {.d = d, .e = e};

	if (len > d->limits.max_bytes)
		return err_set(e, ERR_REJECTED, 0, "%s:1:1: %zu bytes, more than the %zu allowed",
			       d->file, len, d->limits.max_bytes);
	if (many_directives(text, len))
		return err_set(e, ERR_REJECTED, 0, "%s:1:1: too many lines that begin with %%",
			       d->file);
	if (!yaml_parser_initialize(&r.parser))
		abort();
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
	int failed = read_events(&r, text, len);
	yaml_parser_delete(&r.parser);
	for (size_t i = 0; i < r.anchor_count; i++)
		free(r.anchors[i].name);
	free(r.anchors);
	return failed;
}

void ydoc_done(struct ydoc *d)
{
	for (size_t i = 0; i < d->n; i++)
		free(d->events[i].text);
	free(d->events);
	d->events = NULL;
	d->n = 0;
}
