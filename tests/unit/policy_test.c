/*
 * Tests of agent/policy: what each rule says of a model, in the plain form and in those that
 * Compose resolves to something else, and where the finding stands.
 */
#include "agent/policy/judge.h"

#include "agent/model/config.h"
#include "agent/model/keys.h"
#include "common/auto.h"
#include "common/file.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/str.h"
#include "common/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/policy_rows.h"
#include "tests/unit/temp_dir.h"

/* JSON with ' for ". */
static cJSON *parse(const char *text)
{
	auto_free char *json = xstrdup(text);
	struct err e = ERR_INIT;
	cJSON *v = NULL;

	for (char *c = json; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	if (json_parse(json, strlen(json), &v, &e) < 0)
		fail_msg("%s: %s", e.cause, json);
	return v;
}

static void read_policy(const char *text, struct policy *out)
{
	auto_yaml struct yaml_node *root = NULL;
	auto_diags struct diags d = DIAGS_INIT;
	struct key_context at = {.file = "policy", .diags = &d, .key = "policy"};
	struct err e = ERR_INIT;

	*out = (struct policy){.preset = POLICY_OPEN};
	assert_int_equal(yaml_parse(text, strlen(text), "policy", NULL, &root, &e), 0);
	if (config_read_policy(root, out, &at) < 0)
		fail_msg("%s", d.v[0].text);
}

static char *all_of(const struct policy_findings *f)
{
	struct str s = STR_INIT;

	for (size_t i = 0; i < f->n; i++)
		str_addf(&s, "%s%s: %s", i > 0 ? "\n" : "", policy_row(f->v[i].rule)->name,
			 f->v[i].what);
	return str_take(&s);
}

static void check_row(void **state)
{
	const struct row *r = *state;
	auto_policy struct policy policy;
	auto_json cJSON *model = parse(r->model);
	auto_policy_findings struct policy_findings f = {.n = 0};
	struct policy_call call = {
		.policy = &policy, .project = "web", .directory = "/st/web", .root = "/st"};
	auto_strv struct strv guarded = STRV_INIT, sockets = STRV_INIT;

	strv_push(&guarded, "/data/state");
	strv_push(&sockets, "/srv/engine/own.sock");
	call.guarded = &guarded;
	call.sockets = &sockets;

	read_policy(r->policy, &policy);
	policy_judge(&call, model, &f);
	auto_free char *said = all_of(&f);

	if (!r->want)
		assert_string_equal(said, "");
	else if (!strstr(said, r->want))
		fail_msg("%s: wanted \"%s\", got \"%s\"", r->name, r->want, said);
}

/* ---- what the host's file system says ---- */
struct place {
	char dir[64];
};

static void make_link(const char *to, const char *fmt, const char *dir)
{
	auto_free char *at = xasprintf("%s/%s", dir, fmt);

	assert_int_equal(symlink(to, at), 0);
}

static void setup_place(struct place *p)
{
	(void)snprintf(p->dir, sizeof(p->dir), "/tmp/mdc-policy-test-XXXXXX");
	assert_non_null(temp_dir(p->dir));
}

static void remove_place(const struct place *p)
{
	struct err ignored = ERR_INIT;

	(void)tree_remove(p->dir, &ignored);
}

static void judge_mount(struct policy_call *call, const char *source, struct policy_findings *f)
{
	auto_free char *text = xasprintf(MOUNT("'source':'%s'"), source);
	auto_json cJSON *model = parse(text);

	policy_judge(call, model, f);
}

/* A link below a directory that is allowed leads where it leads. */
static void test_links(void **state)
{
	static const struct {
		const char *to, *link, *below, *want;
	} links[] = {
		{"/etc", "a", "", "sensitive_paths: service a: mounts %s/a, which leads to /etc, "},
		{"/etc", "a", "/cron.d", "which leads to /etc/cron.d"},
		{"/var/run", "a", "", "engine_sockets: service a"},
		{"/etc", "a", "/not-there/x", "which leads to /etc/not-there/x"},
		{"/", "a", "/root", "which leads to /root"},
	};
	(void)state;

	for (size_t i = 0; i < COUNT_OF(links); i++) {
		struct place p;
		auto_policy struct policy policy;
		auto_policy_findings struct policy_findings f = {.n = 0};
		struct policy_call call = {.policy = &policy, .project = "web"};

		setup_place(&p);
		auto_free char *words = xasprintf("preset: standard\nbinds: [%s]", p.dir);
		auto_free char *source = xasprintf("%s/a%s", p.dir, links[i].below);

		read_policy(words, &policy);
		make_link(links[i].to, links[i].link, p.dir);
		judge_mount(&call, source, &f);
		auto_free char *said = all_of(&f);

		if (i > 0)
			assert_non_null(strstr(said, links[i].want));
		assert_int_equal(f.denied, 1);
		remove_place(&p);
	}
}

/* Own files move to where they live: a link that stands there already is looked at. */
static void test_own_links(void **state)
{
	struct place p;
	auto_policy struct policy policy;
	auto_policy_findings struct policy_findings f = {.n = 0};
	(void)state;

	setup_place(&p);
	struct policy_call call = {.policy = &policy,
				   .project = "web",
				   .directory = "/st/web",
				   .root = "/st",
				   .live = p.dir,
				   .elsewhere = "/nowhere"};
	read_policy("preset: strict\nrequire_digest: false\nregistries: allow", &policy);
	make_link("inside", "own", p.dir);
	make_link("/etc", "out", p.dir);
	judge_mount(&call, "/st/web/own", &f);
	judge_mount(&call, "/st/web/new", &f);
	assert_int_equal(f.n, 0);
	judge_mount(&call, "/st/web/out/passwd", &f);
	assert_int_equal(f.denied, 1);
	assert_non_null(strstr(f.v[0].what, "which leads to /etc/passwd"));
	remove_place(&p);
}

/* ---- where ---- */
static void write_file(const char *dir, const char *name, const char *text)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);
	struct err e = ERR_INIT;

	assert_int_equal(file_replace_unsynced(path, text, strlen(text), 0600, &e), 0);
}

