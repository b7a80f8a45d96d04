/*
 * What evaluating finds: projects, their files and settings, what they read elsewhere, and what it
 * need not read again.
 */
#include "eval_fixture.h"

#define WEB "services: {a: {image: nginx}}\n"

/* Each row: a repository, and the projects found as "name path files; ..." with '!' before the name
 * of a bad one. */
static const struct row {
	const char *name, *spec, *start, *want;
} rows[] = {
	{"one directory", "== web/compose.yaml\n" WEB, ".", "web web compose.yaml"},
	{"four usual names",
	 "== a/compose.yaml\n" WEB "== b/compose.yml\n" WEB "== c/docker-compose.yaml\n" WEB
	 "== d/docker-compose.yml\n" WEB,
	 ".", "a a compose.yaml; b b compose.yml; c c docker-compose.yaml; d d docker-compose.yml"},
	{"preferred name", "== a/docker-compose.yml\n" WEB "== a/compose.yml\n" WEB, ".",
	 "a a compose.yml"},
	{"override file", "== a/compose.yaml\n" WEB "== a/compose.override.yml\n" WEB, ".",
	 "a a compose.yaml compose.override.yml"},
	{"override of another family stays out",
	 "== a/docker-compose.yml\n" WEB "== a/compose.override.yml\n" WEB, ".",
	 "a a docker-compose.yml"},
	{"three levels", "== x/y/z/compose.yaml\n" WEB, ".", "z x/y/z compose.yaml"},
	{"four levels are too deep", "== x/y/z/w/compose.yaml\n" WEB, ".", ""},
	{"hidden directories", "== .github/compose.yaml\n" WEB "== a/.x/compose.yaml\n" WEB, ".",
	 ""},
	{"below a project nothing is searched",
	 "== a/compose.yaml\n" WEB "== a/b/compose.yaml\n" WEB, ".", "a a compose.yaml"},
	{"starting point", "== hosts/web/compose.yaml\n" WEB "== other/compose.yaml\n" WEB, "hosts",
	 "web hosts/web compose.yaml"},
	{"manifest at the starting point",
	 "== hosts/mdc.yaml\nprojects: {w: {path: web}}\n== hosts/web/compose.yaml\n" WEB, "hosts",
	 "w hosts/web compose.yaml"},
	{"manifest lists",
	 "== mdc.yaml\nprojects: {web: {}, m: {path: apps/m, files: [x.yaml, y.yaml]}}\n"
	 "== web/compose.yaml\n" WEB "== apps/m/x.yaml\n" WEB "== apps/m/y.yaml\n" WEB
	 "== other/compose.yaml\n" WEB,
	 ".", "m apps/m x.yaml y.yaml; web web compose.yaml"},
	{"manifest without a list", "== mdc.yml\natomic: true\n== web/compose.yaml\n" WEB, ".",
	 "web web compose.yaml"},
	{"root as a project", "== mdc.yaml\nprojects: {all: {path: .}}\n== compose.yaml\n" WEB, ".",
	 "all . compose.yaml"},
	{"hosts: mine, a pattern, a group, not mine",
	 "== mdc.yaml\ngroups: {g: [\"@h\"], h: [\"serv*\"]}\nprojects: {a: {hosts: [SERVER1]}, b: {hosts: "
	 "[\"s*1\"]}, c: {hosts: [\"@g\"]}, d: {hosts: [server2]}}\n"
	 "== a/compose.yaml\n" WEB "== b/compose.yaml\n" WEB "== c/compose.yaml\n" WEB
	 "== d/compose.yaml\n" WEB,
	 ".", "a a compose.yaml; b b compose.yaml; c c compose.yaml"},
	{"hosts in x-mdc",
	 "== a/compose.yaml\nx-mdc: {hosts: server2}\n" WEB
	 "== b/compose.yaml\nx-mdc: {hosts: server1}\n" WEB,
	 ".", "b b compose.yaml"},
	{"the manifest's hosts come first",
	 "== mdc.yaml\nprojects: {a: {hosts: server1}}\n"
	 "== a/compose.yaml\nx-mdc: {hosts: server2}\n" WEB,
	 ".", "a a compose.yaml"},
	{"a bad one harms no other", "== a/compose.yaml\n[\n== b/compose.yaml\n" WEB, ".",
	 "!a a compose.yaml; b b compose.yaml"},
	{"a bad one that is not ours is not shown",
	 "== mdc.yaml\nprojects: {a: {hosts: x, pul: never}, b: {}}\n"
	 "== b/compose.yaml\n" WEB,
	 ".", "b b compose.yaml"},
	{"nobody knows whose it is: shown",
	 "== mdc.yaml\nprojects: {a: {hosts: [\"@x\"]}}\n"
	 "== a/compose.yaml\n" WEB,
	 ".", "!a a compose.yaml"},
};

