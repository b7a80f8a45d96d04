/*
 * help - what is printed from the tables is complete, fits its place and is well formed.
 */
#include "agent/cli/help.h"

#include "agent/model/config.h"
#include "agent/model/event.h"
#include "agent/model/keys.h"
#include "common/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct look plain = {.color = false};

static void assert_columns(const char *text, int most)
{
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "\n");
		auto_free char *line = xstrndup(p, n);

		if (text_width(line) > most || str_ends(line, " "))
			fail_msg("too wide, or ends with a blank: '%s'", line);
		p += n + (p[n] == '\n');
	}
}

static void assert_has(const struct str *text, const char *part)
{
	if (!strstr(str_text(text), part))
		fail_msg("missing: %s", part);
}

static void overview(void **state)
{
	auto_str struct str out = STR_INIT;
	size_t n;
	const struct verb *const *list = verb_list(&n);

	(void)state;
	help_overview(&out, &plain);
	assert_columns(str_text(&out), HELP_COLUMNS);
	for (size_t i = 0; i < n; i++) {
		auto_free char *name = xasprintf("\n  %s ", list[i]->name);

		assert_has(&out, name);
	}
	for (const struct option_row *o = global_options; o->name; o++)
		assert_has(&out, o->name);
}

static void each_verb(void **state)
{
	size_t n;
	const struct verb *const *list = verb_list(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		auto_str struct str out = STR_INIT;

		help_verb(&out, list[i], &plain);
		assert_columns(str_text(&out), HELP_COLUMNS);
		assert_has(&out, list[i]->help);
		for (const struct option_row *o = list[i]->options; o && o->name; o++) {
			auto_free char *name = xasprintf("--%s", o->name);

			assert_has(&out, name);
		}
	}
}

/* A hyphen in roff is written \-. */
static char *in_roff(const char *name)
{
	auto_str struct str out = STR_INIT;

	for (const char *p = name; *p; p++) {
		if (*p == '-')
			str_addc(&out, '\\');
		str_addc(&out, *p);
	}
	return str_take(&out);
}

/* Every line that begins with a dot is a request we know; no other line begins with one. */
static void assert_roff(const struct str *page)
{
	static const char *const requests[] = {".\\\"", ".TH ", ".SH ", ".SS ", ".TP",
					       ".PP",   ".RS",  ".RE",  ".nf",  ".fi",
					       ".br",   ".B ",  ".BR ", ".nh",  ".ad"};

	for (const char *p = str_text(page); *p;) {
		size_t n = strcspn(p, "\n");
		bool known = *p != '.' && *p != '\'';

		for (size_t i = 0; i < COUNT_OF(requests); i++)
			known = known || str_starts(p, requests[i]);
		if (!known || n == 0)
			fail_msg("not a line of roff: '%.*s'", (int)n, p);
		p += n + (p[n] == '\n');
	}
}

static void man_page_of_the_program(void **state)
{
	auto_str struct str out = STR_INIT;
	size_t n;
	const struct verb *const *list = verb_list(&n);

	(void)state;
	man_agent(&out);
	assert_roff(&out);
	for (size_t i = 0; i < n; i++) {
		auto_free char *head = xasprintf(".SS \"%s\"\n", list[i]->name);

		assert_has(&out, head);
		for (const struct option_row *o = list[i]->options; o && o->name; o++) {
			auto_free char *escaped = in_roff(o->name);
			auto_free char *option = xasprintf("\\-\\-%s", escaped);

			assert_has(&out, option);
		}
	}
	for (const struct exit_row *r = exit_rows; r->meaning; r++) {
		auto_free char *code = xasprintf("\\fB%d\\fR", r->code);

		assert_has(&out, code);
	}
}

static void has_key(const char *name, const struct key_row *row, int depth, void *arg)
{
	auto_free char *escaped = in_roff(name);
	auto_free char *head = xasprintf("\\fB%s\\fR\n", escaped);

	(void)depth;
	if (!str_eq(row->name, "compose_files"))
		assert_has(arg, head);
}

