/*
 * config_load: agent.yaml from disk: what is missing, wrong, too large, changed.
 */
#include "tests/unit/store_setup.h"

static void load(struct scene *t, const char *text, struct config *c)
{
	auto_diags struct diags d = DIAGS_INIT;

	put(at(t, "agent.yaml"), text);
	assert_ok(config_load(at(t, "agent.yaml"), &d, c, e));
}

static void file_and_digest(void **state)
{
	struct scene *t = *state;
	auto_config struct config a = {.file = NULL}, b = {.file = NULL}, c = {.file = NULL};

	load(t, "source: {url: \"file:///srv/repo.git\"}\nhost: h1\n", &a);
	load(t, "source: {url: \"file:///srv/repo.git\"}\nhost: h2\n", &b);
	load(t, "source: {url: \"file:///srv/repo.git\"}\nhost: h1\n", &c);
	assert_string_equal(a.file, at(t, "agent.yaml"));
	assert_string_equal(a.host, "h1");
	assert_int_equal(a.source.kind, SOURCE_FILE);
	assert_true(str_starts(a.digest, MDC_VERSION "-"));
	assert_string_not_equal(a.digest, b.digest);
	assert_string_equal(a.digest, c.digest);
}

static void wrong_ones(void **state)
{
	struct scene *t = *state;
	auto_diags struct diags d = DIAGS_INIT;
	struct config c = {.host = (char *)"untouched"};

	assert_fails(config_load(at(t, "none.yaml"), &d, &c, e), ERR_USAGE, "mdc-agent init");
	assert_fails(config_load(t->dir, &d, &c, e), ERR_USAGE, "not a regular file");
	put(at(t, "agent.yaml"), "source: [\n");
	assert_fails(config_load(at(t, "agent.yaml"), &d, &c, e), ERR_USAGE, "agent.yaml:");
	put(at(t, "agent.yaml"), "source: {url: \"file:///r\"}\n\nhots: x\n");
	assert_fails(config_load(at(t, "agent.yaml"), &d, &c, e), ERR_USAGE, ":3:1");
	assert_string_equal(c.host, "untouched");
}

static void too_large(void **state)
{
	struct scene *t = *state;
	auto_diags struct diags d = DIAGS_INIT;
	size_t len = 1024 * 1024 + 1;
	auto_free char *text = xmalloc(len + 1);
	struct config c;

	memset(text, '#', len);
	text[len] = '\0';
	put(at(t, "agent.yaml"), text);
	assert_fails(config_load(at(t, "agent.yaml"), &d, &c, e), ERR_USAGE, "bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(file_and_digest),
		SCENE_TEST(wrong_ones),
		SCENE_TEST(too_large),
	};

	return cmocka_run_group_tests_name("config_load", tests, NULL, NULL);
}
