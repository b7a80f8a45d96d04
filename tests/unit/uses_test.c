/*
 * Tests of agent/engine/uses, control and exec, against an engine that answers from a table.
 */
#include "engine_fixture.h"

#include "common/json.h"

#define MOUNTS                                                                                     \
	"\"Mounts\":[{\"Type\":\"volume\",\"Name\":\"shop_data\",\"Source\":\"/d/volumes/"         \
	"shop_data/_data\",\"Destination\":\"/data\",\"Driver\":\"local\",\"RW\":true},"           \
	"{\"Type\":\"bind\",\"Source\":\"/etc\",\"Destination\":\"/e\",\"RW\":false}]"
#define LABELS                                                                                     \
	"\"Labels\":{\"com.docker.compose.project\":\"shop\",\"com.docker.compose.service\":"      \
	"\"web\",\"mdc.managed\":\"1\"}"
#define WEB                                                                                        \
	"{\"Id\":\"aaa1\",\"Names\":[\"/shop-web-1\"],\"State\":\"running\"," MOUNTS "," LABELS "}"
#define OTHER                                                                                      \
	"{\"Id\":\"bbb1\",\"Names\":[\"/x\"],\"State\":\"exited\",\"Mounts\":[],\"Labels\":{}}"
#define DOCKER                                                                                     \
	{                                                                                          \
		"GET /version", 200, "{\"Components\":[{\"Name\":\"Engine\"}]}", CANNED_JSON, 0    \
	}

static void check_docker(void **state)
{
	static const struct canned table[] = {
		{"GET /containers/json?all=1&filters=", 200, "[" WEB "," OTHER "]", CANNED_JSON, 0},
		{"GET /containers/json?all=1", 200, "[" WEB "," OTHER "]", CANNED_JSON, 0},
		DOCKER,
		{.request = NULL},
	};
	struct fake_engine f;
	auto_uses struct uses u = USES_INIT, all = USES_INIT;
	struct err e = ERR_INIT;

	(void)state;
	fake_start(&f, table, NULL);
	assert_int_equal(engine_uses(f.g, "shop", &u, &e), 0);
	assert_int_equal(u.n, 1); /* the filter is the engine's; that it is this project's, ours */
	assert_string_equal(u.v[0].service, "web");
	assert_true(u.v[0].ours);
	assert_int_equal(u.v[0].n, 2);
	assert_string_equal(u.v[0].v[0].name, "shop_data");
	assert_true(u.v[0].v[0].writes);
	assert_string_equal(u.v[0].v[1].type, "bind");
	assert_false(u.v[0].v[1].writes);
	assert_int_equal(engine_uses(f.g, NULL, &all, &e), 0);
	assert_int_equal(all.n, 2);
	assert_string_equal(all.v[1].project, "");
	assert_int_equal(all.v[1].state, CONTAINER_EXITED);
	fake_stop(&f);
}

/* Podman's list has no mounts, or only where they go: each container is asked. */
static void check_podman(void **state)
{
	static const struct canned table[] = {
		{"GET /containers/json", 200,
		 "[{\"Id\":\"aaa1\",\"Names\":[\"/shop-web-1\"],\"State\":\"running\"," LABELS
		 "},{\"Id\":\"gone\",\"Names\":[\"/g\"],\"State\":\"running\"," LABELS "}]",
		 CANNED_JSON, 0},
		{"GET /containers/aaa1/json", 200, "{" MOUNTS "}", CANNED_JSON, 0},
		{.request = NULL},
	};
	struct fake_engine f;
	auto_uses struct uses u = USES_INIT;
	struct err e = ERR_INIT;

	(void)state;
	fake_start(&f, table, NULL);
	assert_int_equal(engine_uses(f.g, "shop", &u, &e), 0);
	assert_int_equal(u.n, 2);
	assert_int_equal(u.v[0].n, 2);
	assert_int_equal(u.v[1].n, 0);
	fake_stop(&f);
}

