/*
 * roff - the few requests the man pages are made of (man(7) macros), and escaping.
 * Depends on: verb.
 */
#include "agent/cli/help.h"

#include <string.h>

/* What would be read as a request or an escape is protected; a hyphen stays the one that can be
 * copied. */
static void escape(struct str *out, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i == 0 && (text[i] == '.' || text[i] == '\''))
			str_add(out, "\\&");
		if (text[i] == '\\')
			str_add(out, "\\e");
		else if (text[i] == '-')
			str_add(out, "\\-");
		else if (text[i] == '\'')
			str_add(out, "\\(aq");
		else if (text[i] == '`')
			str_add(out, "\\(ga");
		else if (text[i] == '^')
			str_add(out, "\\(ha");
		else if (text[i] == '~')
			str_add(out, "\\(ti");
		else
			str_addc(out, text[i]);
	}
}

/* Words between backquotes are set in bold, without the quotes. */
static void inline_text(struct str *out, const char *text, size_t n)
{
	bool bold = false;

	while (n > 0) {
		const char *quote = memchr(text, '`', n);
		size_t len = quote ? (size_t)(quote - text) : n;

		escape(out, text, len);
		text += len;
		n -= len;
		if (!quote)
			break;
		bold = !bold;
		str_add(out, bold ? "\\fB" : "\\fR");
		text++;
		n--;
	}
	if (bold)
		str_add(out, "\\fR");
}

void roff_title(struct str *out, const char *name, const char *section, const char *what)
{
	str_addf(out, ".\\\" Made by `mdc-agent help --man`. Change the tables it is made from.\n");
	str_addf(out, ".TH \"%s\" \"%s\" \"\" \"mdc-agent %s\" \"mdc-agent\"\n", name, section,
		 MDC_VERSION);
	str_add(out, ".nh\n.ad l\n.SH NAME\n");
	escape(out, name, strlen(name));
	str_add(out, " \\- ");
	escape(out, what, strlen(what));
	str_addc(out, '\n');
}

void roff_section(struct str *out, const char *title)
{
	str_addf(out, ".SH \"%s\"\n", title);
}

void roff_text(struct str *out, const char *text)
{
	inline_text(out, text, strlen(text));
}

/* Behind a heading a paragraph has begun already. */
static bool behind_heading(const struct str *out)
{
	size_t at = out->len > 0 ? out->len - 1 : 0;

	while (at > 0 && out->s[at - 1] != '\n')
		at--;
	return out->len > 0 && str_starts(out->s + at, ".SH");
}

void roff_example(struct str *out, const char *text)
{
	str_add(out, behind_heading(out) ? ".RS 4\n.nf\n" : ".PP\n.RS 4\n.nf\n");
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "\n");

		escape(out, p, n);
		str_addc(out, '\n');
		p += n + (p[n] == '\n');
	}
	str_add(out, ".fi\n.RE\n");
}

void roff_paragraphs(struct str *out, const char *details)
{
	auto_str struct str example = STR_INIT;

	for (const char *p = details; *p;) {
		size_t n = strcspn(p, "\n");

		if (str_starts(p, "  ")) {
			str_addn(&example, p + 2, n - 2);
			str_addc(&example, '\n');
		} else {
			if (!behind_heading(out))
				str_add(out, ".PP\n");
			inline_text(out, p, n);
			str_addc(out, '\n');
		}
		p += n + (p[n] == '\n');
		if (example.len > 0 && !str_starts(p, "  ")) {
			roff_example(out, str_text(&example));
			str_reset(&example);
		}
	}
}

void roff_item(struct str *out, const char *head, const char *text)
{
	str_add(out, ".TP\n\\fB");
	escape(out, head, strlen(head));
	str_add(out, "\\fR\n");
	inline_text(out, text, strlen(text));
	str_addc(out, '\n');
}
