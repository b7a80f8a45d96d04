/* Reading maps by tables: every setter with what it takes and what it says otherwise. */
#include "agent/model/keys.h"
#include "common/mem.h"
#include "common/str.h"
#include "common/strv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

struct inner {
	int64_t wait_ms;
	bool on;
};
struct all {
	char *text;
	struct strv list;
	int count, percent;
	struct inner inner;
};

static const struct key_row inner_rows[] = {
	{"wait", "duration", "1m", "How long.", key_set_duration, offsetof(struct inner, wait_ms),
	 NULL},
	{"on", "true|false", "false", "Whether.", key_set_bool, offsetof(struct inner, on), NULL},
	{.name = NULL},
};
static const struct key_row all_rows[] = {
	{"text", "text", NULL, "A text.", key_set_text, offsetof(struct all, text), NULL},
	{"list", "list", NULL, "A list.", key_set_texts, offsetof(struct all, list), NULL},
	{"count", "number", NULL, "A number.", key_set_count, offsetof(struct all, count), NULL},
	{"percent", "percentage", NULL, "A share.", key_set_percent, offsetof(struct all, percent),
	 NULL},
	{"inner", "map", NULL, "Below.", NULL, offsetof(struct all, inner), inner_rows},
	{.name = NULL},
};

static const struct row {
	const char *name, *in;
	const char *want; /* the values, or the finding */
} rows[] = {
	{"text", "text: abc", "abc||0|0|0|0"},
	{"number as text", "text: 42", "42||0|0|0|0"},
	{"list", "list: [a, b]", "-|a,b|0|0|0|0"},
	{"list of one", "list: a", "-|a|0|0|0|0"},
	{"count", "count: 12", "-||12|0|0|0"},
	{"percent", "percent: 20%", "-||0|20|0|0"},
	{"duration", "inner: {wait: 90s, on: true}", "-||0|0|90000|1"},
	{"yes is a truth value", "inner: {on: yes}", "-||0|0|0|1"},
	{"an empty map of keys", "inner:", "-||0|0|0|0"},
	{"unknown", "txt: a", "f.yaml:1:1: error: unknown key 'txt': did you mean 'text'?"},
	{"nothing near", "zzzzzz: a",
	 "f.yaml:1:1: error: unknown key 'zzzzzz'; known are: text, list, count, percent, inner"},
	{"unknown below", "inner: {wiat: 1s}",
	 "f.yaml:1:9: error: unknown key 'wiat' in inner: did you mean 'wait'?"},
	{"no value",
	 "text:", "f.yaml:1:6: error: text: has no value: give one (text) or remove the line"},
	{"map for a text", "text: {a: b}",
	 "f.yaml:1:7: error: text: expected text, such as 'abc', not a map"},
	{"empty text", "text: ''",
	 "f.yaml:1:7: error: text: is empty: give a value or remove the line"},
	{"map for a list", "list: {a: b}",
	 "f.yaml:1:7: error: list: expected a list, such as [a, b], not a map"},
	{"map in a list", "list: [{a: b}]",
	 "f.yaml:1:8: error: list: expected a list of texts, such as [a, b], not a map"},
	{"negative", "count: -1",
	 "f.yaml:1:8: error: count: expected a whole number from 0 to 1000000, such as "
	 "10, not '-1'"},
	{"too large", "count: 99999999999999999999",
	 "f.yaml:1:8: error: count: expected a whole number from 0 to 1000000, such as 10, not "
	 "'99999999999999999999'"},
	{"no unit", "inner: {wait: 90}",
	 "f.yaml:1:15: error: inner.wait: a duration needs its unit: write 90s, 90m or 90h"},
	{"no duration", "inner: {wait: soon}",
	 "f.yaml:1:15: error: inner.wait: expected a duration, such as 90s, 5m or 1h30m, not 'soon'"},
	{"quoted truth", "inner: {on: 'true'}",
	 "f.yaml:1:13: error: inner.on: expected true or false without quotes, not 'true'"},
	{"no percentage", "percent: 20",
	 "f.yaml:1:10: error: percent: expected a percentage from 0% to 100%, such as 20%, not '20'"},
	{"over a hundred", "percent: 101%",
	 "f.yaml:1:10: error: percent: expected a percentage from 0% to 100%, such as 20%, not '101%'"},
	{"list for the map", "[a]",
	 "f.yaml:1:1: error: expected a map of keys, such as '{text: ...}', not a list"},
};

static void check_row(void **state)
{
	const struct row *r = *state;
	struct err e = ERR_INIT;
	struct all a = {.text = NULL};
	auto_diags struct diags d = DIAGS_INIT;
	auto_yaml struct yaml_node *root = NULL;
	struct key_context c = {.file = "f.yaml", .diags = &d};
	auto_str struct str got = STR_INIT;

	assert_int_equal(yaml_parse(r->in, strlen(r->in), "f.yaml", NULL, &root, &e), 0);
	int rc = keys_read(root, all_rows, &a, &c);
	assert_int_equal(rc, d.errors > 0 ? -1 : 0);
	if (rc < 0) {
		str_reset(&got);
		auto_free char *text = diag_text(&d.v[0]);
		str_add(&got, text);
	} else {
		auto_free char *list = strv_join(&a.list, ",");
		str_addf(&got, "%s|%s|%d|%d|%lld|%d", a.text ? a.text : "-", list, a.count,
			 a.percent, (long long)a.inner.wait_ms, a.inner.on);
	}
	free(a.text);
	strv_done(&a.list);
	assert_string_equal(str_text(&got), r->want);
}

static void collect(const char *name, const struct key_row *row, int depth, void *arg)
{
	assert_non_null(row->help);
	str_addf(arg, "%d%s ", depth, name);
}

static void check_each(void **state)
{
	auto_str struct str got = STR_INIT;

	(void)state;
	keys_each(all_rows, "", collect, &got);
	assert_string_equal(str_text(&got),
			    "0text 0list 0count 0percent 0inner 1inner.wait 1inner.on ");
	str_reset(&got);
	keys_each(inner_rows, "x", collect, &got);
	assert_string_equal(str_text(&got), "0x.wait 0x.on ");
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(rows) + 1] = {cmocka_unit_test(check_each)};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		tests[i + 1] = (struct CMUnitTest){rows[i].name, check_row, NULL, NULL,
						   (void *)(uintptr_t)&rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