static void describe(const struct eval_result *r, struct str *out)
{
	for (size_t i = 0; i < r->projects.n; i++) {
		const struct project *p = &r->projects.v[i];
		auto_free char *files = p->files.n > 0 ? strv_join(&p->files, " ") : xstrdup("-");
		str_addf(out, "%s%s%s %s %s", i > 0 ? "; " : "", p->why_bad ? "!" : "", p->name,
			 p->path, files);
		assert_int_equal(strlen(p->digest), 64);
	}
}

static void check_row(void **state)
{
	const struct row *r = *state;
	struct fixture f;
	struct err e = ERR_INIT;
	auto_eval_result struct eval_result out = {.atomic = false};
	auto_str struct str got = STR_INIT;

	fixture_open(&f, r->spec);
	free(f.config.source.path);
	f.config.source.path = xstrdup(r->start);
	struct eval_input in = {.config = &f.config, .reader = &f.reader, .root = f.root};
	int rc = eval_run(&in, NULL, &out, &e);
	describe(&out, &got);
	fixture_close(&f);
	assert_string_equal(e.cause, "");
	assert_int_equal(rc, 0);
	assert_string_equal(str_text(&got), r->want);
}

static const char settings_spec[] =
	"== mdc.yaml\natomic: true\ndefaults: {pull: always, health: {settle: 7s}, profiles: [d]}\n"
	"projects:\n  web: {health: {timeout: 9m}, after: [db]}\n  db: {}\n"
	"== web/compose.yaml\nx-mdc: {health: {timeout: 1m, settle: 8s}, snapshot: {quiesce: pause}}\n" WEB
	"== db/compose.yaml\nx-mdc: {profiles: []}\n" WEB;

static void check_settings(void **state)
{
	struct fixture f;
	struct err e = ERR_INIT;
	auto_eval_result struct eval_result out = {.atomic = false};

	(void)state;
	fixture_open(&f, settings_spec);
	f.config.defaults.pull = PULL_NEVER;
	f.config.defaults.on_remove = ON_REMOVE_KEEP;
	struct eval_input in = {.config = &f.config, .reader = &f.reader, .root = f.root};
	assert_int_equal(eval_run(&in, NULL, &out, &e), 0);
	assert_true(out.atomic);
	const struct project *db = projects_find(&out.projects, "db");
	const struct project *web = projects_find(&out.projects, "web");
	assert_non_null(db);
	assert_non_null(web);
	assert_int_equal(web->settings.health.timeout_ms, 9 * 60000); /* mdc.yaml */
	assert_int_equal(web->settings.health.settle_ms, 8000);       /* x-mdc */
	assert_int_equal(web->settings.pull, PULL_ALWAYS);            /* defaults of mdc.yaml */
	assert_int_equal(web->settings.on_remove, ON_REMOVE_KEEP);    /* agent.yaml */
	assert_int_equal(web->settings.snapshot.quiesce, QUIESCE_PAUSE);
	assert_int_equal(web->settings.snapshot.restore, RESTORE_AUTO); /* built in */
	assert_string_equal(web->settings.profiles.v[0], "d");
	assert_string_equal(web->settings.after.v[0], "db");
	assert_int_equal(db->settings.profiles.n, 0);
	assert_true(db->settings.has_profiles);
	fixture_close(&f);
}

