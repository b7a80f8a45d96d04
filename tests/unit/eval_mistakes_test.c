/*
 * Mistakes that people make in a config repository: each row is a repository and the finding that
 * must come out, with its place. `mdc-agent check` shows the same.
 */
#include "eval_fixture.h"

static const struct row {
	const char *name, *spec;
	const char *want; /* begins a line of the findings, after which comes anything */
} rows[] = {
	{"manifest is not YAML", "== mdc.yaml\nversion: 1\nprojects: {a: [}\n", "mdc.yaml:2:"},
	{"duplicate key", "== mdc.yaml\natomic: true\natomic: false\n", "mdc.yaml:2:1: error: "},
	{"unknown key in the manifest", "== mdc.yaml\nprojets: {}\n",
	 "mdc.yaml:1:1: error: unknown key 'projets': did you mean 'projects'?"},
	{"unknown key of a project",
	 "== mdc.yaml\nprojects:\n  web:\n    health: {timout: 3m}\n"
	 "== web/compose.yaml\nservices: {a: {image: x}}\n",
	 "mdc.yaml:3:14: error: unknown key 'timout' in projects.web.health: did you mean 'timeout'?"},
	{"version of the future", "== mdc.yaml\nversion: 2\n",
	 "mdc.yaml:1:10: error: version: this mdc-agent only knows version 1, not 2"},
	{"a number where a duration belongs", "== mdc.yaml\ndefaults: {health: {timeout: 90}}\n",
	 "mdc.yaml:1:30: error: defaults.health.timeout: a duration needs its unit: write 90s"},
	{"settle longer than timeout",
	 "== mdc.yaml\ndefaults: {health: {timeout: 5s, settle: 1m}}\n"
	 "== web/compose.yaml\nservices: {a: {image: x}}\n",
	 "mdc.yaml:1:20: warning: defaults: health.timeout is shorter than health.settle"},
	{"probe that is no URL", "== mdc.yaml\ndefaults: {health: {http: localhost:80}}\n",
	 "mdc.yaml:1:27: error: defaults.health.http: expected a URL"},
	{"listed without a directory",
	 "== mdc.yaml\nprojects:\n  web: {path: apps/wbe}\n"
	 "== apps/web/compose.yaml\nservices: {a: {image: x}}\n",
	 "mdc.yaml:2:3: error: project 'web': 'apps/wbe' does not exist"},
	{"listed without a Compose file", "== mdc.yaml\nprojects: {web: {}}\n== web/readme\nx\n",
	 "web: error: has no compose.yaml"},
	{"files that do not exist",
	 "== mdc.yaml\nprojects: {web: {files: [compose.prod.yaml]}}\n"
	 "== web/compose.yaml\nservices: {a: {image: x}}\n",
	 "web/compose.prod.yaml: error: does not exist"},
	{"env_files that do not exist",
	 "== mdc.yaml\nprojects:\n  web: {env_files: [prod.env]}\n"
	 "== web/compose.yaml\nservices: {a: {image: x}}\n",
	 "mdc.yaml:2:3: error: env_files: 'web/prod.env' does not exist"},
	{"unknown group",
	 "== mdc.yaml\ngroups: {edge: [a]}\nprojects:\n  web: {hosts: [\"@edg\"]}\n"
	 "== web/compose.yaml\nservices: {a: {image: x}}\n",
	 "mdc.yaml:3:3: error: hosts: there is no group '@edg': did you mean '@edge'?"},
	{"group of an unknown group", "== mdc.yaml\ngroups:\n  web: [\"@edge\"]\n",
	 "mdc.yaml:2:3: error: group 'web' names the unknown group '@edge'"},
	{"groups in a circle", "== mdc.yaml\ngroups:\n  a: [\"@b\"]\n  b: [\"@a\"]\n",
	 "mdc.yaml:2:3: error: group 'a' contains itself"},
	{"negation in hosts",
	 "== mdc.yaml\nprojects:\n  web: {hosts: [\"!a\"]}\n"
	 "== web/compose.yaml\nservices: {a: {image: x}}\n",
	 "mdc.yaml:2:17: error: projects.web.hosts: '!a': there is no negation"},
	{"hosts without any",
	 "== mdc.yaml\nprojects:\n  web: {hosts: []}\n"
	 "== web/compose.yaml\nservices: {a: {image: x}}\n",
	 "mdc.yaml:2:16: error: projects.web.hosts: is an empty list"},
	{"after names nobody",
	 "== mdc.yaml\nprojects:\n  db: {}\n  web: {after: [bd]}\n"
	 "== web/compose.yaml\nservices: {a: {image: x}}\n"
	 "== db/compose.yaml\nservices: {a: {image: x}}\n",
	 "mdc.yaml:3:3: error: after: there is no project 'bd': did you mean 'db'?"},
	{"after in a circle",
	 "== mdc.yaml\nprojects:\n  a: {after: [b]}\n  b: {after: [c]}\n  c: {after: [a]}\n"
	 "== a/compose.yaml\nservices: {a: {image: x}}\n"
	 "== b/compose.yaml\nservices: {a: {image: x}}\n"
	 "== c/compose.yaml\nservices: {a: {image: x}}\n",
	 "mdc.yaml:3:3: error: after goes in a circle: a → b → c → a"},
	{"Compose file at the root", "== compose.yaml\nservices: {a: {image: x}}\n",
	 "compose.yaml: error: a Compose file at the root"},
	{"directory name that is no project name",
	 "== My_App/compose.yaml\nservices: {a: {image: x}}\n",
	 "My_App: error: the directory's name is not a valid project name"},
	{"two directories of one name",
	 "== a/web/compose.yaml\nservices: {a: {image: x}}\n"
	 "== b/web/compose.yaml\nservices: {a: {image: x}}\n",
	 "b/web: error: 'a/web' and 'b/web' would both be the project 'web'"},
	{"Compose file is not YAML", "== web/compose.yaml\nservices:\n  a: {image: x\n",
	 "web/compose.yaml:"},
	{"Compose file without services", "== web/compose.yaml\nvolumes: {data: }\n",
	 "web/compose.yaml:1:1: error: has no services"},
	{"Compose file is a list", "== web/compose.yaml\n- a\n",
	 "web/compose.yaml:1:1: error: is not a Compose file"},
	{"unknown top-level key",
	 "== web/compose.yaml\nservices: {a: {image: x}}\nvolume: {data: }\n",
	 "web/compose.yaml:2:1: error: unknown key 'volume': did you mean 'volumes'?"},
	{"unknown service key", "== web/compose.yaml\nservices:\n  a: {imge: x, image: y}\n",
	 "web/compose.yaml:2:7: error: unknown key 'imge' in service 'a': did you mean 'image'?"},
	{"name that differs", "== web/compose.yaml\nname: other\nservices: {a: {image: x}}\n",
	 "web/compose.yaml:1:7: warning: name: 'other' is ignored"},
	{"service without image", "== web/compose.yaml\nservices:\n  a: {restart: always}\n",
	 "web/compose.yaml:2:3: error: service 'a' has neither image nor build"},
	{"one-letter volume",
	 "== web/compose.yaml\nservices: {a: {image: x, volumes: [\"v:/v\"]}}\nvolumes: {v: }\n",
	 "web/compose.yaml:1:36: error: service 'a': Compose takes the one-letter volume name 'v'"},
	{"volume that is not defined",
	 "== web/compose.yaml\nservices: {a: {image: x, volumes: [\"dta:/v\"]}}\n"
	 "volumes: {data: }\n",
	 "web/compose.yaml:1:36: error: service 'a' uses 'dta', which is not defined under volumes: did you mean "
	 "'data'?"},
	{"depends_on nobody", "== web/compose.yaml\nservices: {a: {image: x, depends_on: [b]}}\n",
	 "web/compose.yaml:1:39: error: service 'a' uses 'b', which is not defined under services"},
	{"secret that is not defined",
	 "== web/compose.yaml\nservices: {a: {image: x, secrets: [pw]}}\n",
	 "web/compose.yaml:1:36: error: service 'a' uses 'pw', which is not defined under secrets"},
	{"unknown key in x-mdc",
	 "== web/compose.yaml\nx-mdc: {hosst: [a]}\nservices: {a: {image: x}}\n",
	 "web/compose.yaml:1:9: error: unknown key 'hosst' in x-mdc: did you mean 'hosts'?"},
	{"path in x-mdc", "== web/compose.yaml\nx-mdc: {path: apps}\nservices: {a: {image: x}}\n",
	 "web/compose.yaml:1:15: error: x-mdc: path cannot stand in the Compose file itself"},
	{"hook in a service that is not there",
	 "== web/compose.yaml\nx-mdc: {hooks: {before_snapshot: {service: bd, command: [dump]}}}\n"
	 "services: {db: {image: x}}\n",
	 "web/compose.yaml: error: hooks.before_snapshot.service names 'bd', which the Compose files do not have "
	 "under services: did you mean 'db'?"},
	{"hook as a shell line",
	 "== web/compose.yaml\nx-mdc: {hooks: {before_snapshot: {service: db, command: pg_dump x}}}\n"
	 "services: {db: {image: x}}\n",
	 "web/compose.yaml:1:57: error: x-mdc.hooks.before_snapshot.command: expected a list of words"},
	{"snapshot of a volume that is not there",
	 "== web/compose.yaml\nx-mdc: {snapshot: {volumes: [dat]}}\nservices: {a: {image: x}}\nvolumes: {data: }\n",
	 "web/compose.yaml: error: snapshot.volumes names 'dat'"},
	{"bind out of the repository",
	 "== web/compose.yaml\nservices:\n  a:\n    image: x\n    volumes:\n"
	 "      - ../../etc/passwd:/p\n",
	 "web/compose.yaml:5:9: error: volumes: '../../etc/passwd' leads out of the repository"},
	{"bind to what is not there",
	 "== web/compose.yaml\nservices: {a: {image: x, volumes: [\"../conf:/c\"]}}\n",
	 "web/compose.yaml:1:36: error: volumes: 'conf' does not exist in the repository"},
	{"bind through a variable",
	 "== web/compose.yaml\nservices: {a: {image: x, volumes: [\"../${X}/c:/c\"]}}\n",
	 "web/compose.yaml:1:36: warning: volumes: '../${X}/c' leads out of the project's directory"},
	{"env_file that is not there",
	 "== web/compose.yaml\nservices: {a: {image: x, env_file: a.env}}\n",
	 "web/compose.yaml:1:36: error: env_file: 'web/a.env' does not exist"},
	{"env_file through a variable nobody knows",
	 "== web/compose.yaml\nservices: {a: {image: x, env_file: \"${WHERE}/a.env\"}}\n",
	 "web/compose.yaml:1:36: error: env_file: '${WHERE}/a.env' has a variable"},
	{"env_file through Compose's own environment",
	 "== web/.env\nHOME=.\n== web/a.env\nA=1\n== web/compose.yaml\n"
	 "services: {a: {image: x, env_file: \"${HOME:-.}/a.env\"}}\n",
	 "web/compose.yaml:1:36: error: env_file: '${HOME:-.}/a.env' has a variable"},
	{"env_file through the values of an include",
	 "== web/compose.yaml\ninclude: [{path: sub/c.yaml, env_file: sub/v.env}]\n"
	 "services: {a: {image: x}}\n== web/sub/v.env\nE=/etc/passwd\n== web/sub/a.env\nA=1\n"
	 "== web/sub/c.yaml\nservices: {b: {image: x, env_file: \"${E:-a.env}\"}}\n",
	 "web/sub/c.yaml:1:36: error: env_file: '/etc/passwd' is an absolute path"},
	{"env_file through the .env beside an included file",
	 "== web/compose.yaml\ninclude: [sub/c.yaml]\n"
	 "services: {a: {image: x}}\n== web/sub/.env\nE=../../../x\n== web/sub/a.env\nA=1\n"
	 "== web/sub/c.yaml\nservices: {b: {image: x, env_file: \"${E:-a.env}\"}}\n",
	 "web/sub/c.yaml:1:36: error: env_file: '../../../x' leads out of the repository"},
	{"include whose directory is a variable",
	 "== web/compose.yaml\ninclude: [{path: c.yaml, project_directory: \"${HOME}\"}]\n"
	 "services: {a: {image: x}}\n== web/c.yaml\nservices: {b: {image: x}}\n",
	 "web/compose.yaml:1:45: error: include: project_directory '${HOME}' leads out"},
	{"env_file with an absolute path",
	 "== web/compose.yaml\nservices: {a: {image: x, env_file: /etc/a.env}}\n",
	 "web/compose.yaml:1:36: error: env_file: '/etc/a.env' is an absolute path"},
	{"include from another server",
	 "== web/compose.yaml\ninclude: [\"oci://docker.io/a/b\"]\nservices: {a: {image: x}}\n",
	 "web/compose.yaml:1:11: error: include: 'oci://docker.io/a/b' comes from another server"},
	{"include that is not there",
	 "== web/compose.yaml\ninclude: [../base.yaml]\nservices: {a: {image: x}}\n",
	 "web/compose.yaml:1:11: error: include: 'base.yaml' does not exist"},
	{"mistake in an included file",
	 "== web/compose.yaml\ninclude: [../base/b.yaml]\nservices: {a: {image: x}}\n"
	 "== base/b.yaml\nservices: {b: {image: y, env_file: b.env}}\n",
	 "base/b.yaml:1:36: error: env_file: 'base/b.env' does not exist"},
	{"extends a service that is not there",
	 "== web/compose.yaml\nservices: {a: {extends: {file: ../base.yaml, service: c}}}\n"
	 "== base.yaml\nservices: {b: {image: y}}\n",
	 "web/compose.yaml:1:25: error: extends: 'base.yaml' has no service 'c'"},
	{"config file that is not there",
	 "== web/compose.yaml\nservices: {a: {image: x}}\nconfigs: {c: {file: c.txt}}\n",
	 "web/compose.yaml:2:21: warning: configs: 'web/c.txt' is not in the repository"},
	{"symlink in the project",
	 "== web/compose.yaml\nservices: {a: {image: x}}\n== web/l -> /etc/passwd\n",
	 "web/l: error: is a symlink, which is refused"},
	{"symlink elsewhere",
	 "== web/compose.yaml\nservices: {a: {image: x, volumes: [\"../l:/c\"]}}\n== l -> /etc\n",
	 "web/compose.yaml:1:36: error: volumes: 'l' is a symlink"},
	{"Compose file is a symlink",
	 "== mdc.yaml\nprojects: {web: {files: [c.yaml]}}\n== web/c.yaml -> /etc/passwd\n",
	 "web/c.yaml: error: is a symlink"},
	{"too many ports in ranges",
	 "== a/compose.yaml\nservices: {a: {image: x, ports: [\"1-65535:1-65535\"]}}\n",
	 "a/compose.yaml:1:34: error: publishes more than 20000 ports"},
	{"variables that make each other grow",
	 "== a/.env\nA=0123456789${A}\nA=$A$A$A$A$A$A$A$A$A$A$A$A$A$A$A$A\nB=$A$A$A$A$A$A$A$A$A$A$A$A$A\n"
	 "C=$B$B$B$B$B$B$B$B$B$B$B$B$B\nD=$C$C$C$C$C$C$C$C$C$C$C$C$C\nE=$D$D$D$D$D$D$D$D$D$D$D$D$D\n"
	 "== a/compose.yaml\nservices: {a: {image: x}}\n",
	 "a/.env: error: the value of E grows beyond 1024 KiB"},
	{"the same port twice",
	 "== a/compose.yaml\nservices: {a: {image: x, ports: [\"8080:80\"]}}\n"
	 "== b/compose.yaml\nservices: {a: {image: x, ports: [{target: 80, published: 8080}]}}\n",
	 "a/compose.yaml:1:34: error: port tcp/8080 of the host is also published by project 'b'"},
	{"a port in a range",
	 "== a/compose.yaml\nservices: {a: {image: x, ports: [\"127.0.0.1:8080:80\"]}}\n"
	 "== b/compose.yaml\nservices: {a: {image: x, ports: [\"8000-8090:8000-8090\"]}}\n",
	 "a/compose.yaml:1:34: error: port tcp/8080 of the host is also published by project 'b'"},
	{"the same container name twice",
	 "== a/compose.yaml\nservices: {a: {image: x, container_name: web}}\n"
	 "== b/compose.yaml\nservices: {a: {image: x, container_name: web}}\n",
	 "b/compose.yaml:1:42: error: container_name 'web' is also used by project 'a'"},
};

