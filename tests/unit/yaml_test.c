/*
 * Tests of common/yaml: trees are compared as one line of text, errors by their beginning. Hostile
 * files must be refused at once.
 */
#include "common/yaml.h"

#include "common/clock.h"
#include "common/mem.h"
#include "common/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* {a:1,b:[x,"quoted",~]} - quotes show that a scalar was quoted, ~ stands for null. */
static void show(struct str *s, const struct yaml_node *n)
{
	switch (n->kind) {
	case YAML_NULL:
		str_addc(s, '~');
		break;
	case YAML_SCALAR:
		str_addf(s, n->quoted ? "\"%s\"" : "%s", n->text);
		break;
	case YAML_LIST:
		str_addc(s, '[');
		for (size_t i = 0; i < n->n; i++) {
			if (i > 0)
				str_addc(s, ',');
			show(s, &n->items[i]);
		}
		str_addc(s, ']');
		break;
	case YAML_MAP:
		str_addc(s, '{');
		for (size_t i = 0; i < n->n; i++) {
			str_addf(s, "%s%s:", i > 0 ? "," : "", n->pairs[i].key);
			show(s, &n->pairs[i].value);
		}
		str_addc(s, '}');
		break;
	}
}

static const struct row {
	const char *name, *in, *want; /* the tree */
	const char *error;            /* or how the error begins */
} rows[] = {
	{"empty", "", "~", NULL},
	{"only a comment", "# x\n", "~", NULL},
	{"only a document", "---\n", "~", NULL},
	{"scalar", "x", "x", NULL},
	{"map", "a: 1\nb: two\n", "{a:1,b:two}", NULL},
	{"list", "- 1\n- [2, 3]\n", "[1,[2,3]]", NULL},
	{"json", "{\"a\": [1, null, \"x\"]}", "{a:[1,~,\"x\"]}", NULL},
	{"nulls", "[~, null, Null, NULL, ]", "[~,~,~,~]", NULL},
	{"no value", "a:\nb: ''\n", "{a:~,b:\"\"}", NULL},
	{"quoted null", "['null', \"~\"]", "[\"null\",\"~\"]", NULL},
	{"block text", "a: |\n  x\n  y\n", "{a:\"x\ny\n\"}", NULL},
	{"byte order mark",
	 "\xef\xbb\xbf"
	 "a: 1",
	 "{a:1}", NULL},
	{"crlf", "a: 1\r\nb: 2\r\n", "{a:1,b:2}", NULL},
	{"alias", "a: &x [1, 2]\nb: *x\n", "{a:[1,2],b:[1,2]}", NULL},
	{"alias of a scalar", "a: &x 1\nb: *x\n*x : 3\n", "{a:1,b:1,1:3}", NULL},
	{"anchor used again", "a: &x 1\nb: *x\nc: &x 2\nd: *x\n", "{a:1,b:1,c:2,d:2}", NULL},
	{"alias in an anchor", "a: &x 1\nb: &y [*x]\nc: *y\n", "{a:1,b:[1],c:[1]}", NULL},
	{"merge", "a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3\n", "{a:{p:1,q:2},b:{q:3,p:1}}", NULL},
	{"merge after the key", "a: &x {p: 1}\nb:\n  p: 0\n  <<: *x\n", "{a:{p:1},b:{p:0}}", NULL},
	{"merge list, first wins", "b:\n  <<: [{p: 1}, {p: 2, q: 2}]\n", "{b:{p:1,q:2}}", NULL},
	{"merge of a merge", "a: &x {p: 1}\nb: &y {<<: *x, q: 2}\nc: {<<: *y}\n",
	 "{a:{p:1},b:{q:2,p:1},c:{q:2,p:1}}", NULL},
	{"quoted merge key is text", "'<<': x", "{<<:x}", NULL},
	{"tags", "[!!str 1, !!int 2, !!null x, !!bool yes, !!seq [], !!map {}]",
	 "[\"1\",2,~,yes,[],{}]", NULL},
	{"compose tags", "a: !reset null\nb: !override [1]\nc: !reset {}\n", "{a:~,b:[1],c:{}}",
	 NULL},
	{"%yaml directive", "%YAML 1.1\n---\na: 1\n", "{a:1}", NULL},

	{"double key", "a: 1\nb: 2\na: 3\n", NULL,
	 "f.yaml:3:1: key \"a\" is already set on line 1"},
	{"double key, quoted", "a: 1\n'a': 3\n", NULL,
	 "f.yaml:2:1: key \"a\" is already set on line 1"},
	{"double merge key", "a: {<<: {}, <<: {}}\n", NULL, "f.yaml:1:13: key \"<<\" is already"},
	{"merge of text", "a: {<<: x}\n", NULL, "f.yaml:1:9: the merge key \"<<\" wants a map"},
	{"merge of a list of text", "a: {<<: [x]}\n", NULL, "f.yaml:1:10: the merge key"},
	{"second document", "a: 1\n---\nb: 2\n", NULL, "f.yaml:2:1: a second document"},
	{"cyclic", "a: &a\n  b: *a\n", NULL, "f.yaml:2:6: alias contains itself: *a"},
	{"cyclic list", "&a [*a]\n", NULL, "f.yaml:1:5: alias contains itself: *a"},
	{"cyclic merge", "&a {<<: *a}\n", NULL, "f.yaml:1:9: alias contains itself: *a"},
	{"no anchor", "a: *b\n", NULL, "f.yaml:1:4: alias has no anchor before it: *b"},
	{"anchor comes later", "a: *b\nb: &b 1\n", NULL, "f.yaml:1:4: alias has no anchor"},
	{"foreign tag", "a: !!python/object:os.system x\n", NULL, "f.yaml:1:4: tag is not allowed"},
	{"binary tag", "a: !!binary x\n", NULL, "f.yaml:1:4: tag is not allowed here"},
	{"tag on the wrong kind", "a: !!str [1]\n", NULL, "f.yaml:1:4: tag does not fit"},
	{"list as a key", "? [1]\n: 2\n", NULL, "f.yaml:1:3: a key must be text"},
	{"tab", "a:\n\tb: 1\n", NULL, "f.yaml:2:1: found character that cannot start"},
	{"not closed", "a: [1, 2\n", NULL, "f.yaml:2:1: did not find expected ',' or ']'"},
	{"bad indent", "a:\n  b: 1\n c: 2\n", NULL, "f.yaml:3:2: did not find expected key"},
	{"bad utf-8", "a: 1\nb: \xff\n", NULL, "f.yaml:2:4: invalid leading UTF-8 octet"},
	{"control character", "a: 1\nb: \x01\n", NULL, "f.yaml:2:4: control characters are not"},
	{"zero character", "a: \"x\\0y\"\n", NULL, "f.yaml:1:4: a zero character"},
};

