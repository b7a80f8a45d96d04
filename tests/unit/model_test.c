/*
 * Tests of agent/engine/model and model_resources: moving paths, pinning, and what a model is asked
 * for.
 */
#include "agent/engine/model.h"

#include "common/auto.h"
#include "common/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static cJSON *parse(const char *text)
{
	struct err e = ERR_INIT;
	cJSON *v = NULL;

	assert_int_equal(json_parse(text, strlen(text), &v, &e), 0);
	return v;
}

static const struct move {
	const char *name, *before, *after;
} moves[] = {
	{"itself", "{\"a\":\"/st/web\"}", "{\"a\":\"/live/web\"}"},
	{"below", "{\"a\":\"/st/web/conf/x\"}", "{\"a\":\"/live/web/conf/x\"}"},
	{"a longer name", "{\"a\":\"/st/web2/x\"}", "{\"a\":\"/st/web2/x\"}"},
	{"not at the start", "{\"a\":\"--file=/st/web/x\"}", "{\"a\":\"--file=/st/web/x\"}"},
	{"keys stay", "{\"/st/web/x\":1}", "{\"/st/web/x\":1}"},
	{"every depth", "{\"a\":[{\"b\":[\"/st/web/1\",2,null]},\"/st/web/2\"]}",
	 "{\"a\":[{\"b\":[\"/live/web/1\",2,null]},\"/live/web/2\"]}"},
	{"shorter and empty", "{\"a\":\"/st\",\"b\":\"\"}", "{\"a\":\"/st\",\"b\":\"\"}"},
};

static void check_move(void **state)
{
	const struct move *m = *state;
	auto_json cJSON *model = parse(m->before);

	model_relocate(model, "/st/web", "/live/web");
	auto_free char *text = json_text(model);

	assert_string_equal(text, m->after);
}

#define MODEL                                                                                         \
	"{\"name\":\"shop\",\"services\":{"                                                           \
	"\"web\":{\"image\":\"web:1\",\"pull_policy\":\"always\",\"restart\":\"always\","             \
	"\"depends_on\":{\"job\":{\"condition\":\"service_completed_successfully\"},"                 \
	"\"db\":{\"condition\":\"service_healthy\"}},"                                                \
	"\"networks\":{\"default\":null,\"shared\":{}},"                                              \
	"\"ports\":[{\"target\":80,\"published\":\"8080\",\"protocol\":\"tcp\"},"                     \
	"{\"target\":90,\"published\":\"9000-9002\",\"protocol\":\"udp\",\"host_ip\":\"127.0.0.1\"}," \
	"{\"target\":91,\"host_ip\":\"0.0.0.0\",\"published\":443},{\"target\":92},"                  \
	"{\"target\":93,\"published\":\"0\"}],"                                                       \
	"\"volumes\":[{\"type\":\"volume\",\"source\":\"data\",\"target\":\"/d\"},"                   \
	"{\"type\":\"bind\",\"source\":\"/srv/x\",\"target\":\"/x\"},"                                \
	"{\"type\":\"volume\",\"target\":\"/anon\"},{\"type\":\"tmpfs\",\"target\":\"/t\"}]},"        \
	"\"db\":{\"build\":{\"context\":\".\"},\"restart\":\"unless-stopped\","                       \
	"\"volumes\":[{\"type\":\"volume\",\"source\":\"data\",\"target\":\"/d\"},"                   \
	"{\"type\":\"volume\",\"source\":\"ext\",\"target\":\"/e\"}]},"                               \
	"\"job\":{\"image\":\"job:1\",\"restart\":\"always\"},"                                       \
	"\"once\":{\"image\":\"job:1\"},\"flaky\":{\"image\":\"a\",\"restart\":\"on-failure:3\"},"    \
	"\"none\":{\"image\":\"a\",\"restart\":\"always\",\"deploy\":{\"replicas\":0}},"              \
	"\"any\":{\"image\":\"a\",\"deploy\":{\"restart_policy\":{\"condition\":\"any\"}}},"          \
	"\"cloud\":{\"provider\":{\"type\":\"x\"}}},"                                                 \
	"\"networks\":{\"default\":{\"name\":\"shop_default\"},\"shared\":{\"name\":\"proxy\","       \
	"\"external\":true},\"unused\":{\"name\":\"shop_unused\"}},"                                  \
	"\"volumes\":{\"data\":{\"name\":\"shop_data\"},\"ext\":{\"name\":\"big\",\"external\":true}}}"

