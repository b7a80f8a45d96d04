/*
 * str_show - what a person sees: text from outside made harmless, and "did you mean" for a wrong
 * name. Depends on: mem, str.
 */
#include "common/str.h"

#include "common/mem.h"

#include <stdint.h>
#include <string.h>

/*
 * Length of the UTF-8 character at s, its code point in *cp; 0 if it is not one by the strict rules
 * of RFC 3629: nothing longer than needed, no surrogates, nothing above 10FFFF.
 */
static size_t decode(const unsigned char *s, uint32_t *cp)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t least; /* smaller ones have a shorter form */
	} forms[] = {
		{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
	size_t len = 0;

	while (len < COUNT_OF(forms) && (s[0] & forms[len].mask) != forms[len].lead)
		len++;
	if (len == COUNT_OF(forms))
		return 0;
	uint32_t point = s[0] & (unsigned char)~forms[len].mask;
	for (size_t i = 1; i <= len; i++) {
		if ((s[i] & 0xc0) != 0x80) /* the final zero ends it here */
			return 0;
		point = point << 6 | (s[i] & 0x3f);
	}
	if (point < forms[len].least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
		return 0;
	*cp = point;
	return len + 1;
}

/* Controls, and characters that change how the rest of the line is shown. */
static bool is_hostile(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp <= 0x9f) || cp == 0x061c || cp == 0x200e ||
	       cp == 0x200f || (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069) ||
	       cp == 0xfeff;
}

/* The character at s as it will be shown; returns how many bytes of s it took. */
static size_t show_one(const unsigned char *s, struct str *piece)
{
	uint32_t cp = 0;
	size_t len = decode(s, &cp);

	if (len > 0 && !is_hostile(cp)) {
		str_addn(piece, (const char *)s, len);
		return len;
	}
	if (cp == '\n') {
		str_add(piece, "\\n");
		return 1;
	}
	if (len == 0)
		len = 1;
	for (size_t i = 0; i < len; i++)
		str_addf(piece, "\\x%02X", s[i]);
	return len;
}

char *str_printable(const char *s, size_t max)
{
	static const char more[] = "…";
	enum { MORE_LEN = sizeof(more) - 1 };
	auto_str struct str out = STR_INIT;
	auto_str struct str piece = STR_INIT;
	size_t fits = 0; /* the longest prefix that leaves room for the ellipsis */

	for (const unsigned char *p = (const unsigned char *)s; *p != '\0';) {
		str_reset(&piece);
		p += show_one(p, &piece);
		if (out.len + piece.len > max) {
			if (out.s)
				out.s[fits] = '\0';
			out.len = fits;
			if (fits + MORE_LEN <= max)
				str_add(&out, more);
			break;
		}
		str_addn(&out, piece.s, piece.len);
		if (out.len + MORE_LEN <= max)
			fits = out.len;
	}
	return str_take(&out);
}

enum { NAME_MAX_LEN = 64 };

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/* Edit distance in which a swap of two neighbours is one step ("iamge"). Both at most NAME_MAX_LEN
 * long. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t rows[3][NAME_MAX_LEN + 1];

	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *now = rows[i % 3];
		const size_t *above = rows[(i - 1) % 3];

		now[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t change = above[j - 1] + (a[i - 1] != b[j - 1]);

			now[j] = min3(change, above[j] + 1, now[j - 1] + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    rows[(i - 2) % 3][j - 2] + 1 < now[j])
				now[j] = rows[(i - 2) % 3][j - 2] + 1;
		}
	}
	return rows[a_len % 3][b_len];
}

const char *str_nearest(const char *name, const char *const *names, size_t n)
{
	size_t len = strlen(name);
	size_t nearest = (len / 3 > 2 ? len / 3 : 2) + 1;
	const char *best = NULL;

	if (len > NAME_MAX_LEN)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t other = strlen(names[i]);

		if (other > NAME_MAX_LEN)
			continue;
		size_t d = distance(name, len, names[i], other);
		/* A distance of the whole name is another name, not a typing error. */
		if (d < nearest && d < len) {
			best = names[i];
			nearest = d;
		}
	}
	return best;
}
