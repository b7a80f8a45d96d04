/*
 * command - reading a command line: global options anywhere, a verb, its options and arguments in
 * any order. Own code instead of getopt: no globals, and a wrong option gets the nearest one as a
 * hint. Depends on: common.
 */
#include "agent/cli/verb.h"

#include "common/mem.h"

#include <errno.h>
#include <string.h>

struct reader {
	struct cli *cli;
	int argc, at;
	char **argv;
};

static const struct option_row *row_by_name(const struct option_row *rows, const char *name,
					    size_t n)
{
	for (; rows && rows->name; rows++) {
		if (strlen(rows->name) == n && memcmp(rows->name, name, n) == 0)
			return rows;
	}
	return NULL;
}

static const struct option_row *row_by_letter(const struct option_row *rows, char letter)
{
	for (; rows && rows->name; rows++) {
		if (rows->letter == letter)
			return rows;
	}
	return NULL;
}

static int unknown_option(const struct call *call, const char *option, struct err *e)
{
	const char *names[64];
	const struct option_row *tables[] = {call->verb ? call->verb->options : NULL,
					     global_options};
	size_t n = 0;
	auto_free char *bare = xstrndup(option + 2, strcspn(option + 2, "="));
	auto_free char *shown = str_printable(option, 80);
	const char *near;

	for (size_t i = 0; i < COUNT_OF(tables); i++) {
		for (const struct option_row *r = tables[i]; r && r->name; r++) {
			if (n < COUNT_OF(names))
				names[n++] = r->name;
		}
	}
	near = str_nearest(bare, names, n);
	if (near)
		return err_set(e, ERR_USAGE, 0, "unknown option %s: did you mean --%s?", shown,
			       near);
	if (call->verb)
		return err_set(e, ERR_USAGE, 0, "unknown option %s: see `mdc-agent help %s`", shown,
			       call->verb->name);
	return err_set(e, ERR_USAGE, 0, "unknown option %s: see `mdc-agent help`", shown);
}

/* An argument like "auto|always|never" lists all that is allowed. */
static int check_choice(const struct option_row *row, const char *value, struct err *e)
{
	size_t len = strlen(value);
	auto_free char *shown = NULL;

	if (!strchr(row->arg, '|'))
		return 0;
	for (const char *p = row->arg;; p++) {
		size_t n = strcspn(p, "|");

		if (n == len && memcmp(p, value, n) == 0)
			return 0;
		p += n;
		if (*p == '\0')
			break;
	}
	shown = str_printable(value, 80);
	return err_set(e, ERR_USAGE, 0, "--%s: \"%s\" is not one of %s", row->name, shown,
		       row->arg);
}

/* value: what stood behind "=" or in the same word, or NULL. */
static int take(struct reader *r, const struct option_row *row, const char *value, struct err *e)
{
	struct call *call = &r->cli->call;

	if (!row->arg && value)
		return err_set(e, ERR_USAGE, 0, "option --%s takes no argument", row->name);
	if (row->arg && !value && !row->optional) {
		if (r->at >= r->argc)
			return err_set(e, ERR_USAGE, 0, "option --%s needs an argument: %s",
				       row->name, row->arg);
		value = r->argv[r->at++];
	}
	if (row->arg && value && check_choice(row, value, e) < 0)
		return -1;
	if (call->n_given == CALL_OPTIONS_MAX)
		return err_set(e, ERR_USAGE, 0, "more than %d options", CALL_OPTIONS_MAX);
	call->given[call->n_given].row = row;
	call->given[call->n_given].value = value ? value : "";
	call->n_given++;
	return 0;
}

static const struct option_row *find_row(const struct call *call, const char *name, size_t n)
{
	const struct option_row *row = NULL;

	if (call->verb)
		row = row_by_name(call->verb->options, name, n);
	return row ? row : row_by_name(global_options, name, n);
}

static int long_option(struct reader *r, const char *word, struct err *e)
{
	const char *name = word + 2;
	size_t n = strcspn(name, "=");
	const struct option_row *row = find_row(&r->cli->call, name, n);

	if (!row)
		return unknown_option(&r->cli->call, word, e);
	return take(r, row, name[n] == '=' ? name + n + 1 : NULL, e);
}

