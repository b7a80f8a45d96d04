/* webhooks and forge of agent.yaml: what is read, what is refused, which events are wanted. */
#include "agent/model/config.h"
#include "agent/model/template.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static int read_with(const char *url, const char *more, struct config *c, struct err *e)
{
	auto_free char *text = xasprintf(
		"source: {url: \"%s\", ssh_key_file: /k, known_hosts_file: /h}\n%s\n", url, more);
	auto_yaml struct yaml_node *root = NULL;

	if (str_starts(url, "https")) {
		free(text);
		text = xasprintf("source: {url: \"%s\"}\n%s\n", url, more);
	}
	assert_int_equal(yaml_parse(text, strlen(text), "agent.yaml", NULL, &root, e), 0);
	return config_read(root, "agent.yaml", NULL, c, e);
}

static const char lab[] = "https://git.example.org/me/lab.git";

static void check_all_keys(void **state)
{
	auto_config struct config c = {.file = NULL};
	struct err e = ERR_INIT;

	(void)state;
	int rc = read_with(
		lab,
		"webhooks:\n"
		"  - {url: \"https://ops.example.org:8443/mdc\", secret_file: /s, headers_file: /h, ca_file: /c}\n"
		"  - {url: \"http://127.0.0.1:9/x\", name: here, events: [\"project.*\", \"!project.held\"]}\n"
		"  - {url: \"http://lan.example.org/x\", allow_http: true, format: slack}\n"
		"  - {url: \"https://m.example.org\", format: matrix, room: \"!a:b\", token_file: /t}\n"
		"  - {url: \"https://t.example.org\", format: template, template: \"{{host}}\", content_type: text/plain}\n",
		&c, &e);
	if (rc < 0)
		fail_msg("%s", e.cause);
	assert_int_equal(c.reports.n, 5);
	assert_string_equal(c.reports.webhooks[0].name, "ops.example.org-8443");
	assert_string_equal(c.reports.webhooks[1].name, "here");
	assert_int_equal(c.reports.webhooks[2].format, FORMAT_SLACK);
	assert_int_equal(c.reports.webhooks[3].format, FORMAT_MATRIX);
	assert_true(reports_any(&c.reports));
}

static void check_one_alone(void **state)
{
	auto_config struct config c = {.file = NULL};
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(read_with(lab, "webhooks: {url: \"https://ops.example.org\"}", &c, &e), 0);
	assert_int_equal(c.reports.n, 1);
}

static const struct refused_row {
	const char *text, *why;
} refused_rows[] = {
	{"webhooks: [{name: x}]", "no url"},
	{"webhooks: [{url: \"ftp://x\"}]", "expected https://"},
	{"webhooks: [{url: \"http://ops.example.org/SECRETPATH\"}]", "allow_http"},
	{"webhooks: [{url: \"https://u:SECRETPATH@ops.example.org/\"}]", "headers_file"},
	{"webhooks: [{url: \"https://ops.example.org/SECRETPATH\", format: slak}]", "slack"},
	{"webhooks: [{url: \"https://a.example.org/1\"}, {url: \"https://a.example.org/2\"}]",
	 "two receivers"},
	{"webhooks: [{url: \"https://a.example.org\", events: [project.deploid]}]",
	 "did you mean 'project.deployed'"},
	{"webhooks: [{url: \"https://a.example.org\", format: gotify}]", "needs token_file"},
	{"webhooks: [{url: \"https://a.example.org\", format: template}]",
	 "template or template_file"},
	{"webhooks: [{url: \"https://a.example.org\", format: template, template: \"{{hst}}\"}]",
	 "{{host}}"},
	{"webhooks: [{url: \"https://a.example.org\", room: x}]", "not used"},
	{"webhooks: [{url: \"https://a.example.org\", secret: x}]", "secret_file"},
	{"webhooks: [{url: \"https://a.example.org\", name: forge}]", "not free"},
	{"forge: {token_file: /t}", "kind is missing"},
	{"forge: {kind: gitea}", "token_file is missing"},
	{"forge: {kind: gitea, token_file: /t, repo: lab}", "owner/name"},
	{"forge: {kind: gitea, token_file: /t, url: \"http://git.example.org\"}", "allow_http"},
};

