/* Names of encrypted files, decrypted env files, placeholders and what is filled in for them. */
#include "agent/flow/secrets.h"
#include "agent/model/secret.h"
#include "common/json.h"
#include "common/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void names(void **state)
{
	static const struct {
		const char *path;
		enum secret_kind kind;
	} rows[] = {
		{"db.age", SECRET_AGE},         {"a/b/prod.env.age", SECRET_AGE},
		{"prod.sops.env", SECRET_SOPS}, {"x/db.sops.yaml", SECRET_SOPS},
		{"db.secret", SECRET_ASKED},    {".age", SECRET_NONE},
		{".sops.yaml", SECRET_NONE},    {"prod.sops.", SECRET_NONE},
		{"age", SECRET_NONE},           {"a.age/b", SECRET_NONE},
		{".secret", SECRET_NONE},       {"compose.yaml", SECRET_NONE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_int_equal(secret_kind(rows[i].path), rows[i].kind);
}

static void env_text(void **state)
{
	static const struct {
		const char *text, *name, *value; /* of the last one; NULL: none */
		size_t n;
	} rows[] = {
		{"", NULL, NULL, 0},
		{"# only a comment\n\n", NULL, NULL, 0},
		{"A=1", "A", "1", 1},
		{"A=1\r\nB=2\r\n", "B", "2", 2},
		{"export  A = two words  # said\n", "A", "two words", 1},
		{"A=a#b\n", "A", "a#b", 1},
		{"A=\n", "A", "", 1},
		{"A='$x ${y} \\n'\n", "A", "$x ${y} \\n", 1},
		{"A=\"l1\\nl2\\\"\\\\$\"\n", "A", "l1\nl2\"\\$", 1},
		{"A='one\ntwo'\nB=3\n", "B", "3", 2},
		{"a.b-c=1\n", "a.b-c", "1", 1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		auto_secret_values struct secret_values v = {.n = 0};
		struct err e = ERR_INIT;

		assert_int_equal(secret_values_parse(rows[i].text, &v, &e), 0);
		assert_int_equal(v.n, rows[i].n);
		if (v.n > 0) {
			assert_string_equal(v.names[v.n - 1], rows[i].name);
			assert_string_equal(v.values[v.n - 1], rows[i].value);
		}
	}
}

static void env_text_that_is_none(void **state)
{
	static const struct {
		const char *text, *line;
	} rows[] = {
		{"just-words\n", "line 1"},
		{"A=1\n=2\n", "line 2"},
		{"A='open\n\n", "line 1"},
		{"A=\"x\" y\n", "line 1"},
		{"1A=2\n", "line 1"},
		{"A=1\nA B=2\n", "line 2"},
		{"A='a\nb'\nhidden\n", "line 3"},
		{"{\"json\": 1}\n", "line 1"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		auto_secret_values struct secret_values v = {.n = 0};
		struct err e = ERR_INIT;

		assert_int_equal(secret_values_parse(rows[i].text, &v, &e), -1);
		assert_int_equal(e.kind, ERR_REJECTED);
		assert_non_null(strstr(e.cause, rows[i].line));
		assert_null(strstr(e.cause, "hidden"));
	}
}

static cJSON *model_with(const char *mark)
{
	cJSON *model = cJSON_CreateObject();
	auto_free char *url = xasprintf("pg://a:%s@db/%s", mark, mark);
	cJSON *list = cJSON_AddArrayToObject(cJSON_AddObjectToObject(model, "services"), "x");

	cJSON_AddItemToArray(list, cJSON_CreateString(url));
	cJSON_AddItemToArray(list, cJSON_CreateString("mdcsecret is a word"));
	return model;
}

static void filling(void **state)
{
	auto_secret_values struct secret_values v = {.n = 0};
	struct secret_table *t = secret_table_new();
	struct err e = ERR_INIT;
	char mark[64], other[64];

	(void)state;
	assert_int_equal(secret_values_parse("PW='a$b'\nOTHER=x\n", &v, &e), 0);
	secret_table_add(t, "id1", &v);
	secret_placeholder("id1", "PW", mark);
	secret_placeholder("id2", "PW", other);
	assert_string_not_equal(mark, other);
	cJSON *model = model_with(mark), *strange = model_with(other);
	assert_int_equal(secret_table_fill(t, model, &e), 0);
	auto_free char *text = json_text(model);
	assert_non_null(strstr(text, "pg://a:a$$b@db/a$$b"));
	assert_non_null(strstr(text, "mdcsecret is a word"));
	assert_int_equal(secret_table_fill(t, strange, &e), -1);
	assert_int_equal(e.kind, ERR_BROKEN);
	cJSON_Delete(model);
	cJSON_Delete(strange);
	secret_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(env_text),
		cmocka_unit_test(env_text_that_is_none),
		cmocka_unit_test(filling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