static int short_options(struct reader *r, const char *word, struct err *e)
{
	const struct verb *verb = r->cli->call.verb;

	for (const char *p = word + 1; *p; p++) {
		const struct option_row *row = verb ? row_by_letter(verb->options, *p) : NULL;
		auto_free char *shown = NULL;

		if (!row)
			row = row_by_letter(global_options, *p);
		if (row && row->arg)
			return take(r, row, p[1] ? p + 1 : NULL, e);
		if (row) {
			if (take(r, row, NULL, e) < 0)
				return -1;
			continue;
		}
		shown = str_printable(p, 80);
		shown[*p >= 0x20 && *p < 0x7f ? 1 : strlen(shown)] = '\0';
		return err_set(e, ERR_USAGE, 0, "unknown option -%s: see `mdc-agent help%s%s`",
			       shown, verb ? " " : "", verb ? verb->name : "");
	}
	return 0;
}

static int take_verb(struct call *call, const char *word, struct err *e)
{
	size_t n;
	const struct verb *const *list = verb_list(&n);
	const char *names[64];
	const char *near;
	auto_free char *shown = str_printable(word, 80);

	call->verb = verb_find(word);
	if (call->verb)
		return 0;
	for (size_t i = 0; i < n && i < COUNT_OF(names); i++)
		names[i] = list[i]->name;
	near = str_nearest(word, names, n);
	if (near)
		return err_set(e, ERR_USAGE, 0, "unknown verb \"%s\": did you mean %s?", shown,
			       near);
	return err_set(e, ERR_USAGE, 0, "unknown verb \"%s\": `mdc-agent help` lists them", shown);
}

static int check_args(const struct call *call, struct err *e)
{
	const struct verb *v = call->verb;
	const char *gap = *v->args ? " " : "";

	/* `VERB --help` is answered whatever else stands there. */
	if (call_has(call, "help"))
		return 0;
	if (call->n_args < (size_t)v->min_args)
		return err_set(e, ERR_USAGE, 0, "an argument is missing: mdc-agent %s%s%s", v->name,
			       gap, v->args);
	if (v->max_args >= 0 && call->n_args > (size_t)v->max_args) {
		auto_free char *shown = str_printable(call->args[v->max_args], 80);

		return err_set(e, ERR_USAGE, 0, "unexpected argument \"%s\": mdc-agent %s%s%s",
			       shown, v->name, gap, v->args);
	}
	return 0;
}

static void apply_globals(struct cli *c)
{
	const char *color = call_value(&c->call, "color");

	c->config_file = call_value(&c->call, "config");
	c->json = call_has(&c->call, "json");
	c->verbose = call_has(&c->call, "verbose");
	if (color)
		c->color = strcmp(color, "always") == 0  ? COLOR_ALWAYS
			   : strcmp(color, "never") == 0 ? COLOR_NEVER
							 : COLOR_AUTO;
}

static int read_words(struct reader *r, struct err *e)
{
	struct call *call = &r->cli->call;
	bool only_args = false;

	while (r->at < r->argc) {
		const char *word = r->argv[r->at++];
		int result = 0;

		if (!only_args && strcmp(word, "--") == 0)
			only_args = true;
		else if (!only_args && word[0] == '-' && word[1] == '-')
			result = long_option(r, word, e);
		else if (!only_args && word[0] == '-' && word[1] != '\0')
			result = short_options(r, word, e);
		else if (!call->verb)
			result = take_verb(call, word, e);
		else
			call->args[call->n_args++] = word;
		if (result < 0)
			return -1;
	}
	return 0;
}

int command_parse(struct cli *c, int argc, char **argv, struct err *e)
{
	struct reader r = {.cli = c, .argc = argc, .at = 1, .argv = argv};
	int result;

	c->call.args = xcalloc((size_t)argc + 1, sizeof(*c->call.args));
	result = read_words(&r, e);
	apply_globals(c); /* also when a word is wrong: --json decides how that is told */
	if (result < 0)
		return -1;
	return c->call.verb ? check_args(&c->call, e) : 0;
}

void call_done(struct call *call)
{
	free(call->args);
	*call = (struct call){0};
}

const char *call_value(const struct call *call, const char *name)
{
	for (size_t i = call->n_given; i-- > 0;) {
		if (strcmp(call->given[i].row->name, name) == 0)
			return call->given[i].value;
	}
	return NULL;
}

bool call_has(const struct call *call, const char *name)
{
	return call_value(call, name) != NULL;
}

int call_generation(const struct call *call, size_t i, int64_t *out, struct err *e)
{
	const char *text = call->args[i];
	char *end;
	long long v;
	auto_free char *shown = str_printable(text, 80);

	errno = 0;
	v = strtoll(text, &end, 10);
	if (errno || end == text || *end || v <= 0)
		return err_set(
			e, ERR_USAGE, 0,
			"\"%s\" is not a generation's number: `mdc-agent generations` lists them",
			shown);
	*out = v;
	return 0;
}
