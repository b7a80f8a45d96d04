/*
 * verbs - the table of verbs is complete and consistent, and command lines are read as it says.
 */
#include "agent/cli/verb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void check_options(const struct verb *v)
{
	for (const struct option_row *o = v->options; o && o->name; o++) {
		assert_non_null(o->help);
		assert_true(*o->help);
		assert_null(strchr(o->help, '\t'));
		for (const struct option_row *p = o + 1; p->name; p++) {
			assert_string_not_equal(o->name, p->name);
			assert_true(o->letter == 0 || o->letter != p->letter);
		}
		for (const struct option_row *g = global_options; g->name; g++) {
			assert_string_not_equal(o->name, g->name);
			assert_true(o->letter == 0 || o->letter != g->letter);
		}
	}
}

static void every_verb_is_documented(void **state)
{
	size_t n;
	const struct verb *const *list = verb_list(&n);

	(void)state;
	assert_true(n >= 15);
	for (size_t i = 0; i < n; i++) {
		const struct verb *v = list[i];

		assert_ptr_equal(verb_find(v->name), v);
		assert_true(*v->help && strlen(v->help) < 80);
		assert_true(v->help[strlen(v->help) - 1] != '.');
		assert_true(strlen(v->details) > 60);
		assert_non_null(v->args);
		assert_non_null(v->run);
		assert_true(v->group < GROUP_COUNT);
		assert_true(v->max_args < 0 || v->max_args >= v->min_args);
		assert_true((*v->args != '\0') == (v->max_args != 0));
		check_options(v);
	}
}

struct row {
	const char *name;
	const char *words[6];       /* after the program's name */
	const char *verb;           /* NULL: none */
	const char *option, *value; /* that must be there */
	size_t args;
	const char *error; /* part of the message; NULL: it is fine */
};

static const struct row rows[] = {
	{"verb alone", {"status"}, "status", NULL, NULL, 0, NULL},
	{"option", {"sync", "--drift"}, "sync", "drift", "", 0, NULL},
	{"option with value", {"check", "--ref", "main", "dir"}, "check", "ref", "main", 1, NULL},
	{"option with =", {"check", "--ref=main"}, "check", "ref", "main", 0, NULL},
	{"empty value", {"check", "--ref="}, "check", "ref", "", 0, NULL},
	{"letter", {"rollback", "-p", "web"}, "rollback", "project", "web", 0, NULL},
	{"letter and value in one",
	 {"rollback", "-pweb", "3"},
	 "rollback",
	 "project",
	 "web",
	 1,
	 NULL},
	{"letters together", {"-vc", "x", "status"}, "status", "config", "x", 0, NULL},
	{"global before the verb", {"--config", "x", "status"}, "status", "config", "x", 0, NULL},
	{"global behind the verb", {"status", "-c", "x"}, "status", "config", "x", 0, NULL},
	{"the last one counts", {"status", "-c", "x", "-c", "y"}, "status", "config", "y", 0, NULL},
	{"option behind an argument", {"rollback", "3", "--pin"}, "rollback", "pin", "", 1, NULL},
	{"two dashes", {"suspend", "--", "--json"}, "suspend", NULL, NULL, 1, NULL},
	{"one dash is an argument", {"check", "-"}, "check", NULL, NULL, 1, NULL},
	{"many arguments", {"suspend", "a", "b", "c"}, "suspend", NULL, NULL, 3, NULL},
	{"help of a verb", {"check", "--help", "a", "b"}, "check", "help", "", 2, NULL},
	{"no verb", {"--help"}, NULL, "help", "", 0, NULL},
	{"choice", {"--color=never", "plan"}, "plan", "color", "never", 0, NULL},
	{"wrong verb", {"stauts"}, NULL, NULL, NULL, 0, "did you mean status?"},
	{"wrong verb, nothing near", {"xyzzyxyzzy"}, NULL, NULL, NULL, 0, "`mdc-agent help`"},
	{"wrong option", {"sync", "--drfit"}, NULL, NULL, NULL, 0, "did you mean --drift?"},
	{"wrong option, nothing near", {"sync", "--qqqqqqqqqq"}, NULL, NULL, NULL, 0, "help sync"},
	{"wrong letter", {"sync", "-x"}, NULL, NULL, NULL, 0, "unknown option -x"},
	{"not this verb's option",
	 {"plan", "--drift"},
	 NULL,
	 NULL,
	 NULL,
	 0,
	 "unknown option --drift"},
	{"value is missing", {"check", "--ref"}, NULL, NULL, NULL, 0, "needs an argument"},
	{"value too many", {"sync", "--drift=yes"}, NULL, NULL, NULL, 0, "takes no argument"},
	{"argument too many", {"plan", "web"}, NULL, NULL, NULL, 0, "unexpected argument \"web\""},
	{"wrong choice", {"--color", "red"}, NULL, NULL, NULL, 0, "not one of auto|always|never"},
	{"part of a choice", {"--color", "aut"}, NULL, NULL, NULL, 0, "not one of"},
	{"control characters", {"\033[31m"}, NULL, NULL, NULL, 0, "\\x1B"},
};

