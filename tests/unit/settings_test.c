/* A project's settings: reading, merging, defaults, and JSON there and back. */
#include "agent/model/settings.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const char every_key[] =
	"path: apps/m\nfiles: [a.yaml, b.yaml]\nhosts: [server1, \"@web\"]\nafter: [traefik]\n"
	"env_files: [prod.env]\nprofiles: [prod]\npull: always\non_remove: stop\nadopt: true\nsuspend: true\n"
	"health: {timeout: 5m, settle: 3s, http: [\"http://127.0.0.1:9925/a\"], units: [container@db.service]}\n"
	"snapshot: {volumes: [data], paths: [/srv/m], quiesce: pause, restore: {data: never, x: manual},\n"
	"  driver: {data: copy}}\n"
	"hooks:\n  before_snapshot: {service: db, command: [pg_dump, -U, app], timeout: 1m}\n"
	"  after_snapshot: {service: web, command: [true]}\n";

/* Each row: a map, host side or not, and the JSON that comes of it or the finding. */
static const struct row {
	const char *name, *in;
	bool host_side;
	const char *want;
} rows[] = {
	{"every key", every_key, false,
	 "{\"path\":\"apps/m\",\"files\":[\"a.yaml\",\"b.yaml\"],\"hosts\":[\"server1\",\"@web\"],\"after\":["
	 "\"traefik\"],\"env_files\":[\"prod.env\"],\"profiles\":[\"prod\"],\"profiles.given\":true,\"pull\":"
	 "\"always\",\"on_remove\":\"stop\",\"health.timeout_ms\":300000,\"health.settle_ms\":3000,"
	 "\"health.http\":[\"http://127.0.0.1:9925/a\"],\"health.units\":[\"container@db.service\"],"
	 "\"snapshot.all_volumes\":\"no\",\"snapshot.volumes\":[\"data\"],\"snapshot.paths\":[\"/srv/m\"],"
	 "\"snapshot.quiesce\":\"pause\",\"snapshot.restore_by_volume\":[\"data=never\",\"x=manual\"],"
	 "\"snapshot.driver_by_volume\":[\"data=copy\"],"
	 "\"hooks.before_snapshot.service\":\"db\",\"hooks.before_snapshot.command\":[\"pg_dump\",\"-U\","
	 "\"app\"],\"hooks.before_snapshot.timeout_ms\":60000,\"hooks.after_snapshot.service\":\"web\","
	 "\"hooks.after_snapshot.command\":[\"true\"],\"suspend\":\"yes\",\"adopt\":\"yes\"}"},
	{"none", "{}", false, "{}"},
	{"paths", "snapshot: {paths: [./data, /srv/x], restore: {./data: never}, driver: zfs}",
	 false,
	 "{\"snapshot.paths\":[\"./data\",\"/srv/x\"],\"snapshot.restore_by_volume\":[\"./data=never\"],"
	 "\"snapshot.driver\":\"zfs\"}"},
	{"climbing data path", "snapshot: {paths: [./../x]}", false,
	 "f:1:20: error: snapshot.paths: expected an absolute path without '..', such as /srv/web, or one "
	 "below the project's directory, such as ./data, not './../x'"},
	{"driver", "snapshot: {driver: zsf}", false,
	 "f:1:20: error: snapshot.driver: expected auto, btrfs, reflink, copy, zfs or command, not 'zsf': "
	 "did you mean 'zfs'?"},
	{"volumes: none", "snapshot: {volumes: none, restore: manual}", false,
	 "{\"snapshot.all_volumes\":\"no\",\"snapshot.restore\":\"manual\"}"},
	{"no profiles", "profiles: []", false, "{\"profiles.given\":true}"},
	{"host side", "compose_files: [/srv/a.yaml]\nenv_files: /srv/e", true,
	 "{\"compose_files\":[\"/srv/a.yaml\"],\"env_files\":[\"/srv/e\"]}"},
	{"compose_files in the repository", "compose_files: [/srv/a.yaml]", false,
	 "f:1:16: error: compose_files may only stand in agent.yaml; use path and files"},
	{"path on the host", "path: a", true,
	 "f:1:7: error: path is for projects of the repository; in agent.yaml a project is given by "
	 "compose_files"},
	{"climbing path", "path: ../x", false,
	 "f:1:7: error: path: expected a directory of the repository, such as apps/web, not '../x'"},
	{"absolute file", "files: [/a]", false,
	 "f:1:9: error: files: expected a file below the project's directory, such as compose.prod.yaml, not "
	 "'/a'"},
	{"relative compose_files", "compose_files: [a]", true,
	 "f:1:17: error: compose_files: expected an absolute path without '..', such as /srv/web, not 'a'"},
	{"absolute env file", "env_files: /a", false,
	 "f:1:12: error: env_files: '/a' is outside of the repository; use a path relative to the project's "
	 "directory"},
	{"relative env file on the host", "env_files: [a]", true,
	 "f:1:13: error: env_files: 'a' must be an absolute path in agent.yaml, such as "
	 "/etc/mdc-agent/prod.env"},
	{"wrong word", "pull: allways", false,
	 "f:1:7: error: pull: expected always, missing or never, not 'allways': did you mean 'always'?"},
	{"word far off", "on_remove: zzzzzzz", false,
	 "f:1:12: error: on_remove: expected down, stop or keep, not 'zzzzzzz'"},
	{"http", "health: {http: \"ftp://x\"}", false,
	 "f:1:16: error: health.http: expected a URL, such as http://127.0.0.1:8080/health, not 'ftp://x'"},
	{"unit", "health: {units: [db]}", false,
	 "f:1:18: error: health.units: expected a systemd unit with its suffix, such as db.service, not 'db'"},
	{"timeout of 0", "health: {timeout: 0s}", false,
	 "f:1:19: error: health.timeout is 0s: nothing could ever become healthy"},
	{"project name", "after: [A]", false,
	 "f:1:9: error: after: expected the name of another project, not 'A'"},
	{"command is a line", "hooks: {before_snapshot: {service: a, command: x}}", false,
	 "f:1:48: error: hooks.before_snapshot.command: expected a list of words, such as [pg_dump, -U, app]; "
	 "for a shell line: [sh, -c, \"...\"]"},
	{"no service", "hooks: {before_snapshot: {command: [x]}}", false,
	 "f:1:26: error: hooks.before_snapshot has no service: name the one whose container runs the command"},
	{"no command", "hooks: {after_snapshot: {service: x}}", false,
	 "f:1:25: error: hooks.after_snapshot has no command: give it as a list of words"},
	{"restore of a volume", "snapshot: {restore: {data: nevr}}", false,
	 "f:1:28: error: snapshot.restore: expected auto, manual or never, not 'nevr': did you mean 'never'?"},
	{"volume name", "snapshot: {volumes: [/srv]}", false,
	 "f:1:22: error: snapshot.volumes: expected a volume's name as in the Compose file, such as data, not "
	 "'/srv'"},
};

