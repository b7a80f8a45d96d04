/* agent.yaml: defaults, every key, every way to get it wrong. */
#include "agent/model/config.h"
#include "common/mem.h"
#include "common/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static int read_text(const char *text, struct diags *d, struct config *c, struct err *e)
{
	auto_yaml struct yaml_node *root = NULL;
	struct err bad = ERR_INIT;

	assert_int_equal(yaml_parse(text, strlen(text), "agent.yaml", NULL, &root, &bad), 0);
	return config_read(root, "agent.yaml", d, c, e);
}

static void check_defaults(void **state)
{
	auto_config struct config c = {.file = NULL};
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(
		read_text("source: {url: https://git.example.org/me/lab.git}\n", NULL, &c, &e), 0);
	assert_string_equal(c.file, "agent.yaml");
	assert_int_equal(c.source.kind, SOURCE_HTTP);
	assert_string_equal(c.source.branch, "main");
	assert_null(c.source.tag);
	assert_string_equal(c.source.path, ".");
	assert_string_equal(c.source.username, "git");
	assert_int_equal(c.source.poll_ms, 60000);
	assert_int_equal(c.source.timeout_ms, 120000);
	assert_true(c.host[0] != '\0');
	assert_int_equal(c.engine, ENGINE_AUTO);
	assert_string_equal(c.state_dir, "/var/lib/mdc-agent");
	assert_string_equal(c.runtime_dir, "/run/mdc-agent");
	assert_int_equal(c.parallel, 2);
	assert_int_equal(c.drift, DRIFT_REPORT);
	assert_int_equal(c.retention.generations, 10);
	assert_int_equal(c.retention.snapshots, 5);
	assert_int_equal(c.retention.failed_data_ms, 7LL * 24 * 3600 * 1000);
	assert_int_equal(c.retention.snapshot_share, 20);
	assert_int_equal(c.snapshots.min_free, 5);
	assert_false(c.snapshots.subvolumes);
	assert_null(c.snapshots.dir);
	assert_int_equal(c.defaults.pull, PULL_UNSET);
}

static const char every_key[] =
	"source:\n  url: ssh://me@git.example.org:2222/lab.git\n  tag: \"deploy/*\"\n  path: hosts/a\n  poll: 5s\n"
	"  username: other\n  ssh_key_file: /etc/k\n  known_hosts_file: /etc/h\n  timeout: 30s\n"
	"host: server1\nengine: podman\nsocket: unix:///run/podman/podman.sock\ncompose: /usr/bin/docker-compose\n"
	"state_dir: /srv/s\nruntime_dir: /run/x\nmetrics_file: /m/x.prom\nparallel: 64\ndrift: repair\n"
	"defaults: {health: {timeout: 4m}}\n"
	"retention: {generations: 3, snapshots: 2, failed_data: 1d, snapshot_share: 50%}\n"
	"snapshots: {dir: /srv/snap, subvolumes: true, command: /usr/local/bin/snap, min_free: 10%}\n"
	"verify: {mode: off}\npolicy: {preset: open}\nwebhooks: []\n"
	"projects:\n  web: {compose_files: [/srv/web/compose.yaml], env_files: /srv/web/e, pull: never}\n"
	"  db: {compose_files: /srv/db/compose.yaml}\n";

static void check_every_key(void **state)
{
	auto_config struct config c = {.file = NULL};
	struct err e = ERR_INIT;

	(void)state;
	int rc = read_text(every_key, NULL, &c, &e);
	assert_string_equal(e.cause, "");
	assert_int_equal(rc, 0);
	assert_int_equal(c.source.kind, SOURCE_SSH);
	assert_string_equal(c.source.username, "me"); /* the URL's user goes first */
	assert_null(c.source.branch);
	assert_string_equal(c.source.tag, "deploy/*");
	assert_string_equal(c.socket, "/run/podman/podman.sock");
	assert_int_equal(c.engine, ENGINE_PODMAN);
	assert_int_equal(c.drift, DRIFT_REPAIR);
	assert_int_equal(c.parallel, 64);
	assert_int_equal(c.retention.snapshot_share, 50);
	assert_int_equal(c.defaults.health.timeout_ms, 240000);
	assert_int_equal(c.n_projects, 2);
	assert_string_equal(c.projects[0].name, "db"); /* sorted */
	assert_int_equal(c.projects[1].settings.pull, PULL_NEVER);
	assert_int_equal(c.projects[1].line, 26);
	assert_string_equal(c.metrics_file, "/m/x.prom");
	assert_string_equal(c.snapshots.dir, "/srv/snap");
	assert_string_equal(c.snapshots.command, "/usr/local/bin/snap");
	assert_true(c.snapshots.subvolumes);
	assert_int_equal(c.snapshots.min_free, 10);
}

