/*
 * look - how text looks where it goes: colour, width, whether it may hold more than ASCII; and
 * measuring and wrapping text by columns. Everything is added to a str, so that what is shown can
 * be tested. Depends on: common.
 */
#pragma once

#include "common/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tone { TONE_PLAIN, TONE_GOOD, TONE_WARN, TONE_BAD, TONE_DIM, TONE_BOLD };

struct look {
	bool color, utf8;
	int columns; /* 0: no limit, it is not a terminal */
	int64_t now; /* wall clock, for "3 m ago" */
};

enum color_choice { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };
/* How output to this descriptor should look. */
struct look look_of(int fd, enum color_choice choice);
/* Size of the terminal behind fd now; 80 x 24 if it cannot be asked. */
void look_size(int fd, int *columns, int *rows);

/* Add formatted text in a tone. */
void look_addf(struct str *out, const struct look *k, enum tone t, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* "3 m ago"; "never" for 0. Returns buf. */
const char *look_ago(int64_t when, int64_t now, char *buf, size_t size);

/* Columns that UTF-8 text takes; escape sequences must not be in it. */
int text_width(const char *s);
/* Add s, cut to that many columns (with "..." or an ellipsis when cut). Returns the columns used.
 */
int text_cut(struct str *out, const char *s, int columns, bool utf8);
void text_pad(struct str *out, int spaces);
/*
 * Add a paragraph wrapped to `columns`, each new line indented; `at` is the column the cursor
 * stands at. A newline ends it.
 */
void text_wrap(struct str *out, const char *text, int indent, int columns, int at);

/* Text from outside, several lines: each made printable and put behind `indent`, each ended by a
 * newline. */
void text_lines(struct str *out, const char *indent, const char *text);
/* The first line of text from outside, printable, at most 200 bytes; "" for NULL. The caller frees.
 */
char *text_first(const char *text);
/* "1 project", "2 projects". */
void text_count(struct str *out, size_t n, const char *noun);
