/*
 * Tests of agent/engine/compose*: what the plugin is started with and what is made of how it ends.
 * The plugin is a shell script, the engine answers from a table.
 */
#include "engine_fixture.h"

#include "common/json.h"

#include <fcntl.h>

/* Leaves what it was given in the fixture's directory. */
#define RECORD "printf '%s\\n' \"$@\" >$DIR/args; env >$DIR/env; cat >$DIR/stdin\n"

static const struct canned up[] = {
	{"GET /_ping", 200, "OK", CANNED_JSON, 0},
	{"GET /containers/json", 200,
	 "[{\"Id\":\"a\",\"Names\":[\"/k-web-1\"],\"State\":\"running\",\"Labels\":{"
	 "\"com.docker.compose.project\":\"k\",\"com.docker.compose.service\":\"web\"}}]",
	 CANNED_JSON, 0},
	{"GET /networks", 200, "[]", CANNED_JSON, 0},
	{.request = NULL},
};

static const struct version {
	const char *name, *script;
	int want;
	enum err_kind kind;
	const char *says; /* version, or part of the cause */
} versions[] = {
	{"v2", "echo 'Docker Compose version v2.26.1-4'", 0, ERR_NONE, "2.26.1"},
	{"v2 of Debian", "echo 'Docker Compose version 2.26.1-4'", 0, ERR_NONE, "2.26.1"},
	{"v5", "echo 'Docker Compose version v5.0.0'", 0, ERR_NONE, "5.0.0"},
	{"v1", "echo 'docker-compose version 1.29.2, build unknown'", -1, ERR_USAGE,
	 "Compose version 1"},
	{"podman-compose", "echo 'podman-compose version: 1.0.3'; echo 'podman version 4.3.1'", -1,
	 ERR_USAGE, "podman-compose"},
	{"another program", "echo hello", -1, ERR_USAGE, "not Docker Compose version 2"},
	{"nothing", "exit 3", -1, ERR_USAGE, "docker-compose-plugin"},
	{"endless", "exec yes", -1, ERR_RETRY, "version"},
};

static void check_version(void **state)
{
	const struct version *v = *state;
	struct fake_engine f;
	struct err e = ERR_INIT;

	fake_start(&f, NULL, v->script);
	assert_int_equal(engine_check_compose(f.g, &e), v->want);
	assert_int_equal(e.kind, v->kind);
	if (v->want == 0)
		assert_string_equal(engine_compose_version(f.g), v->says);
	else
		assert_non_null(strstr(e.cause, v->says));
	fake_stop(&f);
}

static const struct call {
	const char *name;
	int (*fn)(struct engine *, const struct compose_call *, struct err *);
	int (*fn_services)(struct engine *, const struct compose_call *, const struct strv *,
			   struct err *);
	const char *args; /* behind "-p k -f MODEL" */
	bool from_labels, proxies;
} calls[] = {
	{"up", compose_up, NULL, "up -d --no-build --pull never --remove-orphans", false, false},
	{"down", compose_down, NULL, "down --remove-orphans", true, false},
	{"stop", compose_stop, NULL, "stop", true, false},
	{"pull", NULL, compose_pull, "pull -- web -q", false, true},
	{"build", NULL, compose_build, "build -- web -q", false, true},
};

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, text);
}

static void has_not(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("\"%s\" is in \"%s\"", part, text);
}

static int run_call(const struct call *c, struct fake_engine *f, const char *model, struct err *e)
{
	auto_strv struct strv services = STRV_INIT;
	const struct compose_call call = {.project = "k", .model = model, .timeout_ms = 10000};

	strv_push(&services, "web");
	strv_push(&services, "-q");
	return c->fn ? c->fn(f->g, &call, e) : c->fn_services(f->g, &call, &services, e);
}