static void check_services(void **state)
{
	auto_json cJSON *model = parse(MODEL);
	auto_model_services struct model_services s = {.n = 0};

	(void)state;
	model_services(model, "shop", &s);
	assert_int_equal(s.n, 7); /* not the provider's */
	assert_string_equal(s.v[0].name, "web");
	assert_string_equal(s.v[0].image, "web:1");
	assert_string_equal(s.v[0].pull_policy, "always");
	assert_false(s.v[0].builds);
	assert_string_equal(s.v[1].image, "shop-db");
	assert_true(s.v[1].builds);
	assert_null(s.v[1].pull_policy);
}

static void check_pin(void **state)
{
	static char web[] = "web", pinned[] = "web:1@sha256:12", missing[] = "nosuch",
		    ref[] = "web:1";
	const struct pinned_image pin = {.service = web, .ref = ref, .pin = pinned};
	const struct pinned_image other = {.service = missing, .pin = pinned};
	auto_json cJSON *model =
		parse("{\"services\":{\"web\":{\"image\":\"web:1\",\"build\":{},"
		      "\"pull_policy\":\"build\",\"x\":1},\"built\":{\"build\":{}}}}");

	(void)state;
	model_pin(model, &pin);
	model_pin(model, &other);
	auto_free char *text = json_text(model);

	assert_string_equal(
		text,
		"{\"services\":{\"web\":{\"image\":\"web:1@sha256:12\",\"x\":1,\"x-mdc-image\":\"web:1\"},"
		"\"built\":{\"build\":{}}}}");
}

static void is_list(struct strv *l, const char *want)
{
	auto_free char *text = strv_join(l, " ");

	assert_string_equal(text, want);
	strv_done(l);
}

static void check_lists(void **state)
{
	auto_json cJSON *model = parse(MODEL);
	auto_json cJSON *empty = parse("{}");
	struct strv a = STRV_INIT, b = STRV_INIT;

	(void)state;
	model_ports(model, &a);
	is_list(&a, "tcp/8080 udp/127.0.0.1:9000 udp/127.0.0.1:9001 udp/127.0.0.1:9002 tcp/443");
	model_volumes(model, &a, &b);
	is_list(&a, "shop_data big");
	is_list(&b, "/srv/x");
	model_networks(model, &a);
	is_list(&a, "shop_default");
	model_ports(empty, &a);
	model_volumes(empty, &a, &b);
	model_networks(empty, &a);
	assert_int_equal(a.n + b.n, 0);
}

static const struct expects {
	const char *service;
	bool want;
} expects[] = {
	{"web", false},  {"db", false},  {"job", true},  {"once", true},
	{"flaky", true}, {"none", true}, {"any", false}, {"nosuch", true},
};

static void check_expects(void **state)
{
	const struct expects *x = *state;
	auto_json cJSON *model = parse(MODEL);

	assert_int_equal(model_expects_exit(model, x->service), x->want);
}

static void check_digest(void **state)
{
	auto_json cJSON *a = parse("{\"a\":1,\"b\":{\"c\":[1,2],\"d\":null}}");
	auto_json cJSON *b = parse("{ \"b\":{\"d\":null, \"c\":[1,2]},\"a\":1}");
	auto_json cJSON *c = parse("{\"a\":1,\"b\":{\"c\":[2,1],\"d\":null}}");
	char x[DIGEST_HEX_SIZE], y[DIGEST_HEX_SIZE], z[DIGEST_HEX_SIZE];

	(void)state;
	model_digest(a, x);
	model_digest(b, y);
	model_digest(c, z);
	assert_string_equal(x, y);
	assert_string_not_equal(x, z);
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(moves) + COUNT_OF(expects) + 4] = {
		cmocka_unit_test(check_services),
		cmocka_unit_test(check_pin),
		cmocka_unit_test(check_lists),
		cmocka_unit_test(check_digest),
	};
	size_t n = 4;

	for (size_t i = 0; i < COUNT_OF(moves); i++)
		tests[n++] = (struct CMUnitTest){moves[i].name, check_move, NULL, NULL,
						 (void *)(uintptr_t)&moves[i]};
	for (size_t i = 0; i < COUNT_OF(expects); i++)
		tests[n++] = (struct CMUnitTest){expects[i].service, check_expects, NULL, NULL,
						 (void *)(uintptr_t)&expects[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
