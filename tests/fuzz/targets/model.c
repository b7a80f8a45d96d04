/*
 * model - Compose's resolved model as JSON, any two of them.
 * Depends on: fuzz, engine's model.
 */
#include "tests/fuzz/fuzz.h"

#include "agent/engine/model.h"
#include "common/json.h"
#include "common/mem.h"

static void look(const cJSON *model)
{
	auto_strv struct strv a = STRV_INIT;
	auto_strv struct strv b = STRV_INIT;
	auto_model_services struct model_services s = {.n = 0};

	model_ports(model, &a);
	model_networks(model, &a);
	model_volumes(model, &a, &b);
	model_services(model, "web", &s);
	for (size_t i = 0; i < s.n; i++)
		(void)model_expects_exit(model, s.v[i].name);
}

static void change(cJSON *model)
{
	static const struct live_file files[] = {{.path = (char *)(uintptr_t) "conf/a", .id = "1"}};
	const struct pinned_image pin = {.service = (char *)(uintptr_t) "a",
					 .ref = (char *)(uintptr_t) "nginx:1",
					 .pin = (char *)(uintptr_t) "nginx:1@sha256:0",
					 .id = (char *)(uintptr_t) "sha256:0"};
	char digest[DIGEST_HEX_SIZE];
	struct err e = ERR_INIT;

	model_relocate(model, "/stage/x", "/live/web");
	model_pin(model, &pin);
	(void)model_label(model, "/live/web", files, COUNT_OF(files), &e);
	model_digest(model, digest);
	look(model);
}

void fuzz_one(const char *text, size_t len)
{
	auto_json cJSON *a = NULL;
	auto_json cJSON *b = NULL;
	auto_strv struct strv reasons = STRV_INIT;
	auto_strv struct strv services = STRV_INIT;
	auto_strv struct strv notes = STRV_INIT;
	struct err e = ERR_INIT;
	struct fuzz_parts p;

	fuzz_cut(text, len, &p);
	if (json_parse(p.v[0], p.len[0], &a, &e) == 0) {
		if (p.n > 1)
			(void)json_parse(p.v[1], p.len[1], &b, &e);
		model_compare(b, a, &reasons, &services, &notes);
		look(a);
		change(a);
		if (b)
			model_compare(a, b, &reasons, &services, &notes);
	}
	fuzz_parts_done(&p);
}
