/*
 * Tests of what the agent does differently with Podman: health checks that nobody else runs, the
 * state between two starts, stopping what is paused, and words of a health check that hold blanks.
 */
#include "engine_fixture.h"

#include "agent/engine/model.h"
#include "common/clock.h"
#include "common/json.h"

#define VERSION "{\"Components\":[{\"Name\":\"Podman Engine\"}]}"
#define DOCKER  "{\"Components\":[{\"Name\":\"Engine\"}]}"
#define HOUR_NS "3600000000000"
#define CHECKED(status, log)                                                                       \
	"{\"State\":{\"Status\":\"running\",\"Health\":{\"Status\":\"" status "\",\"Log\":" log    \
	"}},\"Config\":{\"Healthcheck\":{\"Interval\":" HOUR_NS "}}}"
#define PROBE "[{\"End\":\"2026-11-22T10:28:16Z\",\"ExitCode\":0}]"

static const struct kick_case {
	const char *name, *version, *container;
	bool kicked; /* where there is no systemd */
} kicks[] = {
	{"nothing was checked yet", VERSION, CHECKED("starting", "null"), true},
	{"somebody checked", VERSION, CHECKED("healthy", PROBE), false},
	{"Docker does it itself", DOCKER, CHECKED("starting", "null"), false},
	{"no health check", VERSION, "{\"State\":{\"Status\":\"running\",\"Health\":{}}}", false},
	{"does not run", VERSION,
	 "{\"State\":{\"Status\":\"exited\",\"Health\":{\"Status\":\"starting\"}}}", false},
};

static char *requests(struct fake_engine *f)
{
	const struct config c = {.socket = f->socket, .compose = f->plugin};
	struct err e = ERR_INIT;

	/* Connections are served one after the other: all that came before have been when this
	 * one is. */
	engine_close(f->g);
	assert_int_equal(engine_open(&c, &f->g, &e), 0);
	assert_int_equal(engine_ping(f->g, &e), 0);
	return fake_read(f, "requests");
}

static void check_kick(void **state)
{
	const struct kick_case *k = *state;
	const struct canned table[] = {
		{"GET /version", 200, k->version, CANNED_JSON, 0},
		{"GET /containers/abc/json", 200, k->container, CANNED_JSON, 0},
		{"GET /v4.0.0/libpod/containers/abc/healthcheck", 200, "{}", CANNED_JSON, 0},
		{"GET /_ping", 200, "OK", CANNED_JSON, 0},
		{.request = NULL},
	};
	struct container c = {.id = (char *)"abc", .name = (char *)"web"};
	struct fake_engine f;
	struct err e = ERR_INIT;
	bool gone = true;

	fake_start(&f, table, NULL);
	c.image_id = xstrdup("");
	for (int look = 0; look < 3; look++) {
		assert_int_equal(engine_inspect(f.g, &c, &gone, &e), 0);
		assert_int_equal(engine_health_kick(f.g, &c, &e), 0);
	}
	auto_free char *log = requests(&f);
	const char *first = strstr(log, "/healthcheck");

	assert_int_equal(first != NULL, k->kicked && !file_exists("/run/systemd/system"));
	assert_true(!first || !strstr(first + 1, "/healthcheck")); /* its interval is an hour */
	fake_stop(&f);
	free(c.image_id);
	free(c.health_log);
	free(c.check_last);
	free(c.restart_policy);
	free(c.error);
}

static const struct restart_case {
	const char *name, *policy;
	int most, count, code, ended_ago_s;
	enum container_state state;
} restarts[] = {
	{"has just ended", "always", 0, 1, 1, 1, CONTAINER_RESTARTING},
	{"ended long ago", "always", 0, 1, 1, 60, CONTAINER_EXITED},
	{"a job", "no", 0, 0, 1, 1, CONTAINER_EXITED},
	{"tries are left", "on-failure", 3, 2, 1, 1, CONTAINER_RESTARTING},
	{"no tries are left", "on-failure", 3, 3, 1, 1, CONTAINER_EXITED},
	{"did not fail", "on-failure", 0, 0, 0, 1, CONTAINER_EXITED},
};

static void check_restart(void **state)
{
	const struct restart_case *r = *state;
	char ended[CLOCK_ISO_SIZE];

	(void)clock_iso(clock_wall() - r->ended_ago_s, ended);
	auto_free char *body = xasprintf(
		"{\"State\":{\"Status\":\"exited\",\"ExitCode\":%d,\"FinishedAt\":\"%s\"},"
		"\"RestartCount\":%d,\"HostConfig\":{\"RestartPolicy\":{\"Name\":\"%s\","
		"\"MaximumRetryCount\":%d}}}",
		r->code, ended, r->count, r->policy, r->most);
	const char *const versions[] = {VERSION, DOCKER};

	for (size_t i = 0; i < COUNT_OF(versions); i++) {
		const struct canned table[] = {
			{"GET /version", 200, versions[i], CANNED_JSON, 0},
			{"GET /containers/abc/json", 200, body, CANNED_JSON, 0},
			{.request = NULL},
		};
		struct container c = {.id = (char *)"abc", .name = (char *)"web"};
		struct fake_engine f;
		struct err e = ERR_INIT;
		bool gone = true;

		c.image_id = xstrdup("");
		fake_start(&f, table, NULL);
		assert_int_equal(engine_inspect(f.g, &c, &gone, &e), 0);
		assert_int_equal(c.state, i == 0 ? r->state : CONTAINER_EXITED);
		fake_stop(&f);
		free(c.image_id);
		free(c.restart_policy);
	}
}