static void check_row(void **state)
{
	static struct yaml_node untouched;
	const struct row *r = *state;
	struct err e = ERR_INIT;
	struct yaml_node *root = &untouched;

	int failed = yaml_parse(r->in, strlen(r->in), "f.yaml", NULL, &root, &e);
	if (r->want) {
		auto_str struct str text = STR_INIT;

		assert_string_equal(e.cause, "");
		assert_int_equal(failed, 0);
		show(&text, root);
		yaml_free(root);
		assert_string_equal(text.s, r->want);
		return;
	}
	assert_int_equal(failed, -1);
	assert_ptr_equal(root, &untouched);
	assert_int_equal(e.kind, ERR_REJECTED);
	if (!str_starts(e.cause, r->error))
		assert_string_equal(e.cause, r->error);
}

/* A hostile file: `head`, then `unit` many times, then `tail`. */
static const struct bomb_row {
	const char *name, *head, *unit;
	int times;
	const char *tail, *want; /* part of the error; NULL: fine */
} bombs[] = {
	{"64 deep", "", "[", 64, "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
	 NULL},
	{"65 deep", "", "[", 65, "", "nested too deeply"},
	{"40 000 deep", "", "[", 40000, "", "nested too deeply"},
	{"deep maps", "", "{a: ", 30000, "", "nested too deeply"},
	{"deep dashes", "", "- ", 50000, "x", "nested too deeply"},
	{"deep question marks", "", "? ", 50000, "x", "nested too deeply"},
	{"one anchor name", "", "- &a x\n", 257, "", "too many anchors"},
	{"256 anchors", "", "- &a x\n", 256, "", NULL},
	{"events", "", "- 1\n", 60000, "", NULL},
	{"too many events", "[", "1,", 110000, "]", "too many values"},
	{"too large", "#", "0123456789", 30000, "", "more than the"},
	{"directives", "", "%TAG !a! b\n", 20000, "--- x\n", "lines that begin with %"},
	{"comments", "", "# x\n", 50000, "a: 1\n", NULL},
	{"long text", "a: ", "0123456789", 20000, "\n", NULL},
	{"long text, many aliases",
	 "a: &a 01234567890123456789012345678901234567890123456789012345678901234567890123456789\nb: [",
	 "*a,", 45000, "]\n", "too large"},
	{"many aliases of nothing", "a: &a x\nb: [", "*a,", 40000, "]\n", NULL},
	{"empty flow maps", "[", "{},", 30000, "]", NULL},
	{"colons", "", "a: ", 30000, "", "mapping values are not allowed"},
	{"exclamation marks", "", "!", 100000, "", "tag"},
	{"quotes", "", "\"", 200001, "", ""},
	{"ampersands", "", "&a ", 50000, "", ""},
};

