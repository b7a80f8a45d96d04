/* Which files differ, and which services mount them; names only. */
#include "agent/engine/model.h"

#include "common/auto.h"
#include "common/json.h"
#include "common/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define A "1111111111111111111111111111111111111111"
#define B "2222222222222222222222222222222222222222"

static const char model[] =
	"{'services':{'web':{'volumes':[{'type':'bind','source':'/l/p/conf','target':'/c'}]},"
	"'db':{'volumes':[{'type':'volume','source':'data','target':'/d'}],"
	"'configs':[{'source':'one'}]},"
	"'far':{'volumes':[{'type':'bind','source':'/l/.elsewhere/p/shared','target':'/s'}]}},"
	"'volumes':{'data':{'driver_opts':{'device':'/l/p/data'}}},"
	"'configs':{'one':{'file':'/l/p/one.conf'}}}";

/* A live_file with a constant path. */
struct file {
	const char *path, *id;
	bool executable;
};

static const struct row {
	const char *name;
	struct file old[3], new[3];
	const char *vague;   /* the service that "a file it mounts changed" was said of */
	const char *reasons; /* joined with | */
	const char *rest;
} rows[] = {
	{"nothing",
	 {{"a", A, false}},
	 {{"a", A, false}},
	 "web",
	 "service web: a file it mounts changed",
	 ""},
	{"bind",
	 {{"conf/x", A, false}},
	 {{"conf/x", B, false}},
	 "web",
	 "service web: mounted file conf/x changed",
	 ""},
	{"another service's",
	 {{"conf/x", A, false}},
	 {{"conf/x", B, false}},
	 "db",
	 "service db: a file it mounts changed",
	 "file conf/x changed"},
	{"added and removed",
	 {{"conf/x", A, false}, {"b", A, false}},
	 {{"conf/y", A, false}, {"compose.yaml", A, false}},
	 "web",
	 "service web: mounted file conf/x removed|service web: mounted file conf/y added",
	 "file b removed|file compose.yaml added"},
	{"mode",
	 {{"conf/x", A, false}},
	 {{"conf/x", A, true}},
	 "web",
	 "service web: mounted file conf/x is executable now",
	 ""},
	{"volume that is a bind",
	 {{"data/x", A, false}},
	 {{"data/x", B, false}},
	 "db",
	 "service db: mounted file data/x changed",
	 ""},
	{"config",
	 {{"one.conf", A, false}},
	 {{"one.conf", B, false}},
	 "db",
	 "service db: mounted file one.conf changed",
	 ""},
	{"elsewhere in the repository",
	 {{"../.elsewhere/p/shared/x", A, false}},
	 {{"../.elsewhere/p/shared/x", B, false}},
	 "far",
	 "service far: mounted file shared/x changed",
	 ""},
	{"name that only begins the same",
	 {{"conference", A, false}},
	 {{"conference", B, false}},
	 "web",
	 "service web: a file it mounts changed",
	 "file conference changed"},
	{"hostile name",
	 {{.path = NULL}},
	 {{"a\x1b[2Jb", A, false}},
	 "web",
	 "service web: a file it mounts changed",
	 "file a\\x1B[2Jb added"},
};

static size_t fill(const struct file from[3], struct live_file to[3])
{
	size_t n = 0;

	for (; n < 3 && from[n].path; n++) {
		to[n] = (struct live_file){.path = (char *)from[n].path,
					   .executable = from[n].executable};
		memcpy(to[n].id, from[n].id, strlen(from[n].id) + 1);
	}
	return n;
}

static void test_rows(void **state)
{
	auto_free char *text = xstrdup(model);
	auto_json cJSON *m = NULL;
	struct err e = ERR_INIT;

	(void)state;
	for (char *p = text; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	assert_int_equal(json_parse(text, strlen(text), &m, &e), 0);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct row *r = &rows[i];
		struct live_file old[3], new[3];
		const struct model_files f = {.live = "/l/p",
					      .old = old,
					      .n_old = fill(r->old, old),
					      .new = new,
					      .n_new = fill(r->new, new)};
		auto_strv struct strv reasons = STRV_INIT, rest = STRV_INIT;

		strv_pushf(&reasons, MODEL_A_FILE_CHANGED, r->vague);
		model_compare_files(&f, m, m, &reasons, &rest);
		auto_free char *a = strv_join(&reasons, "|"), *b = strv_join(&rest, "|");

		if (strcmp(a, r->reasons) != 0 || strcmp(b, r->rest) != 0)
			fail_msg("%s: %s / %s", r->name, a, b);
	}
}

static void test_many_files_are_counted(void **state)
{
	struct live_file v[100];
	char names[100][16];
	const struct model_files f = {.live = "/l/p", .new = v, .n_new = 100};
	auto_strv struct strv reasons = STRV_INIT, rest = STRV_INIT;

	(void)state;
	for (int i = 0; i < 100; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "f%02d", i);
		v[i] = (struct live_file){.path = names[i], .id = A};
	}
	model_compare_files(&f, NULL, NULL, &reasons, &rest);
	assert_true(rest.n < 20);
	assert_non_null(strstr(rest.v[rest.n - 1], "more files"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows),
					   cmocka_unit_test(test_many_files_are_counted)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