static void test_places(void **state)
{
	static const struct {
		const char *name, *key, *text, *other, *want;
	} finds[] = {
		{"a", "volumes", "/etc", "/x", "over.yaml:3:15"},
		{"a", "volumes", "/home", "/y", "base.yaml:6:30"},
		{"a", "privileged", NULL, NULL, "over.yaml:2:3"},
		{"a", "pid", "host", NULL, "base.yaml:12:10"},
		{"b", "image", "evil/x:1", NULL, "more.yaml:3:12"},
		{"b", "volumes", "/gone", "/z", "more.yaml:4:15"},
		{"b", "deploy.resources", NULL, NULL, "more.yaml:5:14"},
		{"b", "nowhere", NULL, NULL, "more.yaml:2:3"},
		{"c", "nowhere", NULL, NULL, "over.yaml:1:1"},
	};
	struct place p;
	auto_strv struct strv files = STRV_INIT;
	(void)state;

	setup_place(&p);
	write_file(
		p.dir, "base.yaml",
		"include: [more.yaml]\nservices:\n  a:\n    extends: {service: parent}\n    volumes:\n"
		"      - {source: $H, target: /y}\n  parent:\n    image: x\n    volumes: []\n    build: .\n"
		"    init: true\n    pid: host\n");
	write_file(
		p.dir, "more.yaml",
		"services:\n  b:\n    image: evil/x:1\n    volumes: [\"${G}:/z\"]\n    deploy: {resources: {}}\n");
	write_file(p.dir, "over.yaml", "services:\n  a:\n    volumes: [\"/etc:/x\"]\n");
	strv_push(&files, "base.yaml");
	strv_push(&files, "over.yaml");
	struct policy_files f = {.root = p.dir, .files = &files};
	auto_policy_sources struct policy_sources *s = policy_sources_open(&f);

	for (size_t i = 0; i < COUNT_OF(finds); i++) {
		struct policy_finding x = {.section = (char *)(uintptr_t) "services",
					   .name = (char *)(uintptr_t)finds[i].name,
					   .key = (char *)(uintptr_t)finds[i].key,
					   .text = (char *)(uintptr_t)finds[i].text,
					   .other = (char *)(uintptr_t)finds[i].other};
		struct policy_spot at;

		policy_locate(s, &x, &at);
		auto_free char *got = xasprintf("%s:%d:%d", at.file, at.line, at.column);

		assert_string_equal(got, finds[i].want);
		free(at.file);
	}
	remove_place(&p);
}

/* Every rule of the table is said by some row. */
static void test_every_rule(void **state)
{
	(void)state;
	for (int r = 0; r < POLICY_RULES; r++) {
		auto_free char *begin = xasprintf("%s: ", policy_row((enum policy_rule)r)->name);
		int n = 0;

		for (size_t i = 0; i < COUNT_OF(rows); i++)
			n += rows[i].want && str_starts(rows[i].want, begin);
		if (n == 0)
			fail_msg("no row says %s", begin);
	}
}

static void test_digest(void **state)
{
	static const char *const texts[] = {"preset: open",          "preset: standard",
					    "binds: allow",          "binds: []",
					    "binds: [/a]",           "projects: {a: {binds: [/a]}}",
					    "cosign: {a: {key: /k}}"};
	char seen[COUNT_OF(texts)][DIGEST_HEX_SIZE];
	(void)state;

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		auto_policy struct policy p;

		read_policy(texts[i], &p);
		policy_digest(&p, seen[i]);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(seen[i], seen[k]);
	}
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(rows) + 5] = {
		cmocka_unit_test(test_links),  cmocka_unit_test(test_own_links),
		cmocka_unit_test(test_places), cmocka_unit_test(test_every_rule),
		cmocka_unit_test(test_digest),
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		tests[i + 5] = (struct CMUnitTest){.name = rows[i].name,
						   .test_func = check_row,
						   .initial_state = (void *)(uintptr_t)&rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
