/*
 * Tests of agent/engine/containers and api, against an engine that answers from a table.
 */
#include "engine_fixture.h"

#include "common/json.h"

#define LIST "GET /containers/json?all=1&filters="

/* As dockerd 20.10 prints them, shortened. */
#define WEB                                                                                        \
	"{\"Id\":\"aaa1\",\"Names\":[\"/other/web\",\"/shop-web-1\"],\"Image\":\"web:1\","         \
	"\"ImageID\":\"sha256:11\",\"Created\":1795057965,\"State\":\"running\","                  \
	"\"Status\":\"Up 2 minutes (healthy)\",\"Labels\":{"                                       \
	"\"com.docker.compose.project\":\"shop\",\"com.docker.compose.service\":\"web\","          \
	"\"com.docker.compose.config-hash\":\"abc\",\"com.docker.compose.oneoff\":\"False\","      \
	"\"mdc.managed\":\"1\",\"mdc.inputs\":\"def\"}}"
#define DB                                                                                          \
	"{\"Id\":\"bbb1\",\"Names\":[\"/shop-db-1\"],\"Image\":\"db:1\",\"ImageID\":\"sha256:22\"," \
	"\"State\":\"exited\",\"Labels\":{\"com.docker.compose.project\":\"shop\","                 \
	"\"com.docker.compose.service\":\"db\",\"com.docker.compose.oneoff\":\"True\"}}"
#define STRANGER                                                                                   \
	"{\"Id\":\"ccc1\",\"Names\":[\"/x\"],\"State\":\"running\",\"Labels\":{"                   \
	"\"com.docker.compose.project\":\"notshop\"}}"
#define UNLABELLED "{\"Id\":\"ddd1\",\"Names\":[\"/y\"],\"State\":\"running\",\"Labels\":{}}"

static void check_list(void **state)
{
	static const struct canned table[] = {
		{LIST "{\"label\":[\"com.docker.compose.project=shop\"]}", 200,
		 "[" WEB "," STRANGER "," DB "," UNLABELLED "]", CANNED_JSON, 0},
		{.request = NULL},
	};
	struct fake_engine f;
	auto_containers struct containers l = CONTAINERS_INIT;
	struct err e = ERR_INIT;

	(void)state;
	fake_start(&f, table, NULL);
	assert_int_equal(engine_list(f.g, "shop", &l, &e), 0);
	assert_int_equal(l.n, 2);
	assert_string_equal(l.v[0].service, "db");
	assert_true(l.v[0].oneoff);
	assert_false(l.v[0].ours);
	assert_string_equal(l.v[0].config_hash, "");
	assert_int_equal(l.v[0].state, CONTAINER_EXITED);
	assert_string_equal(l.v[1].name, "shop-web-1");
	assert_string_equal(l.v[1].id, "aaa1");
	assert_string_equal(l.v[1].inputs, "def");
	assert_string_equal(l.v[1].config_hash, "abc");
	assert_string_equal(l.v[1].image_id, "sha256:11");
	assert_true(l.v[1].ours);
	assert_false(l.v[1].oneoff);
	assert_int_equal(l.v[1].created, 1795057965);
	assert_int_equal(l.v[1].state, CONTAINER_RUNNING);
	fake_stop(&f);
}

