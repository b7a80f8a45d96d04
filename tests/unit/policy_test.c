/*
 * Tests of agent/policy: what each rule says of a model, in the plain form and in those that
 * Compose resolves to something else, and where the finding stands.
 */
#include "agent/policy/judge.h"

#include "agent/model/config.h"
#include "agent/model/keys.h"
#include "common/auto.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/str.h"
#include "common/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

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

#define SERVICE(x) "{'services':{'a':{'image':'nginx:1'," x "}}}"
#define MOUNT(x)   SERVICE("'volumes':[{'type':'bind','target':'/x'," x "}]")
#define VOLUME(x)  "{'services':{'a':{'image':'nginx:1'}},'volumes':{'v':{'name':'p_v'," x "}}}"

static const struct row {
	const char *name, *policy, *model;
	const char *want; /* "rule: beginning of what"; NULL: nothing is said */
} rows[] = {
	{"privileged", "preset: standard", SERVICE("'privileged':true"),
	 "privileged: service a: privileged: true"},
};

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

	read_policy(r->policy, &policy);
	policy_judge(&call, model, &f);
	auto_free char *said = all_of(&f);

	if (!r->want)
		assert_string_equal(said, "");
	else if (!strstr(said, r->want))
		fail_msg("%s: wanted \"%s\", got \"%s\"", r->name, r->want, said);
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(rows)];

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		tests[i] = (struct CMUnitTest){.name = rows[i].name,
					       .test_func = check_row,
					       .initial_state = (void *)(uintptr_t)&rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