static void check_volumes(void **state)
{
	static const struct canned table[] = {
		{"GET /volumes?filters={\"label\":[\"com.docker.compose.project=shop\"]}", 200,
		 "{\"Volumes\":null}", CANNED_JSON, 0},
		{"GET /volumes/shop_data", 200, "{\"Name\":\"shop_data\",\"Driver\":\"local\"}",
		 CANNED_JSON, 0},
		{"POST /volumes/create", 201, "{\"Name\":\"shop_data\"}", CANNED_JSON, 0},
		{.request = NULL},
	};
	struct fake_engine f;
	auto_json cJSON *list = NULL, *one = NULL, *none = NULL;
	bool found = false;
	struct err e = ERR_INIT;

	(void)state;
	fake_start(&f, table, NULL);
	assert_int_equal(engine_project_volumes(f.g, "shop", &list, &e), 0);
	assert_true(cJSON_IsArray(list));
	assert_int_equal(engine_volume(f.g, "shop_data", &one, &found, &e), 0);
	assert_true(found);
	assert_int_equal(engine_volume(f.g, "other", &none, &found, &e), 0);
	assert_false(found);
	assert_int_equal(engine_volume_create(f.g, "shop_data", "shop", "data", &e), 0);
	fake_stop(&f);
}

/* Doing it twice is doing it once; a container that is gone needs nothing. */
static void check_control(void **state)
{
	static const struct canned table[] = {
		{"POST /containers/run/start", 304, "", CANNED_JSON, 0},
		{"POST /containers/run/pause", 204, "", CANNED_JSON, 0},
		{"POST /containers/paused/pause", 409, "{\"message\":\"already paused\"}",
		 CANNED_JSON, 0},
		{"GET /containers/paused/json", 200,
		 "{\"State\":{\"Status\":\"paused\"},\"HostConfig\":{\"RestartPolicy\":{\"Name\":"
		 "\"always\"}}}",
		 CANNED_JSON, 0},
		{"POST /containers/run/unpause", 500, "{\"message\":\"not paused\"}", CANNED_JSON,
		 0},
		{"GET /containers/run/json", 200, "{\"State\":{\"Status\":\"running\"}}",
		 CANNED_JSON, 0},
		{"POST /containers/paused/unpause", 500, "{\"message\":\"cannot thaw\"}",
		 CANNED_JSON, 0},
		{"POST /containers/run/update", 500, "{\"message\":\"no\"}", CANNED_JSON, 0},
		{"DELETE /containers/run?force=1&v=0", 204, "", CANNED_JSON, 0},
		DOCKER,
		{.request = NULL},
	};
	struct fake_engine f;
	auto_free char *policy = NULL, *none = NULL;
	struct err e = ERR_INIT;

	(void)state;
	fake_start(&f, table, NULL);
	assert_int_equal(engine_start(f.g, "run", &e), 0);
	assert_int_equal(engine_start(f.g, "gone", &e), 0);
	assert_int_equal(engine_pause(f.g, "run", &e), 0);
	assert_int_equal(engine_pause(f.g, "paused", &e), 0);
	assert_int_equal(e.kind, ERR_NONE);
	assert_int_equal(engine_unpause(f.g, "run", &e), 0);
	assert_int_equal(engine_unpause(f.g, "paused", &e), -1);
	assert_int_equal(e.kind, ERR_RETRY);
	assert_int_equal(engine_restart_policy(f.g, "paused", &policy, &e), 0);
	assert_string_equal(policy, "always");
	assert_int_equal(engine_restart_policy(f.g, "gone", &none, &e), 0);
	assert_string_equal(none, "no");
	assert_int_equal(engine_set_restart_policy(f.g, "gone", "no", &e), 0);
	assert_int_equal(engine_set_restart_policy(f.g, "run", "no", &e), -1);
	assert_int_equal(engine_remove(f.g, "run", &e), 0);
	assert_int_equal(engine_remove(f.g, "gone", &e), 0);
	fake_stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_docker),
		cmocka_unit_test(check_podman),
		cmocka_unit_test(check_volumes),
		cmocka_unit_test(check_control),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