static void check_bomb(void **state)
{
	const struct bomb_row *r = *state;
	struct err e = ERR_INIT;
	auto_str struct str text = STR_INIT;
	struct yaml_node *root = NULL;

	str_add(&text, r->head);
	for (int i = 0; i < r->times; i++)
		str_add(&text, r->unit);
	str_add(&text, r->tail);
	int64_t before = clock_ms();
	int failed = yaml_parse(text.s, text.len, "f.yaml", NULL, &root, &e);
	assert_true(clock_ms() - before < 2000);
	assert_int_equal(failed, r->want ? -1 : 0);
	if (r->want) {
		assert_non_null(strstr(e.cause, r->want));
		assert_true(str_starts(e.cause, "f.yaml:"));
	} else {
		yaml_free(root);
	}
}

/* Each level holds nine of the one before: 9^9 nodes from 400 bytes. */
static void check_alias_bomb(void **state)
{
	struct err e = ERR_INIT;
	auto_str struct str text = STR_INIT;
	struct yaml_node *root = NULL;

	(void)state;
	str_add(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
	for (int i = 1; i < 9; i++) {
		str_addf(&text, "a%d: &a%d [", i, i);
		for (int j = 0; j < 9; j++)
			str_addf(&text, "*a%d,", i - 1);
		str_add(&text, "]\n");
	}
	int64_t before = clock_ms();
	assert_int_equal(yaml_parse(text.s, text.len, "f.yaml", NULL, &root, &e), -1);
	assert_true(clock_ms() - before < 1000);
	assert_non_null(strstr(e.cause, "aliases make this file too large"));
}

/* Aliases inside of aliases are deeper than the text looks. */
static void check_alias_depth(void **state)
{
	struct err e = ERR_INIT;
	auto_str struct str text = STR_INIT;
	struct yaml_node *root = NULL;

	(void)state;
	str_add(&text, "a0: &a0 [x]\n");
	for (int i = 1; i < 100; i++)
		str_addf(&text, "a%d: &a%d [*a%d]\n", i, i, i - 1);
	assert_int_equal(yaml_parse(text.s, text.len, "f.yaml", NULL, &root, &e), -1);
	assert_non_null(strstr(e.cause, "nested too deeply"));
}

static void check_large_map(void **state)
{
	struct err e = ERR_INIT;
	auto_str struct str text = STR_INIT;
	auto_yaml struct yaml_node *root = NULL;

	(void)state;
	for (int i = 0; i < 20000; i++)
		str_addf(&text, "k%d: %d\n", i, i);
	int64_t before = clock_ms();
	assert_int_equal(yaml_parse(text.s, text.len, "f.yaml", NULL, &root, &e), 0);
	assert_true(clock_ms() - before < 1000);
	assert_int_equal(root->n, 20000);
	assert_string_equal(root->pairs[19999].key, "k19999");
}

static void check_places(void **state)
{
	static const char text[] = "services:\n  web:\n    image: nginx\n    ports: [80]\n";
	struct err e = ERR_INIT;
	auto_yaml struct yaml_node *root = NULL;

	(void)state;
	assert_int_equal(yaml_parse(text, strlen(text), "f.yaml", NULL, &root, &e), 0);
	const struct yaml_node *web = yaml_get(yaml_get(root, "services"), "web");
	assert_non_null(web);
	const struct yaml_pair *image = yaml_pair_of(web, "image");
	assert_int_equal(image->line, 3);
	assert_int_equal(image->column, 5);
	assert_int_equal(image->value.line, 3);
	assert_int_equal(image->value.column, 12);
	assert_string_equal(yaml_text(&image->value), "nginx");
	assert_null(yaml_text(web));
	assert_null(yaml_text(NULL));
	assert_null(yaml_get(web, "nothing"));
	assert_null(yaml_get(NULL, "nothing"));
	assert_null(yaml_get(&image->value, "nothing"));
	assert_string_equal(yaml_kind_name(web->kind), "map");
}

static void check_own_limits(void **state)
{
	const struct yaml_limits tight = {.max_bytes = 10, .max_depth = 1};
	struct err e = ERR_INIT;
	struct yaml_node *root = NULL;

	(void)state;
	assert_int_equal(yaml_parse("a: 1234567", 10, "f", &tight, &root, &e), 0);
	yaml_free(root);
	assert_int_equal(yaml_parse("a: 12345678", 11, "f", &tight, &root, &e), -1);
	assert_int_equal(yaml_parse("a: [1]", 6, "f", &tight, &root, &e), -1);
}

#define ROWS(table, check)                                                                         \
	for (size_t i = 0; i < COUNT_OF(table); i++)                                               \
		tests[n++] = (struct CMUnitTest)                                                   \
		{                                                                                  \
			table[i].name, check, NULL, NULL, (void *)(uintptr_t)&table[i]             \
		}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(rows) + COUNT_OF(bombs) + 5];
	size_t n = 0;

	ROWS(rows, check_row);
	ROWS(bombs, check_bomb);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(check_alias_bomb);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(check_alias_depth);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(check_large_map);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(check_places);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(check_own_limits);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