static void check_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(refused_rows); i++) {
		struct config c = {.file = NULL};
		struct err e = ERR_INIT;

		assert_int_equal(read_with(lab, refused_rows[i].text, &c, &e), -1);
		if (!strstr(e.cause, refused_rows[i].why) || strstr(e.cause, "SECRETPATH"))
			fail_msg("%s: %s", refused_rows[i].text, e.cause);
	}
}

static const struct forge_row {
	const char *source, *text, *url, *repo;
	enum forge_kind kind;
} forge_rows[] = {
	{"https://github.com/me/lab.git", "forge: {token_file: /t}", "https://api.github.com",
	 "me/lab", FORGE_GITHUB},
	{"git@github.com:me/lab.git", "forge: {token_file: /t}", "https://api.github.com", "me/lab",
	 FORGE_GITHUB},
	{"https://gitlab.com/group/sub/lab", "forge: {token_file: /t}", "https://gitlab.com/api/v4",
	 "group/sub/lab", FORGE_GITLAB},
	{"ssh://git@git.example.org:2222/me/lab.git", "forge: {kind: forgejo, token_file: /t}",
	 "https://git.example.org/api/v1", "me/lab", FORGE_FORGEJO},
	{"https://git.example.org:3000/me/lab.git", "forge: {kind: gitea, token_file: /t}",
	 "https://git.example.org:3000/api/v1", "me/lab", FORGE_GITEA},
	{"https://git.example.org/me/lab.git",
	 "forge: {kind: gitlab, token_file: /t, url: \"https://lab.example.org/\", repo: a/b}",
	 "https://lab.example.org/api/v4", "a/b", FORGE_GITLAB},
	{"https://git.example.org/me/lab.git", "forge: {kind: github, token_file: /t}",
	 "https://git.example.org/api/v3", "me/lab", FORGE_GITHUB},
};

static void check_forge(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(forge_rows); i++) {
		auto_config struct config c = {.file = NULL};
		struct err e = ERR_INIT;

		if (read_with(forge_rows[i].source, forge_rows[i].text, &c, &e) < 0)
			fail_msg("%s: %s", forge_rows[i].source, e.cause);
		assert_string_equal(c.reports.forge.url, forge_rows[i].url);
		assert_string_equal(c.reports.forge.repo, forge_rows[i].repo);
		assert_int_equal(c.reports.forge.kind, forge_rows[i].kind);
	}
}

static void check_wants(void **state)
{
	static const struct {
		const char *patterns[3];
		const char *event;
		bool wanted;
	} rows[] = {
		{{NULL}, "project.deployed", true},
		{{NULL}, "project.unchanged", false},
		{{"*"}, "project.unchanged", false},
		{{"project.*"}, "project.unchanged", true},
		{{"project.*"}, "sync.started", false},
		{{"!sync.*"}, "sync.started", false},
		{{"!sync.*"}, "project.failed", true},
		{{"*", "!sync.*"}, "sync.finished", false},
		{{"!project.held", "project.*"}, "project.held", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct webhook_config w = {.name = NULL};

		for (size_t k = 0; k < 3 && rows[i].patterns[k]; k++)
			strv_push(&w.events, rows[i].patterns[k]);
		if (reports_wants(&w, rows[i].event) != rows[i].wanted)
			fail_msg("row %zu", i);
		strv_done(&w.events);
	}
}

static void check_template(void **state)
{
	static const struct {
		const char *text, *why;
	} wrong[] = {{"{{", "without"}, {"a {{nme}}", "unknown"}, {"{{details.}}", "unknown"}};
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		assert_int_equal(template_check(wrong[i].text, &e), -1);
		assert_non_null(strstr(e.cause, wrong[i].why));
	}
	assert_int_equal(template_check("{ { {{ host }} }} {{details.changes}}", &e), 0);
	auto_str struct str form = STR_INIT;
	auto_json cJSON *j = cJSON_CreateObject();
	json_set_str(j, "host", "a b&c");
	template_fill("h={{host}}&x={{project}}", j, TEMPLATE_FORM, &form);
	assert_string_equal(str_text(&form), "h=a%20b%26c&x=");
	assert_int_equal(template_escape_of("application/json"), TEMPLATE_JSON);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_all_keys), cmocka_unit_test(check_one_alone),
		cmocka_unit_test(check_refused),  cmocka_unit_test(check_forge),
		cmocka_unit_test(check_wants),    cmocka_unit_test(check_template),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
