/*
 * table - see table.h.
 * Depends on: look.
 */
#include "agent/cli/table.h"

#include "common/mem.h"

#include <stdarg.h>

enum { CELL_MAX_BYTES = 300, GAP = 2 };

void table_add(struct table *t, enum tone tone, const char *text)
{
	bool last = t->n % t->columns + 1 == t->columns;

	t->cells = xreallocarray(t->cells, t->n + 1, sizeof(*t->cells));
	t->cells[t->n].text = str_printable(text && *text ? text : last ? "" : "-", CELL_MAX_BYTES);
	t->cells[t->n].tone = tone;
	t->n++;
}

void table_addf(struct table *t, enum tone tone, const char *fmt, ...)
{
	auto_str struct str text = STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	table_add(t, tone, str_text(&text));
}

static int column_width(const struct table *t, size_t column)
{
	int widest = text_width(t->heads[column]);

	for (size_t i = column; i < t->n; i += t->columns) {
		int w = text_width(t->cells[i].text);

		widest = w > widest ? w : widest;
	}
	return widest;
}

/* One cell; `left` is what the line still has room for, or -1 without an end. */
static void show_cell(struct str *out, const struct look *k, const struct table_cell *c, int left)
{
	auto_str struct str cut = STR_INIT;

	if (left < 0)
		str_add(&cut, c->text);
	else
		(void)text_cut(&cut, c->text, left > 4 ? left : 4, k->utf8);
	look_addf(out, k, c->tone, "%s", str_text(&cut));
}

static void show_row(struct str *out, const struct table *t, const struct look *k,
		     const struct table_cell *cells, const int *widths)
{
	int at = 0;

	for (size_t i = 0; i < t->columns; i++) {
		if (i + 1 == t->columns) {
			show_cell(out, k, &cells[i], k->columns > 0 ? k->columns - at : -1);
			break;
		}
		look_addf(out, k, cells[i].tone, "%s", cells[i].text);
		if (i + 2 == t->columns && !*cells[i + 1].text)
			break; /* no blanks at the end of a line */
		text_pad(out, widths[i] - text_width(cells[i].text) + GAP);
		at += widths[i] + GAP;
	}
	str_addc(out, '\n');
}

void table_show(struct str *out, const struct table *t, const struct look *k)
{
	auto_free int *widths = xcalloc(t->columns, sizeof(*widths));
	auto_free struct table_cell *heads = xcalloc(t->columns, sizeof(*heads));

	for (size_t i = 0; i < t->columns; i++) {
		widths[i] = column_width(t, i);
		heads[i] = (struct table_cell){.text = (char *)(uintptr_t)t->heads[i],
					       .tone = TONE_DIM};
	}
	show_row(out, t, k, heads, widths);
	for (size_t i = 0; i + t->columns <= t->n; i += t->columns)
		show_row(out, t, k, &t->cells[i], widths);
}

void table_done(struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->cells[i].text);
	free(t->cells);
	t->cells = NULL;
	t->n = 0;
}