static const char elsewhere_spec[] =
	"== apps/web/compose.yaml\n"
	"include:\n  - path: ../../shared/inc.yaml\n"
	"services:\n  a:\n    image: x\n    env_file: [{path: ../../no.env, required: false}, own.env]\n"
	"    volumes:\n      - ./data:/data\n      - ../../conf:/conf:ro\n      - ${DIR}/f:/f\n      - /etc/x:/x\n"
	"      - named:/n\n    extends: {file: ../../base/b.yaml, service: s}\n"
	"    build: {context: ../../src, dockerfile: Dockerfile}\n"
	"volumes: {named: }\nsecrets: {pw: {file: ../../pw.txt}}\n"
	"== apps/web/.env\n# a comment\nexport DIR=\"../../more\"\n"
	"== apps/web/own.env\nA=1\n"
	"== shared/inc.yaml\nservices: {b: {image: y, env_file: b.env}}\n"
	"== shared/b.env\nB=1\n== conf/c\nx\n== more/f\nx\n== src/Dockerfile\nFROM x\n== pw.txt\nx\n"
	"== base/b.yaml\nservices: {s: {image: z, env_file: s.env}, other: {env_file: nowhere.env}}\n"
	"== base/s.env\nS=1\n";

static void check_elsewhere(void **state)
{
	static const char want[] =
		"base/b.yaml base/s.env conf more/f pw.txt shared/b.env shared/inc.yaml src";
	struct fixture f;
	struct err e = ERR_INIT;
	auto_diags struct diags d = DIAGS_INIT;
	auto_eval_result struct eval_result out = {.atomic = false};
	auto_strv struct strv paths = STRV_INIT;

	(void)state;
	fixture_open(&f, elsewhere_spec);
	struct eval_input in = {.config = &f.config, .reader = &f.reader, .root = f.root};
	assert_int_equal(eval_run(&in, &d, &out, &e), 0);
	assert_int_equal(out.projects.n, 1);
	const struct project *p = &out.projects.v[0];
	if (p->why_bad)
		print_message("%s\n", p->why_bad);
	assert_null(p->why_bad);
	assert_int_equal(d.n, 0);
	for (size_t i = 0; i < p->n_elsewhere; i++)
		strv_push(&paths, p->elsewhere[i].path);
	strv_sort(&paths);
	auto_free char *got = strv_join(&paths, " ");
	assert_string_equal(got, want);
	assert_true(strv_has(&p->claims, "absent no.env"));
	fixture_close(&f);
}

/* Evaluate again, knowing what the first time found. Returns the number of files read. */
static size_t again(struct fixture *f, const struct generation *g, struct eval_result *out)
{
	struct err e = ERR_INIT;
	struct eval_input in = {
		.config = &f->config, .reader = &f->counting, .root = f->root, .known = g};

	f->reads = f->lists = 0;
	assert_int_equal(eval_run(&in, NULL, out, &e), 0);
	return f->reads;
}

