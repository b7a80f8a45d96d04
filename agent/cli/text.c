/*
 * text - measuring, cutting and wrapping by columns. The locale is not used: text is UTF-8 or it
 * was made printable. Depends on: common.
 */
#include "agent/cli/look.h"

#include "common/auto.h"

#include <string.h>

/* Ranges that take two columns or none; enough for names and commit subjects (Unicode East Asian
 * Width, in short). */
static const struct span {
	unsigned from, to;
	int width;
} spans[] = {
	{0x0300, 0x036f, 0},   {0x0483, 0x0489, 0},   {0x0591, 0x05bd, 0},   {0x064b, 0x065f, 0},
	{0x1100, 0x115f, 2},   {0x1ab0, 0x1aff, 0},   {0x200b, 0x200f, 0},   {0x20d0, 0x20ff, 0},
	{0x231a, 0x231b, 2},   {0x23e9, 0x23ec, 2},   {0x25fd, 0x25fe, 2},   {0x2614, 0x2615, 2},
	{0x26a1, 0x26a1, 2},   {0x2705, 0x2705, 2},   {0x2728, 0x2728, 2},   {0x274c, 0x274c, 2},
	{0x2753, 0x2757, 2},   {0x2795, 0x2797, 2},   {0x2b50, 0x2b55, 2},   {0x2e80, 0x303e, 2},
	{0x3041, 0xa4cf, 2},   {0xac00, 0xd7a3, 2},   {0xf900, 0xfaff, 2},   {0xfe00, 0xfe0f, 0},
	{0xfe20, 0xfe2f, 0},   {0xfe30, 0xfe6f, 2},   {0xff00, 0xff60, 2},   {0xffe0, 0xffe6, 2},
	{0x1f300, 0x1faff, 2}, {0x20000, 0x3fffd, 2}, {0xe0100, 0xe01ef, 0},
};

/* The character at s; *bytes is how long it is. A byte that begins nothing counts as itself. */
static unsigned decode(const char *s, size_t *bytes)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t n = u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : u[0] >= 0xc0 ? 2 : 1;
	unsigned c = n == 1 ? u[0] : u[0] & (0x7fU >> n);

	for (size_t i = 1; i < n; i++) {
		if ((u[i] & 0xc0) != 0x80) {
			*bytes = 1;
			return u[0];
		}
		c = (c << 6) | (u[i] & 0x3f);
	}
	*bytes = n;
	return c;
}

static int width_of(unsigned c)
{
	if (c < 0x300)
		return 1;
	for (size_t i = 0; i < COUNT_OF(spans); i++) {
		if (c >= spans[i].from && c <= spans[i].to)
			return spans[i].width;
	}
	return 1;
}

int text_width(const char *s)
{
	int width = 0;

	for (size_t n; *s; s += n)
		width += width_of(decode(s, &n));
	return width;
}

int text_cut(struct str *out, const char *s, int columns, bool utf8)
{
	const char *mark = utf8 ? "…" : "...";
	int mark_width = utf8 ? 1 : 3;
	int width = 0;

	if (columns <= 0)
		return 0;
	if (text_width(s) <= columns) {
		str_add(out, s);
		return text_width(s);
	}
	if (columns < mark_width) {
		mark = "";
		mark_width = 0;
	}
	for (size_t n; *s; s += n) {
		int w = width_of(decode(s, &n));

		if (width + w > columns - mark_width)
			break;
		str_addn(out, s, n);
		width += w;
	}
	str_add(out, mark);
	return width + mark_width;
}

void text_pad(struct str *out, int spaces)
{
	for (int i = 0; i < spaces; i++)
		str_addc(out, ' ');
}

void text_wrap(struct str *out, const char *text, int indent, int columns, int at)
{
	bool first = true;

	for (const char *p = text; *p;) {
		size_t n = strcspn(p, " ");
		auto_str struct str word = STR_INIT;
		int width;

		str_addn(&word, p, n);
		width = text_width(str_text(&word));
		if (!first && at + 1 + width > columns) {
			str_addc(out, '\n');
			text_pad(out, indent);
			at = indent;
		} else if (!first) {
			str_addc(out, ' ');
			at++;
		}
		str_add(out, str_text(&word));
		at += width;
		first = false;
		p += n;
		p += strspn(p, " ");
	}
	str_addc(out, '\n');
}

void text_lines(struct str *out, const char *indent, const char *text)
{
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "\n");
		auto_str struct str line = STR_INIT;
		auto_free char *safe = NULL;

		str_addn(&line, p, n);
		safe = str_printable(str_text(&line), 1024);
		str_addf(out, "%s%s\n", indent, safe);
		p += n + (p[n] == '\n');
	}
}

char *text_first(const char *text)
{
	auto_str struct str line = STR_INIT;

	if (text)
		str_addn(&line, text, strcspn(text, "\n"));
	return str_printable(str_text(&line), 200);
}

void text_count(struct str *out, size_t n, const char *noun)
{
	str_addf(out, "%zu %s%s", n, noun, n == 1 ? "" : "s");
}