static void check_call(void **state)
{
	const struct call *c = *state;
	struct fake_engine f;
	struct err e = ERR_INIT;

	(void)setenv("COMPOSE_FILE", "/elsewhere", 1);
	(void)setenv("SECRET_OF_OURS", "x", 1);
	(void)setenv("https_proxy", "http://proxy.example:3128", 1);
	fake_start(&f, up, RECORD);
	auto_free char *model = path_join(f.dir, "model.json");

	assert_int_equal(file_replace(model, "{}", 2, 0600, &e), 0);
	assert_int_equal(run_call(c, &f, model, &e), 0);
	auto_free char *args = fake_read(&f, "args");
	auto_free char *env = fake_read(&f, "env");
	auto_free char *input = fake_read(&f, "stdin");
	auto_free char *want = xasprintf("-p k -f %s %s ", c->from_labels ? "-" : model, c->args);
	auto_free char *host = xasprintf("DOCKER_HOST=unix://%s\n", f.socket);

	for (char *at = args; *at != '\0'; at++)
		*at = *at == '\n' ? ' ' : *at;
	assert_string_equal(args, want);
	has(env, host);
	has(env, "COMPOSE_DISABLE_ENV_FILE=1\n");
	has_not(env, "COMPOSE_FILE");
	has_not(env, "SECRET_OF_OURS");
	if (c->proxies)
		has(env, "https_proxy=http://proxy.example:3128\n");
	else
		has_not(env, "proxy.example");
	if (c->from_labels)
		has(input,
		    "{\"name\":\"k\",\"services\":{\"web\":{\"image\":\"unused\"}},\"networks\":{}}");
	else
		assert_string_equal(input, "");
	(void)unsetenv("COMPOSE_FILE");
	(void)unsetenv("https_proxy");
	fake_stop(&f);
}

/* No container and no network: Compose has nothing to do. */
static void check_nothing_left(void **state)
{
	static const struct canned table[] = {
		{"GET /containers/json", 200, "[]", CANNED_JSON, 0},
		{"GET /networks", 200, "[]", CANNED_JSON, 0},
		{.request = NULL},
	};
	struct fake_engine f;
	struct err e = ERR_INIT;
	const struct compose_call call = {.project = "k", .timeout_ms = 10000};
	auto_strv struct strv none = STRV_INIT;

	(void)state;
	fake_start(&f, table, "exit 9");
	assert_int_equal(compose_down(f.g, &call, &e), 0);
	assert_int_equal(compose_pull(f.g, &call, &none, &e), 0);
	fake_stop(&f);
}

static void add_line(const char *line, void *arg)
{
	strv_push(arg, line);
}

static const struct ending {
	const char *name, *script;
	bool engine_answers;
	enum err_kind kind;
	const char *cause;
} endings[] = {
	{"failed",
	 "echo ' Container web  Creating' >&2; echo 'Error response from daemon: no' >&2; exit 1",
	 true, ERR_FAILED, "no"},
	{"failed, and the engine is gone", "echo 'something' >&2; exit 1", false, ERR_RETRY,
	 "Compose said: something"},
	{"lost it, and it is back", "echo 'Cannot connect to the Docker daemon at x.' >&2; exit 1",
	 true, ERR_RETRY, "Cannot connect"},
	{"killed", "kill -9 $$", true, ERR_RETRY, "signal 9"},
	{"too slow", "exec sleep 100", true, ERR_FAILED, "longer than"},
	{"said nothing", "exit 1", true, ERR_FAILED, "exited with 1 and said nothing"},
};

static void check_ending(void **state)
{
	const struct ending *d = *state;
	struct fake_engine f;
	struct err e = ERR_INIT;

	fake_start(&f, d->engine_answers ? up : NULL, d->script);
	auto_free char *model = path_join(f.dir, "model.json");
	const struct compose_call call = {.project = "k", .model = model, .timeout_ms = 1500};

	assert_int_equal(file_replace(model, "{}", 2, 0600, &e), 0);
	assert_int_equal(compose_up(f.g, &call, &e), -1);
	assert_int_equal(e.kind, d->kind);
	has(e.cause, d->cause);
	fake_stop(&f);
}

