/*
 * Tests of agent/engine/model_label: which changes give a service another mdc.inputs, and which
 * must not.
 */
#include "agent/engine/model.h"

#include "common/auto.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"

#include "tests/unit/temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define LIVE "/var/lib/mdc-agent/live/web"

/* A service that mounts one thing in each way. */
#define MODEL                                                                                          \
	"{\"services\":{\"dir\":{\"labels\":{\"a\":\"b\",\"mdc.inputs\":\"forged\"},"                  \
	"\"volumes\":[{\"type\":\"bind\",\"source\":\"" LIVE "/conf\",\"target\":\"/c\"}]},"           \
	"\"file\":{\"volumes\":[{\"type\":\"bind\",\"source\":\"" LIVE                                 \
	"/f.txt\",\"target\":\"/f\"}]},"                                                               \
	"\"data\":{\"volumes\":[{\"type\":\"bind\",\"source\":\"" LIVE                                 \
	"/data\",\"target\":\"/d\"}]},"                                                                \
	"\"all\":{\"volumes\":[{\"type\":\"bind\",\"source\":\"" LIVE "\",\"target\":\"/w\"}]},"       \
	"\"else\":{\"volumes\":[{\"type\":\"bind\",\"source\":"                                        \
	"\"/var/lib/mdc-agent/live/.elsewhere/web/shared\",\"target\":\"/s\"}]},"                      \
	"\"volume\":{\"volumes\":[{\"type\":\"volume\",\"source\":\"v\",\"target\":\"/v\"}]},"         \
	"\"config\":{\"configs\":[{\"source\":\"c\"}]},\"inline\":{\"configs\":[{\"source\":\"i\"}]}," \
	"\"secret\":{\"secrets\":[{\"source\":\"s\"}]},\"env\":{\"secrets\":[{\"source\":\"e\"}]},"    \
	"\"ext\":{\"secrets\":[{\"source\":\"x\"}]},"                                                  \
	"\"plain\":{\"labels\":[\"k=v=w\",\"flag\"]}},"                                                \
	"\"configs\":{\"c\":{\"file\":\"" LIVE "/c.txt\"},\"i\":{\"content\":\"%s\"}},"                \
	"\"secrets\":{\"s\":{\"file\":\"" LIVE "/s.txt\"},\"e\":{\"environment\":\"TOKEN\"},"          \
	"\"x\":{\"external\":true}},"                                                                  \
	"\"volumes\":{\"v\":{\"driver_opts\":{\"type\":\"none\",\"o\":\"bind\",\"device\":\"" LIVE     \
	"/conf\"}}},"                                                                                  \
	"\"x-mdc-variables\":{\"TOKEN\":\"%s\"}}"

static const struct file {
	const char *path, *id;
	bool executable;
} base[] = {
	{"c.txt", "c1", false},    {"compose.yaml", "y1", false},
	{"conf/a", "a1", false},   {"conf/sub/b", "b1", false},
	{"conf.d/x", "x1", false}, {"f.txt", "f1", false},
	{"s.txt", "s1", false},    {"../.elsewhere/web/shared/z", "z1", false},
};

static const struct row {
	const char *name;
	struct file change; /* path NULL: none; a new path is added; id NULL: it goes */
	const char *content, *token;
	const char *want; /* services whose label is another one than before */
} rows[] = {
	{"nothing", {.path = NULL}, "x", "t", ""},
	{"a file in a mounted directory", {"conf/a", "a2", false}, "x", "t", "dir all volume"},
	{"deeper", {"conf/sub/b", "b2", false}, "x", "t", "dir all volume"},
	{"a new one", {"conf/new", "n1", false}, "x", "t", "dir all volume"},
	{"one that goes", {"conf/a", NULL, false}, "x", "t", "dir all volume"},
	{"executable now", {"conf/a", "a1", true}, "x", "t", "dir all volume"},
	{"a name that begins alike", {"conf.d/x", "x2", false}, "x", "t", "all"},
	{"a mounted file", {"f.txt", "f2", false}, "x", "t", "file all"},
	{"the Compose file", {"compose.yaml", "y2", false}, "x", "t", "all"},
	{"elsewhere", {"../.elsewhere/web/shared/z", "z2", false}, "x", "t", "else"},
	{"a config", {"c.txt", "c2", false}, "x", "t", "all config"},
	{"a secret", {"s.txt", "s2", false}, "x", "t", "all secret"},
	{"an inline config", {.path = NULL}, "other", "t", "inline"},
	{"a variable", {.path = NULL}, "x", "other", "env"},
};

