/*
 * Tests of agent/engine/engine: which socket and which plugin are taken. What lies in the usual
 * places of the host that runs the tests is not looked at.
 */
#include "engine_fixture.h"

static void check_named(void **state)
{
	const struct config none = {.socket = NULL};
	struct config c = none;
	struct fake_engine f;
	struct err e = ERR_INIT;
	struct engine *g = NULL;

	(void)state;
	fake_start(&f, NULL, NULL);
	assert_string_equal(engine_socket(f.g), f.socket); /* named: it may come later */
	assert_string_equal(engine_compose_version(f.g), "");
	c.socket = f.socket;
	c.compose = f.dir;
	assert_int_equal(engine_open(&c, &g, &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
	assert_null(g);
	fake_stop(&f);
}

static const struct host {
	const char *name, *value;
	int want;
	const char *socket;
} hosts[] = {
	{"a socket", "unix:///run/x.sock", 0, "/run/x.sock"},
	{"another machine", "tcp://10.0.0.1:2375", -1, NULL},
	{"through ssh", "ssh://host", -1, NULL},
};

static void check_host(void **state)
{
	const struct host *h = *state;
	struct fake_engine f;
	struct err e = ERR_INIT;
	struct engine *g = NULL;

	fake_start(&f, NULL, NULL);
	const struct config c = {.compose = f.plugin};
	const struct config named = {.compose = f.plugin, .socket = f.socket};

	(void)setenv("DOCKER_HOST", h->value, 1);
	assert_int_equal(engine_open(&c, &g, &e), h->want);
	if (h->want == 0) {
		assert_string_equal(engine_socket(g), h->socket);
		engine_close(g);
	} else {
		assert_int_equal(e.kind, ERR_USAGE);
	}
	/* What agent.yaml says wins. */
	assert_int_equal(engine_open(&named, &g, &e), 0);
	assert_string_equal(engine_socket(g), f.socket);
	engine_close(g);
	(void)unsetenv("DOCKER_HOST");
	fake_stop(&f);
}

/* $DOCKER_CONFIG/cli-plugins comes first, as it does for Docker itself. */
static void check_plugin(void **state)
{
	struct fake_engine f;
	struct err e = ERR_INIT;
	struct engine *g = NULL;

	(void)state;
	fake_start(&f, NULL, NULL);
	auto_free char *dir = path_join(f.dir, "cli-plugins");
	auto_free char *plugin = path_join(dir, "docker-compose");
	static const char text[] = "#!/bin/sh\necho 'Docker Compose version v7.8.9'\n";
	const struct config c = {.socket = f.socket};

	assert_int_equal(dir_make(dir, 0755, &e), 0);
	assert_int_equal(file_replace(plugin, text, strlen(text), 0755, &e), 0);
	(void)setenv("DOCKER_CONFIG", f.dir, 1);
	assert_int_equal(engine_open(&c, &g, &e), 0);
	assert_int_equal(engine_check_compose(g, &e), 0);
	assert_string_equal(engine_compose_version(g), "7.8.9");
	engine_close(g);
	(void)unsetenv("DOCKER_CONFIG");
	fake_stop(&f);
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(hosts) + 2] = {
		cmocka_unit_test(check_named),
		cmocka_unit_test(check_plugin),
	};

	for (size_t i = 0; i < COUNT_OF(hosts); i++)
		tests[i + 2] = (struct CMUnitTest){hosts[i].name, check_host, NULL, NULL,
						   (void *)(uintptr_t)&hosts[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