static void check_progress(void **state)
{
	struct fake_engine f;
	struct err e = ERR_INIT;
	auto_strv struct strv lines = STRV_INIT;

	(void)state;
	fake_start(&f, up, "printf ' Container a  Creating\\n\\n\\033[1mb\\rlast' >&2");
	auto_free char *model = path_join(f.dir, "model.json");
	int fd = open(f.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct compose_call call = {.project = "k",
					  .model = model,
					  .timeout_ms = 10000,
					  .lock_fd = fd,
					  .on_line = add_line,
					  .arg = &lines};

	assert_int_equal(file_replace(model, "{}", 2, 0600, &e), 0);
	assert_int_equal(compose_up(f.g, &call, &e), 0);
	assert_true(lines.n >= 3);
	assert_string_equal(lines.v[0], "Container a  Creating");
	assert_string_equal(lines.v[1], "\\x1B[1mb");
	assert_true(str_starts(lines.v[2], "last"));
	(void)close(fd);
	fake_stop(&f);
}

/* Who holds the lock is who has the file open: Compose must have it while it runs. */
static void check_lock(void **state)
{
	struct fake_engine f;
	struct err e = ERR_INIT;

	(void)state;
	fake_start(&f, up, "ls -l /proc/$$/fd >$DIR/fds");
	auto_free char *model = path_join(f.dir, "model.json");
	int fd = open(model, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	const struct compose_call call = {
		.project = "k", .model = model, .timeout_ms = 10000, .lock_fd = fd};

	assert_int_equal(write(fd, "{}", 2), 2);
	assert_int_equal(compose_up(f.g, &call, &e), 0);
	auto_free char *fds = fake_read(&f, "fds");

	has(fds, model);
	(void)close(fd);
	fake_stop(&f);
}

#define MODEL                                                                                      \
	"{\"name\":\"k\",\"services\":{\"web\":{\"image\":\"a:1\",\"profiles\":[\"x\"],"           \
	"\"secrets\":[{\"source\":\"s\"}]}},\"secrets\":{\"s\":{\"environment\":\"TOKEN\"},"       \
	"\"unused\":{\"environment\":\"NOBODY\"}}}"

static int render(struct fake_engine *f, const struct strv *env_files, const struct strv *profiles,
		  cJSON **model, struct err *e)
{
	auto_strv struct strv files = STRV_INIT;

	strv_push(&files, "/p/compose.yaml");
	strv_push(&files, "/p/more.yaml");
	const struct render_call r = {.project = "k",
				      .directory = f->dir,
				      .files = &files,
				      .env_files = env_files,
				      .profiles = profiles,
				      .timeout_ms = 10000};

	return compose_render(f->g, &r, model, e);
}

static void check_render(void **state)
{
	struct fake_engine f;
	struct err e = ERR_INIT;
	auto_strv struct strv env_files = STRV_INIT;
	auto_strv struct strv profiles = STRV_INIT;
	auto_json cJSON *model = NULL;

	(void)state;
	strv_push(&env_files, "/p/prod.env");
	strv_push(&profiles, "x");
	strv_push(&profiles, "y");
	/* The second time it is asked for the value that the secret takes from a variable. */
	fake_start(
		&f, NULL,
		"printf '%s\\n' \"$@\" >>$DIR/args; env >$DIR/env; cat >$DIR/stdin\n"
		"case \"$*\" in *'-f - config'*) echo '{\"services\":{},\"x-mdc-variables\":{\"TOKEN\":\"a$$b\"}}';;\n"
		"*) cat <<'END'\n" MODEL "\nEND\n;; esac");
	auto_free char *dotenv = path_join(f.dir, ".env");

	assert_int_equal(file_replace(dotenv, "A=1\n", 4, 0600, &e), 0);
	assert_int_equal(render(&f, &env_files, &profiles, &model, &e), 0);
	auto_free char *args = fake_read(&f, "args");
	auto_free char *env = fake_read(&f, "env");
	auto_free char *input = fake_read(&f, "stdin");
	auto_free char *want = xasprintf(
		"-p\nk\n--project-directory\n%s\n--env-file\n%s\n--env-file\n/p/prod.env\n"
		"-f\n/p/compose.yaml\n-f\n/p/more.yaml\nconfig\n--format\njson\n",
		f.dir, dotenv);
	const cJSON *web = json_path(model, "services.web");

	assert_true(str_starts(args, want));
	has(env, "COMPOSE_PROFILES=x,y\n");
	has_not(env, "COMPOSE_DISABLE_ENV_FILE");
	has_not(env, "DOCKER_HOST");
	has(input, "{\"x-mdc-variables\":{\"TOKEN\":\"${TOKEN?");
	has_not(input, "NOBODY");
	assert_non_null(web);
	assert_null(cJSON_GetObjectItem(web, "profiles"));
	assert_string_equal(json_str(json_obj(model, "x-mdc-variables"), "TOKEN", ""), "a$$b");
	fake_stop(&f);
}

/* ... and at `up` Compose gets it in its environment. */
static void check_variables(void **state)
{
	static const char text[] =
		"{\"services\":{},\"x-mdc-variables\":{\"TOKEN\":\"a$$b\",\"DOCKER_HOST\":\"evil\","
		"\"PATH\":\"evil\",\"LD_PRELOAD\":\"evil\",\"A-B\":\"evil\"}}";
	struct fake_engine f;
	struct err e = ERR_INIT;

	(void)state;
	fake_start(&f, up, RECORD);
	auto_free char *model = path_join(f.dir, "model.json");
	const struct compose_call call = {.project = "k", .model = model, .timeout_ms = 10000};

	assert_int_equal(file_replace(model, text, strlen(text), 0600, &e), 0);
	assert_int_equal(compose_up(f.g, &call, &e), 0);
	auto_free char *env = fake_read(&f, "env");

	has(env, "TOKEN=a$b\n");
	has_not(env, "evil");
	fake_stop(&f);
}

static const struct refused {
	const char *name, *script;
	enum err_kind kind;
	const char *cause;
} refused[] = {
	{"wrong files", "echo 'service \"web\" refers to undefined volume x' >&2; exit 15",
	 ERR_REJECTED, "undefined volume x"},
	{"no service", "echo '{\"name\":\"k\",\"services\":{}}'", ERR_REJECTED, "no service"},
	{"no services at all", "echo '{\"name\":\"k\"}'", ERR_REJECTED, "no service"},
	{"not JSON", "echo hello", ERR_REJECTED, "JSON"},
	{"out of memory", "echo 'fatal error: runtime: out of memory' >&2; exit 2", ERR_REJECTED,
	 "MiB of memory"},
	{"killed", "kill -9 $$", ERR_RETRY, "signal 9"},
};

static void check_refused(void **state)
{
	const struct refused *r = *state;
	struct fake_engine f;
	struct err e = ERR_INIT;
	const struct strv none = STRV_INIT;
	cJSON *model = NULL;

	fake_start(&f, NULL, r->script);
	assert_int_equal(render(&f, &none, &none, &model, &e), -1);
	assert_int_equal(e.kind, r->kind);
	has(e.cause, r->cause);
	assert_null(model);
	fake_stop(&f);
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(versions) + COUNT_OF(calls) + COUNT_OF(endings) +
				COUNT_OF(refused) + 5] = {
		cmocka_unit_test(check_nothing_left), cmocka_unit_test(check_progress),
		cmocka_unit_test(check_lock),         cmocka_unit_test(check_render),
		cmocka_unit_test(check_variables),
	};
	size_t n = 5;

	for (size_t i = 0; i < COUNT_OF(versions); i++)
		tests[n++] = (struct CMUnitTest){versions[i].name, check_version, NULL, NULL,
						 (void *)(uintptr_t)&versions[i]};
	for (size_t i = 0; i < COUNT_OF(calls); i++)
		tests[n++] = (struct CMUnitTest){calls[i].name, check_call, NULL, NULL,
						 (void *)(uintptr_t)&calls[i]};
	for (size_t i = 0; i < COUNT_OF(endings); i++)
		tests[n++] = (struct CMUnitTest){endings[i].name, check_ending, NULL, NULL,
						 (void *)(uintptr_t)&endings[i]};
	for (size_t i = 0; i < COUNT_OF(refused); i++)
		tests[n++] = (struct CMUnitTest){refused[i].name, check_refused, NULL, NULL,
						 (void *)(uintptr_t)&refused[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