static void check_reuse(void **state)
{
	static const char spec[] =
		"== mdc.yaml\ndefaults: {pull: always}\n"
		"== apps/a/compose.yaml\nx-mdc: {health: {settle: 4s}}\nservices: {a: {image: x, ports: [\"80:80\"], "
		"volumes: [\"../../s:/s\"]}}\n"
		"== apps/b/compose.yaml\n" WEB
		"== apps/b/.env\nA=1\n== apps/c/compose.yaml\nx-mdc: {hosts: x}\n" WEB
		"== s/f\nx\n";
	struct fixture f;
	auto_eval_result struct eval_result first = {.atomic = false};
	auto_eval_result struct eval_result same = {.atomic = false};
	auto_eval_result struct eval_result moved = {.atomic = false};
	auto_eval_result struct eval_result other = {.atomic = false};

	(void)state;
	fixture_open(&f, spec);
	assert_int_equal(again(&f, NULL, &first), 5); /* mdc.yaml, three Compose files, .env */
	assert_int_equal(first.projects.n, 2);
	assert_int_equal(first.others.n, 1);
	auto_generation struct generation g = generation_of(&first);
	assert_int_equal(again(&f, &g, &same), 1); /* mdc.yaml */
	assert_int_equal(f.lists, 3);              /* the root, apps and s */
	assert_int_equal(same.projects.n, 2);
	for (size_t i = 0; i < 2; i++) {
		auto_json cJSON *x = project_to_json(&first.projects.v[i]);
		auto_json cJSON *y = project_to_json(&same.projects.v[i]);
		assert_true(cJSON_Compare(x, y, true));
	}
	assert_true(strv_equal(&first.others, &same.others));

	g.v[0].active.want.elsewhere[0].id[0] ^=
		1; /* what a mounts was another version: it is read again */
	assert_int_equal(again(&f, &g, &moved), 2);
	assert_string_equal(moved.projects.v[0].digest, first.projects.v[0].digest);

	/* Other defaults: nothing is read, but the digests say that something changed; x-mdc still
	 * counts. */
	g.v[0].active.want.elsewhere[0].id[0] ^= 1;
	f.config.defaults.on_remove = ON_REMOVE_KEEP;
	assert_int_equal(again(&f, &g, &other), 1);
	assert_int_equal(other.projects.v[0].settings.on_remove, ON_REMOVE_KEEP);
	assert_int_equal(other.projects.v[0].settings.health.settle_ms, 4000);
	assert_string_not_equal(other.projects.v[0].digest, first.projects.v[0].digest);
	fixture_close(&f);
}

/* Who runs already keeps running when a newcomer wants the same port. */
static void check_newcomer(void **state)
{
	struct fixture f;
	auto_eval_result struct eval_result first = {.atomic = false};
	auto_eval_result struct eval_result second = {.atomic = false};
	static const char ports[] = "services: {a: {image: x, ports: [\"80:80\"]}}\n";
	auto_free char *spec = xasprintf("== b/compose.yaml\n%s", ports);
	auto_free char *more = xasprintf("== a/compose.yaml\n%s", ports);

	(void)state;
	fixture_open(&f, spec);
	(void)again(&f, NULL, &first);
	auto_generation struct generation g = generation_of(&first);
	fixture_write(&f, more);
	(void)again(&f, &g, &second);
	assert_int_equal(second.projects.n, 2);
	assert_non_null(second.projects.v[0].why_bad);
	assert_null(second.projects.v[1].why_bad);
	fixture_close(&f);
}

static int store(void *ctx, const char *const *names, const char *const *data, const size_t *lens,
		 size_t n, char id[OBJECT_ID_SIZE], struct err *e)
{
	struct str *s = ctx;

	(void)data;
	(void)e;
	for (size_t i = 0; i < n; i++)
		str_addf(s, "%s:%zu ", names[i], lens[i]);
	(void)snprintf(id, OBJECT_ID_SIZE, "%040d", 7);
	return 0;
}

static void check_declared(void **state)
{
	struct fixture f;
	struct err e = ERR_INIT;
	auto_str struct str stored = STR_INIT;
	auto_eval_result struct eval_result out = {.atomic = false};
	auto_eval_result struct eval_result both = {.atomic = false};

	(void)state;
	fixture_open(&f,
		     "== web/compose.yaml\nx-mdc: {pull: never}\nservices: {a: {image: x, volumes: "
		     "[\"../../../etc:/e\"]}}\n== web/prod.yaml\n" WEB "== e.env\nA=1\n");
	f.config.projects = xcalloc(1, sizeof(*f.config.projects));
	f.config.n_projects = 1;
	struct declared_project *d = &f.config.projects[0];
	d->name = xstrdup("web");
	settings_init(&d->settings);
	strv_pushf(&d->settings.compose_files, "%s/web/compose.yaml", f.dir);
	strv_pushf(&d->settings.compose_files, "%s/web/prod.yaml", f.dir);
	strv_pushf(&d->settings.env_files, "%s/e.env", f.dir);
	struct eval_input in = {.config = &f.config, .store_tree = store, .store_ctx = &stored};
	assert_int_equal(eval_run(&in, NULL, &out, &e), 0);
	assert_int_equal(out.projects.n, 1);
	const struct project *p = &out.projects.v[0];
	assert_null(p->why_bad);
	assert_true(p->declared);
	assert_string_equal(p->files.v[1], "1-prod.yaml");
	assert_int_equal(p->settings.pull, PULL_NEVER);
	assert_string_equal(path_base(p->path), "web");
	assert_string_equal(str_text(&stored), "0-compose.yaml:77 1-prod.yaml:30 env-0:64 ");

	in.reader = &f.reader; /* the same name in the repository too */
	in.root = f.root;
	assert_int_equal(eval_run(&in, NULL, &both, &e), 0);
	assert_int_equal(both.projects.n, 1);
	assert_non_null(both.projects.v[0].why_bad);
	fixture_close(&f);
}