static void check_row(void **state)
{
	const struct row *r = *state;
	struct fixture f;
	struct err e = ERR_INIT;
	auto_diags struct diags d = DIAGS_INIT;
	auto_eval_result struct eval_result out = {.atomic = false};
	bool found = false;

	fixture_open(&f, r->spec);
	struct eval_input in = {
		.config = &f.config, .reader = &f.reader, .root = f.root, .all_hosts = true};
	(void)eval_run(&in, &d, &out, &e);
	for (size_t i = 0; i < d.n && !found; i++) {
		auto_free char *text = diag_text(&d.v[i]);
		found = str_starts(text, r->want);
		if (found && d.v[i].level == DIAG_ERROR &&
		    e.kind == ERR_NONE) { /* some project is bad */
			size_t bad = 0;
			for (size_t k = 0; k < out.projects.n; k++)
				bad += out.projects.v[k].why_bad != NULL;
			assert_true(bad > 0);
		}
	}
	for (size_t i = 0; i < d.n && !found; i++) {
		auto_free char *text = diag_text(&d.v[i]);
		print_message("found: %s\n", text);
	}
	if (!found && e.kind != ERR_NONE)
		print_message("error: %s\n", e.cause);
	fixture_close(&f);
	assert_true(found);
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(rows)];

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		tests[i] = (struct CMUnitTest){rows[i].name, check_row, NULL, NULL,
					       (void *)(uintptr_t)&rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