static void check_row(void **state)
{
	const struct row *r = *state;
	struct cli c = {.json = false};
	struct err e = ERR_INIT;
	char *argv[8] = {(char *)(uintptr_t) "mdc-agent"};
	int argc = 1;

	for (size_t i = 0; i < COUNT_OF(r->words) && r->words[i]; i++)
		argv[argc++] = (char *)(uintptr_t)r->words[i];
	assert_int_equal(command_parse(&c, argc, argv, &e), r->error ? -1 : 0);
	if (r->error) {
		assert_int_equal(e.kind, ERR_USAGE);
		assert_non_null(strstr(e.cause, r->error));
		assert_null(strchr(e.cause, '\n'));
	} else {
		if (r->verb)
			assert_string_equal(c.call.verb->name, r->verb);
		else
			assert_null(c.call.verb);
		if (r->option)
			assert_string_equal(call_value(&c.call, r->option), r->value);
		assert_int_equal(c.call.n_args, r->args);
	}
	call_done(&c.call);
}

static void json_is_known_even_if_a_word_is_wrong(void **state)
{
	struct cli c = {.json = false};
	struct err e = ERR_INIT;
	char *argv[] = {(char *)(uintptr_t) "mdc-agent", (char *)(uintptr_t) "--json",
			(char *)(uintptr_t) "stauts"};

	(void)state;
	assert_int_equal(command_parse(&c, 3, argv, &e), -1);
	assert_true(c.json);
	call_done(&c.call);
}

static void too_many_options(void **state)
{
	struct cli c = {.json = false};
	struct err e = ERR_INIT;
	char *argv[40];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(argv); i++)
		argv[i] = (char *)(uintptr_t) "--json";
	assert_int_equal(command_parse(&c, (int)COUNT_OF(argv), argv, &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
	call_done(&c.call);
}

static void generation_numbers(void **state)
{
	static const struct {
		const char *text;
		int64_t want;
	} cases[] = {{"1", 1}, {"41", 41}, {"0", -1}, {"-3", -1},
		     {"", -1}, {"4x", -1}, {"x", -1}, {"99999999999999999999", -1}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const char *args[] = {cases[i].text};
		struct call call = {.args = args, .n_args = 1};
		struct err e = ERR_INIT;
		int64_t got = -1;

		assert_int_equal(call_generation(&call, 0, &got, &e), cases[i].want > 0 ? 0 : -1);
		assert_int_equal(got, cases[i].want);
	}
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(rows) + 4];
	size_t n = 0;

	tests[n++] = (struct CMUnitTest)cmocka_unit_test(every_verb_is_documented);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(json_is_known_even_if_a_word_is_wrong);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(too_many_options);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(generation_numbers);
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		tests[n++] = (struct CMUnitTest){rows[i].name, check_row, NULL, NULL,
						 (void *)(uintptr_t)&rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