static const struct flake_row {
	const char *name, *gives, *wrong; /* wrong: part of the error, NULL: one project, app */
} flake_rows[] = {
	{"projects", "{\"version\":1,\"projects\":{\"app\":{\"compose_files\":[\"%s/app.yaml\"]}}}",
	 NULL},
	{"nothing", "{}", "gives no {version = 1;"},
	{"a list", "[]", "gives no {version = 1;"},
	{"no projects", "{\"version\":1}", "gives no {version = 1;"},
	{"of later", "{\"version\":2,\"projects\":{}}", "version 2, this agent knows 1"},
	{"unknown key", "{\"version\":1,\"projects\":{\"a\":{\"x\":1}}}", "unknown key 'x'"},
	{"no files", "{\"version\":1,\"projects\":{\"a\":{}}}", "has no compose_files"},
	{"a name that is none", "{\"version\":1,\"projects\":{\"..\":{}}}",
	 "not a valid project name"},
	{"cut", "{\"version\":1,\"projects\":{", "did not find expected"},
};

/* With a flake nothing else of the repository is looked at. */
static void check_flake(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, "== app.yaml\n" WEB "== other/compose.yaml\n" WEB);
	for (size_t i = 0; i < COUNT_OF(flake_rows); i++) {
		const struct flake_row *r = &flake_rows[i];
		auto_eval_result struct eval_result out = {.atomic = false};
		auto_str struct str stored = STR_INIT, text = STR_INIT;
		const char *dir = strstr(r->gives, "%s");
		struct err e = ERR_INIT;

		str_addn(&text, r->gives, dir ? (size_t)(dir - r->gives) : strlen(r->gives));
		if (dir)
			str_addf(&text, "%s%s", f.dir, dir + 2);
		struct eval_input in = {.config = &f.config,
					.reader = &f.reader,
					.root = f.root,
					.store_tree = store,
					.store_ctx = &stored,
					.flake = str_text(&text)};
		int rc = eval_run(&in, NULL, &out, &e);
		if (r->wrong && (rc == 0 || e.kind != ERR_REJECTED || !strstr(e.cause, r->wrong)))
			fail_msg("%s: %d: %s", r->name, rc, e.cause);
		if (r->wrong)
			continue;
		if (rc < 0 || out.projects.n != 1)
			fail_msg("%s: %d: %s", r->name, rc, e.cause);
		assert_string_equal(out.projects.v[0].name, "app");
		assert_true(out.projects.v[0].declared);
	}
	fixture_close(&f);
}

int main(void)
{
	enum { MORE = 6 };
	struct CMUnitTest tests[COUNT_OF(rows) + MORE] = {
		cmocka_unit_test(check_settings), cmocka_unit_test(check_elsewhere),
		cmocka_unit_test(check_reuse),    cmocka_unit_test(check_newcomer),
		cmocka_unit_test(check_declared), cmocka_unit_test(check_flake)};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		tests[MORE + i] = (struct CMUnitTest){rows[i].name, check_row, NULL, NULL,
						      (void *)(uintptr_t)&rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
