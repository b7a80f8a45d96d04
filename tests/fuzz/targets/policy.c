/*
 * policy - Compose's resolved model as JSON under each preset, and a Compose file in which the
 * findings are looked for. Depends on: fuzz, policy.
 */
#include "tests/fuzz/fuzz.h"

#include "agent/policy/judge.h"
#include "common/json.h"
#include "common/mem.h"

static void judge(const cJSON *model, enum policy_preset preset)
{
	const struct policy policy = {.preset = preset};
	auto_policy_findings struct policy_findings f = {.n = 0};
	auto_strv struct strv none = STRV_INIT;
	auto_diags struct diags d = DIAGS_INIT;
	const struct policy_files files = {.root = "/", .files = &none};
	const struct policy_call call = {.policy = &policy,
					 .project = "web",
					 .directory = "/stage/x/web",
					 .root = "/stage/x",
					 .live = "/live/web",
					 .elsewhere = "/live/.elsewhere/web"};

	policy_judge(&call, model, &f);
	policy_tell(&f, &files, "web", &d);
}

void fuzz_one(const char *text, size_t len)
{
	auto_json cJSON *model = NULL;
	struct err e = ERR_INIT;

	if (json_parse(text, len, &model, &e) < 0)
		return;
	for (int p = 0; p < POLICY_PRESETS; p++)
		judge(model, (enum policy_preset)p);
}