/* Every URL alone; NULL: accepted. */
static const struct url_row {
	const char *url;
	enum source_kind kind;
	const char *want; /* in the cause */
} urls[] = {
	{"https://git.example.org/a.git", SOURCE_HTTP, NULL},
	{"http://localhost:3000/a.git", SOURCE_HTTP, NULL},
	{"http://127.0.0.9/a.git", SOURCE_HTTP, NULL},
	{"http://[::1]:80/a.git", SOURCE_HTTP, NULL},
	{"file:///srv/a.git", SOURCE_FILE, NULL},
	{"/srv/a.git", SOURCE_FILE, NULL},
	{"http://git.example.org/a.git", SOURCE_NONE,
	 "http:// is only allowed to this host itself"},
	{"http://localhost.example.org/a.git", SOURCE_NONE, "http:// is only allowed"},
	{"http://127.0.0.1.example.org/a", SOURCE_NONE, "http:// is only allowed"},
	{"http://127.0.0.1@evil.example.org/a", SOURCE_NONE, "contains a user name"},
	{"https://me:pw@git.example.org/a.git", SOURCE_NONE, "source.token_file"},
	{"https://me@git.example.org/a.git", SOURCE_NONE, "set source.username instead"},
	{"https:///a.git", SOURCE_NONE, "has no host"},
	{"ssh://git@host/a.git", SOURCE_NONE, "ssh-keygen"},
	{"git@host:a.git", SOURCE_NONE, "needs source.ssh_key_file"},
	{"ssh://-oProxyCommand=x/a", SOURCE_NONE, "has no valid host"},
	{"git://host/a", SOURCE_NONE, "expected https://"},
	{"file://a/b", SOURCE_NONE, "file:///absolute"},
	{"ext::sh -c id", SOURCE_NONE, "contains a space"},
	{"relative/path", SOURCE_NONE, "expected https://"},
};

static void check_url(void **state)
{
	const struct url_row *r = *state;
	auto_config struct config c = {.file = NULL};
	struct err e = ERR_INIT;
	auto_free char *text = xasprintf("source: {url: \"%s\"}\n", r->url);

	int rc = read_text(text, NULL, &c, &e);
	if (r->want) {
		assert_int_equal(rc, -1);
		assert_int_equal(e.kind, ERR_USAGE);
		assert_null(c.file); /* untouched */
		if (!strstr(e.cause, r->want))
			print_message("%s\n", e.cause);
		assert_non_null(strstr(e.cause, r->want));
		assert_null(strstr(e.cause, "pw"));
		return;
	}
	assert_string_equal(e.cause, "");
	assert_int_equal(rc, 0);
	assert_int_equal(c.source.kind, r->kind);
}