static size_t make_files(const struct file *change, struct live_file *out)
{
	size_t n = 0;
	bool done = change->path == NULL;

	for (size_t i = 0; i < COUNT_OF(base) + 1; i++) {
		const struct file *f = i < COUNT_OF(base) ? &base[i] : done ? NULL : change;

		if (f && change->path && strcmp(f->path, change->path) == 0) {
			f = change;
			done = true;
		}
		if (!f || !f->id)
			continue;
		out[n] = (struct live_file){.path = xstrdup(f->path), .executable = f->executable};
		(void)snprintf(out[n++].id, sizeof(out[0].id), "%s", f->id);
	}
	return n;
}

static cJSON *parse(const char *text)
{
	struct err e = ERR_INIT;
	cJSON *v = NULL;

	assert_int_equal(json_parse(text, strlen(text), &v, &e), 0);
	return v;
}

/* The labelled model; backwards: the order of files must not matter. */
static cJSON *labelled(const struct row *r, bool backwards)
{
	struct live_file files[COUNT_OF(base) + 1];
	size_t n = make_files(&r->change, files);
	auto_free char *text = xasprintf(MODEL, r->content, r->token);
	cJSON *model = parse(text);
	struct err e = ERR_INIT;

	for (size_t i = 0; backwards && i < n / 2; i++) {
		struct live_file swap = files[i];

		files[i] = files[n - 1 - i];
		files[n - 1 - i] = swap;
	}
	assert_int_equal(model_label(model, LIVE, files, n, &e), 0);
	for (size_t i = 0; i < n; i++)
		free(files[i].path);
	return model;
}

static const char *inputs(const cJSON *service)
{
	return json_str(json_obj(service, "labels"), "mdc.inputs", "none");
}

static void check_row(void **state)
{
	const struct row *r = *state;
	auto_json cJSON *before = labelled(&rows[0], false);
	auto_json cJSON *after = labelled(r, true);
	auto_strv struct strv changed = STRV_INIT;
	const cJSON *service = NULL;

	cJSON_ArrayForEach (service, json_obj(after, "services")) {
		const cJSON *was = json_obj(json_obj(before, "services"), service->string);

		assert_string_equal(json_str(json_obj(service, "labels"), "mdc.managed", ""), "1");
		if (strcmp(inputs(service), inputs(was)) != 0)
			strv_push(&changed, service->string);
	}
	auto_free char *text = strv_join(&changed, " ");

	assert_string_equal(text, r->want);
}

static void check_labels(void **state)
{
	auto_json cJSON *model = labelled(&rows[0], false);
	const cJSON *dir = json_path(model, "services.dir"),
		    *plain = json_path(model, "services.plain");

	(void)state;
	assert_string_equal(json_str(json_obj(dir, "labels"), "a", ""), "b");
	assert_int_equal(strlen(inputs(dir)), 64); /* not what the Compose file said */
	assert_string_equal(inputs(plain), "none");
	assert_string_equal(inputs(json_path(model, "services.data")), "none");
	assert_string_equal(inputs(json_path(model, "services.ext")), "none");
	assert_string_equal(json_str(json_obj(plain, "labels"), "k", ""), "v=w");
	assert_string_equal(json_str(json_obj(plain, "labels"), "flag", "?"), "");
}

/* A file of a secret on the host, outside of what we manage. */
static void check_host_file(void **state)
{
	char dir[] = "/tmp/mdc-label-test.XXXXXX";
	struct err e = ERR_INIT;
	char seen[3][80];

	(void)state;
	assert_non_null(temp_dir(dir));
	auto_free char *path = path_join(dir, "token");
	auto_free char *text = xasprintf("{\"services\":{\"a\":{\"secrets\":[{\"source\":\"s\"}]}},"
					 "\"secrets\":{\"s\":{\"file\":\"%s\"}}}",
					 path);

	for (int i = 0; i < 3; i++) {
		auto_json cJSON *model = parse(text);

		assert_int_equal(file_replace(path, i == 1 ? "b" : "a", 1, 0600, &e), 0);
		assert_int_equal(model_label(model, LIVE, NULL, 0, &e), 0);
		(void)snprintf(seen[i], sizeof(seen[i]), "%s",
			       inputs(json_path(model, "services.a")));
	}
	assert_string_not_equal(seen[0], seen[1]);
	assert_string_equal(seen[0], seen[2]);
	assert_int_equal(file_remove(path, &e), 0);
	auto_json cJSON *model = parse(text);

	assert_int_equal(model_label(model, LIVE, NULL, 0, &e), -1);
	assert_int_equal(e.kind, ERR_RETRY);
	assert_int_equal(model_label(model, dir, NULL, 0, &e),
			 -1); /* it should be in the repository */
	assert_int_equal(e.kind, ERR_REJECTED);
	assert_non_null(strstr(e.cause, "token"));
	assert_int_equal(tree_remove(dir, &e), 0);
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(rows) + 2] = {
		cmocka_unit_test(check_labels),
		cmocka_unit_test(check_host_file),
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		tests[i + 2] = (struct CMUnitTest){rows[i].name, check_row, NULL, NULL,
						   (void *)(uintptr_t)&rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