/* Read a map; the findings' first line, or the JSON. The caller frees. */
static char *read_as_text(const char *in, bool host_side, struct settings *s)
{
	struct err e = ERR_INIT;
	auto_diags struct diags d = DIAGS_INIT;
	auto_yaml struct yaml_node *root = NULL;
	struct key_context c = {.file = "f", .diags = &d};

	settings_init(s);
	assert_int_equal(yaml_parse(in, strlen(in), "f", NULL, &root, &e), 0);
	int rc = settings_read(root, host_side, &c, s);
	assert_int_equal(rc, d.errors > 0 ? -1 : 0);
	if (rc < 0)
		return diag_text(&d.v[0]);
	auto_json cJSON *j = settings_to_json(s);
	return json_text(j);
}

static void check_row(void **state)
{
	const struct row *r = *state;
	struct settings s, back;
	auto_free char *got = read_as_text(r->in, r->host_side, &s);

	assert_string_equal(got, r->want);
	if (got[0] == '{') {
		auto_json cJSON *j = settings_to_json(&s);
		settings_from_json(j, &back);
		auto_json cJSON *again = settings_to_json(&back);
		auto_free char *text = json_text(again);
		assert_string_equal(text, r->want);
		assert_true(settings_equal(&s, &back));
		settings_done(&back);
	}
	settings_done(&s);
}

