/*
 * table - rows of text under heads, aligned by columns. The last column is cut where the terminal
 * ends. Depends on: look.
 */
#pragma once

#include "agent/cli/look.h"

struct table_cell {
	char *text;
	enum tone tone;
};

struct table {
	const char *const *heads;
	size_t columns;
	struct table_cell *cells; /* row by row */
	size_t n;
};

/* Add the next cell; text is made printable; NULL or "" shows as "-", in the last column as
 * nothing. */
void table_add(struct table *t, enum tone tone, const char *text);
void table_addf(struct table *t, enum tone tone, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void table_show(struct str *out, const struct table *t, const struct look *k);
void table_done(struct table *t);
#define auto_table AUTO(table_done)
