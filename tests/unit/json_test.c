/*
 * Tests of common/json: what is refused, what the getters give, and canonical text.
 */
#include "common/json.h"

#include "common/mem.h"
#include "common/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct row {
	const char *name, *in;
	const char *canonical; /* NULL: refused */
} rows[] = {
	{"object", "{\"b\":1,\"a\":{\"d\":[],\"c\":null}}",
	 "{\"a\":{\"c\":null,\"d\":[]},\"b\":1}"},
	{"white space", " [ 1 , 2 ]\n\t ", "[1,2]"},
	{"order of a list stays", "[2,1,{\"b\":0,\"a\":0}]", "[2,1,{\"a\":0,\"b\":0}]"},
	{"escapes", "{\"a\\\"b\":\"x\\ny\"}", "{\"a\\\"b\":\"x\\ny\"}"},
	{"same number", "[1.0,1e2,0.5]", "[1,100,0.5]"},
	{"large numbers", "[1700000000000,999999999999999]", "[1700000000000,999999999999999]"},
	{"brackets in text", "\"[[[{{{\\\"[[[\"", "\"[[[{{{\\\"[[[\""},
	{"empty object", "{}", "{}"},
	{"nothing", "", NULL},
	{"white space only", "  ", NULL},
	{"rest", "{} x", NULL},
	{"two values", "{}{}", NULL},
	{"cut", "{\"a\":", NULL},
	{"trailing comma", "[1,]", NULL},
	{"bare word", "yes", NULL},
};

static void check_row(void **state)
{
	const struct row *r = *state;
	struct err e = ERR_INIT;
	auto_json cJSON *v = NULL;

	assert_int_equal(json_parse(r->in, strlen(r->in), &v, &e), r->canonical ? 0 : -1);
	assert_int_equal(e.kind, r->canonical ? ERR_NONE : ERR_REJECTED);
	assert_int_equal(v != NULL, r->canonical != NULL);
	if (!r->canonical)
		return;
	auto_free char *text = json_canonical(v);
	assert_string_equal(text, r->canonical);
}

static void check_limits(void **state)
{
	struct err e = ERR_INIT;
	auto_str struct str text = STR_INIT;
	cJSON *v = NULL;

	(void)state;
	for (int i = 0; i < 129; i++)
		str_addc(&text, '[');
	for (int i = 0; i < 129; i++)
		str_addc(&text, ']');
	assert_int_equal(json_parse(text.s, text.len, &v, &e), -1);
	assert_int_equal(json_parse(text.s + 1, text.len - 2, &v, &e), 0);
	cJSON_Delete(v);
	v = NULL;
	str_reset(&text);
	str_addc(&text, '[');
	for (int i = 0; i < 2100000; i++)
		str_add(&text, "0,");
	str_add(&text, "0]");
	assert_int_equal(json_parse(text.s, text.len, &v, &e), -1);
	assert_int_equal(json_parse("[1]\0", 4, &v, &e), -1);
	assert_int_equal(json_parse("[1]xxxx", 3, &v, &e), 0);
	cJSON_Delete(v);
}

static void check_getters(void **state)
{
	static const char text[] =
		"{\"s\":\"x\",\"i\":-7,\"big\":1e30,\"t\":true,\"o\":{\"p\":{\"q\":"
		"\"deep\"}},\"l\":[\"a\",1,\"b\"],\"n\":null}";
	struct err e = ERR_INIT;
	auto_json cJSON *v = NULL;
	auto_strv struct strv l = STRV_INIT;

	(void)state;
	assert_int_equal(json_parse(text, strlen(text), &v, &e), 0);
	assert_string_equal(json_str(v, "s", "-"), "x");
	assert_string_equal(json_str(v, "i", "-"), "-");
	assert_null(json_str(v, "S", NULL));
	assert_int_equal(json_int(v, "i", 3), -7);
	assert_int_equal(json_int(v, "big", 3), 3);
	assert_int_equal(json_int(v, "s", 3), 3);
	assert_true(json_bool(v, "t", false));
	assert_true(json_bool(v, "missing", true));
	assert_non_null(json_obj(v, "o"));
	assert_null(json_obj(v, "l"));
	assert_non_null(json_arr(v, "l"));
	assert_null(json_arr(v, "o"));
	assert_string_equal(cJSON_GetStringValue(json_path(v, "o.p.q")), "deep");
	assert_null(json_path(v, "o.x.q"));
	assert_null(json_path(v, "s.x"));
	assert_null(json_str(NULL, "s", NULL));
	json_get_strv(v, "l", &l);
	json_get_strv(v, "s", &l);
	assert_int_equal(l.n, 2);
	assert_string_equal(l.v[1], "b");
}

static void check_setters(void **state)
{
	auto_json cJSON *v = cJSON_CreateObject();
	auto_strv struct strv l = STRV_INIT;

	(void)state;
	strv_push(&l, "x");
	json_set_str(v, "a", "1");
	json_set_str(v, "b", "2");
	json_set_int(v, "a", 1700000000123);
	json_set_bool(v, "c", true);
	json_set_strv(v, "d", &l);
	json_set_str(v, "b", NULL);
	json_set_str(v, "none", NULL);
	auto_free char *text = json_text(v);
	assert_string_equal(text, "{\"a\":1700000000123,\"c\":true,\"d\":[\"x\"]}");
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(rows) + 3];
	size_t n = 0;

	for (; n < COUNT_OF(rows); n++)
		tests[n] = (struct CMUnitTest){rows[n].name, check_row, NULL, NULL,
					       (void *)(uintptr_t)&rows[n]};
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(check_limits);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(check_getters);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(check_setters);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