static const struct test_case {
	const char *name, *before, *after;
} tests[] = {
	{"whole words stay", "[\"CMD\",\"nc\",\"-z\",\"localhost\"]",
	 "[\"CMD\",\"nc\",\"-z\",\"localhost\"]"},
	{"a shell's command", "[\"CMD\",\"sh\",\"-c\",\"echo no; exit 1\"]",
	 "[\"CMD-SHELL\",\"echo no; exit 1\"]"},
	{"another shell's", "[\"CMD\",\"bash\",\"-c\",\"a b\"]",
	 "[\"CMD-SHELL\",\"'bash' '-c' 'a b'\"]"},
	{"quotes", "[\"CMD\",\"x\",\"it's $$HOME\"]",
	 "[\"CMD-SHELL\",\"'x' 'it'\\\\''s $$HOME'\"]"},
	{"an empty word", "[\"CMD\",\"x\",\"\"]", "[\"CMD-SHELL\",\"'x' ''\"]"},
	{"already one", "[\"CMD-SHELL\",\"a b\"]", "[\"CMD-SHELL\",\"a b\"]"},
	{"none", "[\"NONE\"]", "[\"NONE\"]"},
	{"no command", "[\"CMD\"]", "[\"CMD\"]"},
	{"more than a shell takes", "[\"CMD\",\"sh\",\"-c\",\"a b\",\"c\"]",
	 "[\"CMD-SHELL\",\"'sh' '-c' 'a b' 'c'\"]"},
};

static void check_test(void **state)
{
	const struct test_case *t = *state;
	auto_free char *before = xasprintf("{\"services\":{\"a\":{\"healthcheck\":{\"test\":%s}},"
					   "\"b\":{\"image\":\"x\"}}}",
					   t->before);
	auto_free char *after = xasprintf("{\"services\":{\"a\":{\"healthcheck\":{\"test\":%s}},"
					  "\"b\":{\"image\":\"x\"}}}",
					  t->after);
	auto_json cJSON *model = NULL;
	struct err e = ERR_INIT;

	assert_int_equal(json_parse(before, strlen(before), &model, &e), 0);
	model_whole_checks(model);
	auto_free char *text = json_text(model);

	assert_string_equal(text, after);
}

/* Podman refuses to stop what is paused. */
static void check_stop_of_paused(void **state)
{
	static const struct canned table[] = {
		{"GET /version", 200, VERSION, CANNED_JSON, 0},
		{"GET /containers/abc/json", 200, "{\"State\":{\"Status\":\"paused\"}}",
		 CANNED_JSON, 0},
		{"POST /containers/abc/unpause", 204, "", CANNED_JSON, 0},
		{"GET /_ping", 200, "OK", CANNED_JSON, 0},
		{.request = NULL},
	};
	auto_strv struct strv ids = STRV_INIT;
	struct deadline until = deadline_in(10000);
	struct fake_engine f;
	struct err e = ERR_INIT;
	bool thawed = false;

	(void)state;
	strv_push(&ids, "abc");
	fake_start(&f, table, NULL);
	/* The stop itself comes over another connection, which this engine does not serve. */
	pid_t child = fork();

	if (child == 0) {
		(void)engine_stop_all(f.g, &ids, &e);
		_exit(0);
	}
	while (!thawed && !deadline_over(until)) {
		auto_free char *log = fake_read(&f, "requests");

		thawed = strstr(log, "POST /containers/abc/unpause") != NULL;
		clock_pause_ms(10);
	}
	(void)kill(child, SIGKILL);
	(void)waitpid(child, NULL, 0);
	assert_true(thawed);
	fake_stop(&f);
}

int main(void)
{
	struct CMUnitTest all[COUNT_OF(kicks) + COUNT_OF(restarts) + COUNT_OF(tests) + 1];
	size_t n = 0;

	for (size_t i = 0; i < COUNT_OF(kicks); i++)
		all[n++] = (struct CMUnitTest){kicks[i].name, check_kick, NULL, NULL,
					       (void *)(uintptr_t)&kicks[i]};
	for (size_t i = 0; i < COUNT_OF(restarts); i++)
		all[n++] = (struct CMUnitTest){restarts[i].name, check_restart, NULL, NULL,
					       (void *)(uintptr_t)&restarts[i]};
	for (size_t i = 0; i < COUNT_OF(tests); i++)
		all[n++] = (struct CMUnitTest){tests[i].name, check_test, NULL, NULL,
					       (void *)(uintptr_t)&tests[i]};
	all[n] = (struct CMUnitTest)cmocka_unit_test(check_stop_of_paused);
	return cmocka_run_group_tests(all, NULL, NULL);
}