static void man_pages_of_the_files(void **state)
{
	auto_str struct str host = STR_INIT, manifest = STR_INIT;

	(void)state;
	man_agent_yaml(&host);
	assert_roff(&host);
	keys_each(config_rows(), "", has_key, &host);
	keys_each(settings_host_rows, "", has_key, &host);
	man_mdc_yaml(&manifest);
	assert_roff(&manifest);
	keys_each(settings_default_rows(), "", has_key, &manifest);
	assert_null(strstr(str_text(&manifest), "substitutions"));
}

static void roff_is_escaped(void **state)
{
	auto_str struct str out = STR_INIT;

	(void)state;
	roff_paragraphs(&out, ".hidden file and a\\b\n'quote' of `code-word` here\n  .example -x");
	assert_string_equal(str_text(&out), ".PP\n\\&.hidden file and a\\eb\n"
					    ".PP\n\\&\\(aqquote\\(aq of \\fBcode\\-word\\fR here\n"
					    ".PP\n.RS 4\n.nf\n\\&.example \\-x\n.fi\n.RE\n");
}

static void completions(void **state)
{
	static const char *const shells[] = {"bash", "zsh", "fish"};
	size_t n;
	const struct verb *const *list = verb_list(&n);
	struct err e = ERR_INIT;

	(void)state;
	for (size_t s = 0; s < COUNT_OF(shells); s++) {
		auto_str struct str out = STR_INIT;

		assert_int_equal(completion_text(&out, shells[s], &e), 0);
		for (size_t i = 0; i < n; i++) {
			assert_has(&out, list[i]->name);
			for (const struct option_row *o = list[i]->options; o && o->name; o++)
				assert_has(&out, o->name);
		}
	}
	auto_str struct str none = STR_INIT;

	assert_int_equal(completion_text(&none, "csh", &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
}

static void events(void **state)
{
	auto_str struct str catalog = STR_INIT, page = STR_INIT;

	(void)state;
	events_catalog(&catalog);
	events_markdown(&page);
	for (int i = 0; i < EVENT_COUNT; i++) {
		const struct event_kind *k = event_kind((enum event)i);
		auto_free char *head = xasprintf("\n-- %s\nSubject: ", k->id);

		assert_has(&catalog, head);
		assert_has(&page, k->id);
		assert_has(&page, k->name);
		assert_null(strchr(k->meaning, '|'));
		assert_null(strchr(k->advice, '|'));
	}
}

static void wrapping(void **state)
{
	auto_str struct str out = STR_INIT;

	(void)state;
	text_wrap(&out, "one two  three verylongwordthatdoesnotfit x", 2, 12, 0);
	assert_string_equal(str_text(&out),
			    "one two\n  three\n  verylongwordthatdoesnotfit\n  x\n");
}

static void cutting(void **state)
{
	static const struct {
		const char *in;
		int columns;
		bool utf8;
		const char *want;
	} cases[] = {
		{"short", 5, true, "short"},      {"too long", 5, true, "too …"},
		{"too long", 6, false, "too..."}, {"äöüß", 4, true, "äöüß"},
		{"日本語", 5, true, "日本…"},     {"日本語", 6, true, "日本語"},
		{"日本語", 4, true, "日…"},       {"abc", 0, true, ""},
		{"abcd", 2, false, "ab"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		auto_str struct str out = STR_INIT;

		(void)text_cut(&out, cases[i].in, cases[i].columns, cases[i].utf8);
		assert_string_equal(str_text(&out), cases[i].want);
	}
	assert_int_equal(text_width("e\xcc\x81"), 1); /* a combining accent */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overview),
		cmocka_unit_test(each_verb),
		cmocka_unit_test(man_page_of_the_program),
		cmocka_unit_test(man_pages_of_the_files),
		cmocka_unit_test(roff_is_escaped),
		cmocka_unit_test(completions),
		cmocka_unit_test(events),
		cmocka_unit_test(wrapping),
		cmocka_unit_test(cutting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