static const struct merge_row {
	const char *name, *into, *from, *want;
} merges[] = {
	{"own first", "pull: always", "pull: never\non_remove: keep",
	 "{\"pull\":\"always\",\"on_remove\":\"keep\"}"},
	{"lists are not joined", "after: [a]", "after: [b, c]", "{\"after\":[\"a\"]}"},
	{"no profiles stays none", "profiles: []", "profiles: [x]", "{\"profiles.given\":true}"},
	{"volumes: none stays none", "snapshot: {volumes: none}",
	 "snapshot: {volumes: [a], quiesce: stop}",
	 "{\"snapshot.all_volumes\":\"no\",\"snapshot.quiesce\":\"stop\"}"},
	{"a word for all volumes hides a map", "snapshot: {restore: never}",
	 "snapshot: {restore: {a: auto}}", "{\"snapshot.restore\":\"never\"}"},
	{"a map leaves the word for the others", "snapshot: {restore: {a: auto}}",
	 "snapshot: {restore: never}",
	 "{\"snapshot.restore\":\"never\",\"snapshot.restore_by_volume\":[\"a=auto\"]}"},
	{"a driver for all hides a map", "snapshot: {driver: auto}",
	 "snapshot: {driver: {a: copy}}", "{\"snapshot.driver\":\"auto\"}"},
	{"a hook is one thing", "hooks: {before_snapshot: {service: a, command: [x]}}",
	 "hooks: {before_snapshot: {service: b, command: [y]}}",
	 "{\"hooks.before_snapshot.service\":\"a\",\"hooks.before_snapshot.command\":[\"x\"]}"},
};

static void check_merge(void **state)
{
	const struct merge_row *r = *state;
	struct settings into, from;
	auto_free char *a = read_as_text(r->into, false, &into);
	auto_free char *b = read_as_text(r->from, false, &from);

	assert_true(a[0] == '{' && b[0] == '{');
	settings_merge(&into, &from);
	auto_json cJSON *j = settings_to_json(&into);
	auto_free char *got = json_text(j);
	assert_string_equal(got, r->want);
	settings_done(&into);
	settings_done(&from);
}

static void check_finish(void **state)
{
	struct settings s;
	auto_free char *text = read_as_text("snapshot: {restore: {db: never}}", false, &s);

	(void)state;
	assert_int_equal(text[0], '{');
	assert_string_equal(settings_default_rows()[0].name, "env_files");
	settings_finish(&s);
	assert_int_equal(s.health.timeout_ms, 180000);
	assert_int_equal(s.health.settle_ms, 10000);
	assert_int_equal(s.pull, PULL_MISSING);
	assert_int_equal(s.on_remove, ON_REMOVE_DOWN);
	assert_int_equal(s.snapshot.all_volumes, TRI_YES);
	assert_int_equal(s.snapshot.quiesce, QUIESCE_STOP);
	assert_int_equal(s.suspend, TRI_NO);
	assert_int_equal(s.adopt, TRI_NO);
	assert_int_equal(settings_restore_of(&s, "db"), RESTORE_NEVER);
	assert_int_equal(settings_restore_of(&s, "other"), RESTORE_AUTO);
	assert_string_equal(quiesce_name(s.snapshot.quiesce), "stop");
	settings_done(&s);
}

static void check_by_volume(void **state)
{
	struct settings s;
	auto_free char *text = read_as_text(
		"snapshot: {restore: {/a: never, /a=b: manual}, driver: {db: copy, x: auto}}",
		false, &s);

	(void)state;
	assert_int_equal(text[0], '{');
	settings_finish(&s);
	assert_int_equal(settings_restore_of(&s, "/a"), RESTORE_NEVER);
	assert_int_equal(settings_restore_of(&s, "/a=b"), RESTORE_MANUAL);
	assert_string_equal(settings_driver_of(&s, "db"), "copy");
	assert_null(settings_driver_of(&s, "x"));
	assert_null(settings_driver_of(&s, "other"));
	s.snapshot.driver = DRIVER_ZFS;
	assert_null(settings_driver_of(&s, "x"));
	assert_string_equal(settings_driver_of(&s, "other"), "zfs");
	settings_done(&s);
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(rows) + COUNT_OF(merges) + 2] = {
		cmocka_unit_test(check_finish), cmocka_unit_test(check_by_volume)};
	size_t n = 2;

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		tests[n++] = (struct CMUnitTest){rows[i].name, check_row, NULL, NULL,
						 (void *)(uintptr_t)&rows[i]};
	for (size_t i = 0; i < COUNT_OF(merges); i++)
		tests[n++] = (struct CMUnitTest){merges[i].name, check_merge, NULL, NULL,
						 (void *)(uintptr_t)&merges[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