/* The connection is kept by the parent; a child of ours must not read its answers. */
static void check_fork(void **state)
{
	static const struct canned table[] = {
		{LIST "{\"label\":[\"com.docker.compose.project\"]}", 200, "[" WEB "," STRANGER "]",
		 CANNED_JSON, 0},
		{.request = NULL},
	};
	struct fake_engine f;
	struct err e = ERR_INIT;
	int status = -1;

	(void)state;
	fake_start(&f, table, NULL);
	for (int round = 0; round < 2; round++) {
		auto_containers struct containers l = CONTAINERS_INIT;

		assert_int_equal(engine_list(f.g, NULL, &l, &e), 0);
		assert_int_equal(l.n, 2);
	}
	engine_close(f.g); /* the fake engine serves one connection at a time */
	const struct config c = {.socket = f.socket, .compose = f.plugin};

	assert_int_equal(engine_open(&c, &f.g, &e), 0);
	pid_t pid = fork();

	if (pid == 0) {
		struct containers l = CONTAINERS_INIT;

		_exit(engine_list(f.g, NULL, &l, &e) == 0 && l.n == 2 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	fake_stop(&f);
}

/* Whatever a broken engine says is "unknown", never "there are no containers". */
static const struct bad {
	const char *name;
	struct canned answer;
	const char *want; /* in the cause */
} bad[] = {
	{"500",
	 {"GET ", 500, "{\"message\":\"oh\\u001bdear\"}", CANNED_JSON, 0},
	 "500: oh\\x1Bdear"},
	{"503 with text", {"GET ", 503, "starting", CANNED_JSON, 0}, "503: starting"},
	{"not JSON", {"GET ", 200, "<html>", CANNED_JSON, 0}, "something else than JSON"},
	{"cut JSON", {"GET ", 200, "[{\"Id\":\"a\"", CANNED_JSON, 0}, "something else than JSON"},
	{"empty", {"GET ", 200, "", CANNED_JSON, 0}, "something else than JSON"},
	{"an object", {"GET ", 200, "{}", CANNED_JSON, 0}, "not a list"},
	{"null", {"GET ", 200, "null", CANNED_JSON, 0}, "not a list"},
	{"not HTTP", {"GET ", 200, "\x01\x02 garbage\r\n\r\n", CANNED_RAW, 0}, "engine"},
	{"cut off",
	 {"GET ", 200, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n[", CANNED_RAW, 0},
	 "engine"},
	{"closed", {"GET ", 200, NULL, CANNED_CLOSE, 0}, "engine"},
	{"redirect", {"GET ", 301, "", CANNED_JSON, 0}, "301"},
};

static void check_bad(void **state)
{
	const struct bad *b = *state;
	const struct canned table[] = {b->answer, {.request = NULL}};
	struct fake_engine f;
	struct containers l = {.n = 7};
	struct err e = ERR_INIT;

	fake_start(&f, table, NULL);
	assert_int_equal(engine_list(f.g, "shop", &l, &e), -1);
	assert_int_equal(e.kind, ERR_RETRY);
	if (!strstr(e.cause, b->want) && !strstr(e.trail, b->want))
		fail_msg("\"%s\" is not in \"%s\"", b->want, e.cause);
	assert_int_equal(l.n, 7);
	fake_stop(&f);
}

static void check_nobody(void **state)
{
	struct fake_engine f;
	struct containers l = CONTAINERS_INIT;
	struct err e = ERR_INIT;

	(void)state;
	fake_start(&f, NULL, NULL);
	assert_int_equal(engine_list(f.g, "shop", &l, &e), -1);
	assert_int_equal(e.kind, ERR_RETRY);
	assert_non_null(strstr(e.cause, f.socket));
	assert_null(strstr(e.cause, "port 80"));
	assert_int_equal(engine_ping(f.g, &e), -1);
	assert_int_equal(e.kind, ERR_RETRY);
	fake_stop(&f);
}

static void check_silence(void **state)
{
	static const struct canned table[] = {
		{"GET /_ping", 200, NULL, CANNED_SILENCE, 0},
		{.request = NULL},
	};
	struct fake_engine f;
	struct err e = ERR_INIT;

	(void)state;
	fake_start(&f, table, NULL);
	assert_int_equal(engine_ping(f.g, &e), -1); /* its own deadline: 5 s */
	assert_int_equal(e.kind, ERR_RETRY);
	fake_stop(&f);
}

static const struct inspect {
	const char *name, *body;
	enum container_health health;
	enum container_state state;
	int exit_code, restarts;
	const char *policy, *error, *log;
	bool oom;
} inspects[] = {
	{"healthy",
	 "{\"Image\":\"sha256:9\",\"RestartCount\":0,\"State\":{\"Status\":\"running\",\"ExitCode\":0,"
	 "\"Error\":\"\",\"Health\":{\"Status\":\"healthy\",\"Log\":[{\"ExitCode\":0,\"Output\":\"ok\"}]}},"
	 "\"HostConfig\":{\"RestartPolicy\":{\"Name\":\"always\"}}}",
	 HEALTH_HEALTHY, CONTAINER_RUNNING, 0, 0, "always", NULL, NULL, false},
	{"unhealthy, newest failing probe",
	 "{\"RestartCount\":3,\"State\":{\"Status\":\"running\",\"Health\":{\"Status\":\"unhealthy\",\"Log\":["
	 "{\"ExitCode\":1,\"Output\":\"first\"},{\"ExitCode\":1,\"Output\":\"no \\u001b[1manswer\\n\"},"
	 "{\"ExitCode\":0,\"Output\":\"fine\"}]}},\"HostConfig\":{\"RestartPolicy\":{\"Name\":\"\"}}}",
	 HEALTH_UNHEALTHY, CONTAINER_RUNNING, 0, 3, "no", NULL, "no \\x1B[1manswer", false},
	{"no health check, killed",
	 "{\"State\":{\"Status\":\"exited\",\"ExitCode\":137,\"OOMKilled\":true},\"HostConfig\":{}}",
	 HEALTH_NONE, CONTAINER_EXITED, 137, 0, "no", NULL, NULL, true},
	{"podman, none",
	 "{\"State\":{\"Status\":\"running\",\"Health\":{\"Status\":\"\",\"Log\":null}},\"HostConfig\":{}}",
	 HEALTH_NONE, CONTAINER_RUNNING, 0, 0, "no", NULL, NULL, false},
	{"could not start",
	 "{\"State\":{\"Status\":\"created\",\"ExitCode\":127,\"Error\":\"exec: \\\"nosuch\\\": not found\"}}",
	 HEALTH_NONE, CONTAINER_CREATED, 127, 0, "no", "exec: \"nosuch\": not found", NULL, false},
	{"starting", "{\"State\":{\"Status\":\"running\",\"Health\":{\"Status\":\"starting\"}}}",
	 HEALTH_STARTING, CONTAINER_RUNNING, 0, 0, "no", NULL, NULL, false},
	{"numbers out of range",
	 "{\"RestartCount\":\"x\",\"State\":{\"Status\":7,\"ExitCode\":1e300}}", HEALTH_NONE,
	 CONTAINER_UNKNOWN, 0, 0, "no", NULL, NULL, false},
};

static void same_text(const char *a, const char *b)
{
	if (!b)
		assert_null(a);
	else
		assert_string_equal(a, b);
}

static void check_inspect(void **state)
{
	const struct inspect *i = *state;
	const struct canned table[] = {
		{LIST, 200, "[" WEB "]", CANNED_JSON, 0},
		{"GET /containers/aaa1/json", 200, i->body, CANNED_JSON, 0},
		{.request = NULL},
	};
	struct fake_engine f;
	auto_containers struct containers l = CONTAINERS_INIT;
	struct err e = ERR_INIT;
	bool gone = true;

	fake_start(&f, table, NULL);
	assert_int_equal(engine_list(f.g, "shop", &l, &e), 0);
	for (int round = 0; round < 2; round++) /* twice: nothing may leak */
		assert_int_equal(engine_inspect(f.g, &l.v[0], &gone, &e), 0);
	const struct container *c = &l.v[0];

	assert_false(gone);
	assert_true(c->inspected);
	assert_int_equal(c->health, i->health);
	assert_int_equal(c->state, i->state);
	assert_int_equal(c->exit_code, i->exit_code);
	assert_int_equal(c->restart_count, i->restarts);
	assert_string_equal(c->restart_policy, i->policy);
	same_text(c->error, i->error);
	same_text(c->health_log, i->log);
	assert_int_equal(c->oom_killed, i->oom);
	fake_stop(&f);
}

static void check_gone(void **state)
{
	static const struct canned table[] = {
		{"GET /containers/dead/json", 404, "{\"message\":\"No such container\"}",
		 CANNED_JSON, 0},
		{"GET /containers/odd/json", 200, "[]", CANNED_JSON, 0},
		{"GET /containers/ill/json", 500, "", CANNED_JSON, 0},
		{.request = NULL},
	};
	static const struct {
		const char *id;
		int want;
		bool gone;
	} ids[] = {{"dead", 0, true}, {"odd", -1, false}, {"ill", -1, false}, {"a/../b", 0, true}};
	struct fake_engine f;
	struct err e = ERR_INIT;

	(void)state;
	fake_start(&f, table, NULL);
	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		char id[16];
		struct container c = {.id = id, .name = id};
		bool gone = false;

		(void)snprintf(id, sizeof(id), "%s", ids[i].id);
		assert_int_equal(engine_inspect(f.g, &c, &gone, &e), ids[i].want);
		assert_int_equal(gone, ids[i].gone);
		assert_false(c.inspected);
	}
	fake_stop(&f);
}

static const struct log {
	const char *name, *body;
	size_t len;
	int status;
	size_t max;
	const char *want;
} logs[] = {
#define LOG_BODY(s) s, sizeof(s) - 1
	{"frames", LOG_BODY("\1\0\0\0\0\0\0\6hello\n\2\0\0\0\0\0\0\4err\n"), 200, 100,
	 "hello\nerr"},
	{"a frame cut off", LOG_BODY("\1\0\0\0\0\0\0\6hel"), 200, 100, "hel"},
	{"a header cut off", LOG_BODY("\1\0\0\0\0\0\0\2a\n\1\0"), 200, 100, "a\n\\x01 "},
	{"terminal", LOG_BODY("plain text\r\nmore\r\n"), 200, 100, "plain text\nmore"},
	{"short terminal", LOG_BODY("abc"), 200, 100, "abc"},
	{"control characters", LOG_BODY("\1\0\0\0\0\0\0\6a\33[1mb"), 200, 100, "a\\x1B[1mb"},
	{"the end counts", LOG_BODY("line one\nline two\nline three\n"), 200, 20,
	 "line two\nline three"},
	{"a zero", LOG_BODY("\1\0\0\0\0\0\0\3a\0b"), 200, 100, "a b"},
	{"empty", LOG_BODY(""), 200, 100, ""},
	{"gone", LOG_BODY("{\"message\":\"x\"}"), 404, 100, ""},
	{"unreadable driver", LOG_BODY("{\"message\":\"x\"}"), 501, 100, ""},
};

static void check_log(void **state)
{
	const struct log *r = *state;
	const struct canned table[] = {
		{"GET /containers/aaa1/logs?stdout=1&stderr=1&tail=20", r->status, r->body,
		 CANNED_JSON, r->len},
		{.request = NULL},
	};
	struct fake_engine f;
	struct err e = ERR_INIT;
	auto_free char *text = NULL;

	fake_start(&f, table, NULL);
	assert_int_equal(engine_logs(f.g, "aaa1", 20, r->max, &text, &e), 0);
	assert_string_equal(text, r->want);
	fake_stop(&f);
}

static void check_networks(void **state)
{
	static const struct canned table[] = {
		{"GET /networks", 200, "[{\"Name\":\"bridge\"},{\"Name\":\"a_default\"}]",
		 CANNED_JSON, 0},
		{.request = NULL},
	};
	struct fake_engine f;
	struct err e = ERR_INIT;
	auto_json cJSON *networks = NULL;

	(void)state;
	fake_start(&f, table, NULL);
	assert_int_equal(engine_networks(f.g, &networks, &e), 0);
	assert_int_equal(cJSON_GetArraySize(networks), 2);
	fake_stop(&f);
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(bad) + COUNT_OF(inspects) + COUNT_OF(logs) + 6] = {
		cmocka_unit_test(check_list),     cmocka_unit_test(check_fork),
		cmocka_unit_test(check_nobody),   cmocka_unit_test(check_gone),
		cmocka_unit_test(check_networks), cmocka_unit_test(check_silence),
	};
	size_t n = 6;

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		tests[n++] = (struct CMUnitTest){bad[i].name, check_bad, NULL, NULL,
						 (void *)(uintptr_t)&bad[i]};
	for (size_t i = 0; i < COUNT_OF(inspects); i++)
		tests[n++] = (struct CMUnitTest){inspects[i].name, check_inspect, NULL, NULL,
						 (void *)(uintptr_t)&inspects[i]};
	for (size_t i = 0; i < COUNT_OF(logs); i++)
		tests[n++] = (struct CMUnitTest){logs[i].name, check_log, NULL, NULL,
						 (void *)(uintptr_t)&logs[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