#define URL "source: {url: /srv/a.git}\n"
static const struct bad_row {
	const char *name, *in, *want; /* want begins the cause */
} bad[] = {
	{"nothing to do", "host: a\n", "agent.yaml:1:1: there is nothing to do: set source.url"},
	{"source without a url", "source: {branch: x}\n", "agent.yaml:1:9: source has no url"},
	{"unknown key", URL "paralel: 3\n",
	 "agent.yaml:2:1: unknown key 'paralel': did you mean 'parallel'?"},
	{"unknown key below", "source: {url: /a, pol: 1m}\n",
	 "agent.yaml:1:19: unknown key 'pol' in source: did you mean 'poll'?"},
	{"branch and tag", "source: {url: /a, branch: a, tag: b}\n",
	 "agent.yaml:1:35: source.tag and source.branch are both given"},
	{"poll", "source: {url: /a, poll: 1s}\n",
	 "agent.yaml:1:25: source.poll is shorter than 5s"},
	{"branch", "source: {url: /a, branch: \"a..b\"}\n",
	 "agent.yaml:1:27: source.branch: expected a branch"},
	{"key of another kind", "source: {url: /a, token_file: /t}\n",
	 "agent.yaml:1:31: source.token_file is only used with an https URL"},
	{"relative file", "source: {url: https://h/a, token_file: t}\n",
	 "agent.yaml:1:40: source.token_file: expected an absolute path"},
	{"a credential with a path", "source: {url: https://h/a, token_file: credential:a/b}\n",
	 "agent.yaml:1:40: source.token_file: expected credential: and the name"},
	{"a credential without a name", "source: {url: https://h/a, token_file: \"credential:\"}\n",
	 "agent.yaml:1:40: source.token_file: expected credential: and the name"},
	{"a credential that is written to", URL "state_dir: credential:x\n",
	 "agent.yaml:2:12: state_dir: expected an absolute path"},
	{"a relative key", URL "secrets: {age_key_file: key}\n",
	 "agent.yaml:2:25: secrets.age_key_file: expected an absolute path"},
	{"no known hosts", "source: {url: \"git@h:a\", ssh_key_file: /k}\n",
	 "agent.yaml:1:15: an ssh source needs source.known_hosts_file: make it with `ssh-keyscan h"},
	{"unknown evaluator", "source: {url: /a, evaluator: nix}\n",
	 "agent.yaml:1:30: source.evaluator: expected files or flake"},
	{"an attribute that ends the reference", "source: {url: /a, flake_attribute: \"a#b\"}\n",
	 "agent.yaml:1:36: source.flake_attribute: expected an attribute"},
	{"parallel 0", URL "parallel: 0\n",
	 "agent.yaml:2:11: parallel: expected a number from 1 to 64"},
	{"parallel 65", URL "parallel: 65\n",
	 "agent.yaml:2:11: parallel: expected a number from 1 to 64"},
	{"percent", URL "retention: {snapshot_share: 20}\n",
	 "agent.yaml:2:29: retention.snapshot_share: expected a percentage"},
	{"no generations", URL "retention: {generations: 0}\n",
	 "agent.yaml:2:26: retention.generations must be 1 or more"},
	{"engine", URL "engine: poddman\n",
	 "agent.yaml:2:9: engine: expected auto, docker or podman, not 'poddman': did you mean 'podman'?"},
	{"policy: unknown preset", URL "policy: {preset: strickt}\n",
	 "agent.yaml:2:18: policy.preset: expected open, standard or strict, not 'strickt': did you mean 'strict'?"},
	{"policy: unknown rule", URL "policy: {privilege: deny}\n",
	 "agent.yaml:2:10: unknown key 'privilege' in policy: did you mean 'privileged'?"},
	{"policy: no list there", URL "policy: {privileged: [a]}\n",
	 "agent.yaml:2:22: policy.privileged: expected one of allow, warn or deny, not a list"},
	{"policy: a word that is none", URL "policy: {binds: denied}\n",
	 "agent.yaml:2:17: policy.binds: expected allow, warn or deny, not 'denied'"},
	{"policy: cosign without a key", URL "policy: {cosign: {ghcr.io/me: {}}}\n",
	 "agent.yaml:2:31: policy.cosign.ghcr.io/me: has no key"},
	{"policy: a project's unknown rule", URL "policy: {projects: {web: {bind: allow}}}\n",
	 "agent.yaml:2:27: unknown key 'bind' in policy.projects.web: did you mean 'binds'?"},
	{"verify without keys", URL "verify: {mode: strict}\n",
	 "agent.yaml:2:9: verify: nobody may sign: set allowed_signers"},
	{"verify mode", URL "verify: {mode: stric}\n",
	 "agent.yaml:2:16: verify.mode: expected off, head, strict or tag, not 'stric': did you mean "
	 "'strict'?"},
	{"verify tag", URL "verify: {mode: tag, allowed_signers: /a}\n",
	 "agent.yaml:2:9: verify: mode: tag needs source.tag"},
	{"verify nothing",
	 "projects: {web: {compose_files: /a.yaml}}\n"
	 "verify: {mode: head, allowed_signers: /a}\n",
	 "agent.yaml:2:9: verify: there is nothing to verify without source.url"},
	{"relative keys", URL "verify: {mode: head, allowed_signers: keys}\n",
	 "agent.yaml:2:39: verify.allowed_signers: expected an absolute path"},
	{"short fingerprint",
	 URL "verify: {mode: head, openpgp_keys: /a, fingerprints: 0123456789abcdef}\n",
	 "agent.yaml:2:54: verify.fingerprints: expected full fingerprints"},
	{"revoked alone", URL "verify: {revoked: /a}\n",
	 "agent.yaml:2:9: verify: revoked and principals need allowed_signers"},
	{"short commit", URL "verify: {initial_commit: abcdef}\n",
	 "agent.yaml:2:26: verify.initial_commit: expected a whole commit id"},
	{"no commits", URL "verify: {max_commits: 0}\n",
	 "agent.yaml:2:9: verify: max_commits: expected a number from 1"},
	{"webhooks", URL "webhooks: [{url: x}]\n",
	 "agent.yaml:2:12: webhooks: url: expected https://host/path"},
	{"hosts under defaults", URL "defaults: {hosts: [a]}\n",
	 "agent.yaml:2:12: unknown key 'hosts' in defaults"},
	{"declared without files", "projects: {web: {pull: never}}\n",
	 "agent.yaml:1:17: projects.web: has no compose_files"},
	{"declared with a path", "projects: {web: {path: a}}\n",
	 "agent.yaml:1:24: projects.web: path is for"},
	{"declared with a bad name", "projects: {_: {compose_files: /a}}\n",
	 "agent.yaml:1:12: '_' is not a valid project name"},
	{"declared names that Compose takes for one",
	 "projects: {Web: {compose_files: /a}, we.b: {}}\n",
	 "agent.yaml:1:44: projects.we.b: Compose makes 'web' of this name"},
	{"a bad Compose name", "projects: {web: {compose_files: /a, project_name: A}}\n",
	 "agent.yaml:1:51: projects.web.project_name: 'A' is no name that Compose takes"},
	{"a bad key of a substitution",
	 "projects: {web: {compose_files: /a, substitutions: {\"a}\": b}}}\n",
	 "agent.yaml:1:59: projects.web.substitutions: 'a}' cannot stand in"},
	{"a relative file of a substitution",
	 "projects: {web: {compose_files: /a, substitutions_from_files: {a: b}}}\n",
	 "agent.yaml:1:67: projects.web.substitutions_from_files: a: expected an absolute path"},
	{"half of an image", "projects: {web: {compose_files: /a, images: [{service: x}]}}\n",
	 "agent.yaml:1:46: projects.web.images: needs service, ref and path"},
	{"metrics without .prom", URL "metrics_file: /x/y.txt\n",
	 "agent.yaml:2:15: metrics_file: expected an absolute path that ends in .prom"},
	{"metrics at a relative path", URL "metrics_file: y.prom\n",
	 "agent.yaml:2:15: metrics_file: expected an absolute path that ends in .prom"},
	{"one directory for both", URL "state_dir: /x\nruntime_dir: /x\n",
	 "agent.yaml:3:14: runtime_dir is the same as state_dir"},
	{"a list", "[a]\n", "agent.yaml:1:1: expected a map of keys"},
};

static void check_bad(void **state)
{
	const struct bad_row *r = *state;
	auto_config struct config c = {.file = NULL};
	auto_diags struct diags d = DIAGS_INIT;
	struct err e = ERR_INIT;

	assert_int_equal(read_text(r->in, &d, &c, &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
	assert_true(d.errors > 0);
	if (!str_starts(e.cause, r->want))
		print_message("%s\n", e.cause);
	assert_true(str_starts(e.cause, r->want));
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(urls) + COUNT_OF(bad) + 2] = {
		cmocka_unit_test(check_defaults), cmocka_unit_test(check_every_key)};
	size_t n = 2;

	for (size_t i = 0; i < COUNT_OF(urls); i++)
		tests[n++] = (struct CMUnitTest){urls[i].url, check_url, NULL, NULL,
						 (void *)(uintptr_t)&urls[i]};
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		tests[n++] = (struct CMUnitTest){bad[i].name, check_bad, NULL, NULL,
						 (void *)(uintptr_t)&bad[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
