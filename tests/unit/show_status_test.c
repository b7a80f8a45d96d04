/* What `status` says and how its exit code comes about, without an engine. */
#include "agent/cli/show.h"
#include "agent/flow/sync.h"

#include "common/clock.h"
#include "common/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct status *scene(size_t n)
{
	struct status *s = xcalloc(1, sizeof(*s));

	*s = (struct status){.generation = 41,
			     .generations = 10,
			     .made = clock_wall() - 100,
			     .engine_answers = true,
			     .synced = true,
			     .daemon = true,
			     .source_seen = clock_wall() - 40,
			     .source_url = xstrdup("https://example.org/x.git")};
	s->v = xcalloc(n + 1, sizeof(*s->v));
	for (s->n = 0; s->n < n; s->n++)
		s->v[s->n] = (struct project_status){.name = xasprintf("p%03zu", s->n),
						     .state = xstrdup("healthy"),
						     .generation = 41,
						     .since = 1000,
						     .containers = 1,
						     .running = 1};
	return s;
}

static void put(char **text, const char *value)
{
	free(*text);
	*text = xstrdup(value);
}

static void end(struct status *s)
{
	status_done(s);
	free(s);
}

static const struct config config = {.source = {.kind = SOURCE_HTTP, .poll_ms = 60000}};

static char *line_of(struct status *s)
{
	auto_str struct str out = STR_INIT;
	const struct look k = {.now = clock_wall()};

	status_sum_up(s, &config);
	show_status_line(&out, s, &k);
	return str_take(&out);
}

static void expect(struct status *s, enum status_code code, const char *line)
{
	auto_free char *text = line_of(s);

	if (s->code != code || strncmp(text, line, strlen(line)) != 0)
		fail_msg("%d, %s instead of %d, %s", s->code, text, code, line);
	if (strchr(text, '\n') != text + strlen(text) - 1)
		fail_msg("not one line: %s", text);
	end(s);
}

static void test_ok(void **state)
{
	(void)state;
	expect(scene(12), STATUS_OK, "OK - generation 41, 12 projects, source seen 40");
}

static void test_starting_is_well(void **state)
{
	struct status *s = scene(2);

	(void)state;
	put(&s->v[0].state, "starting");
	expect(s, STATUS_OK, "OK - generation 41, 2 projects");
}

static void test_codes(void **state)
{
	struct status *s = scene(3);

	(void)state;
	s->v[1].held = xstrdup("this content failed here: unhealthy\nlog");
	expect(s, STATUS_WARNING,
	       "WARNING - p001 is held; generation 41, 2 of 3 projects well, source seen 40");
	s = scene(3);
	s->v[1].held = xstrdup("failed");
	put(&s->v[2].state, "degraded");
	expect(s, STATUS_CRITICAL, "CRITICAL - p002 is degraded; ");
	s = scene(3);
	put(&s->v[0].state, "stopped");
	put(&s->v[1].state, "partly");
	expect(s, STATUS_CRITICAL, "CRITICAL - p000, p001 are not running as deployed; ");
	s = scene(3);
	put(&s->v[0].state, "missing");
	s->v[0].generation = 0;
	expect(s, STATUS_WARNING, "WARNING - p000 is held; ");
	s = scene(1);
	s->engine_answers = false;
	put(&s->v[0].state, "unknown");
	expect(s, STATUS_CRITICAL, "CRITICAL - the engine does not answer: ");
	s = scene(1);
	s->control.mode = CONTROL_SUSPENDED;
	expect(s, STATUS_WARNING, "WARNING - nothing is applied: suspended; ");
	s = scene(1);
	s->recovery_open = true;
	expect(s, STATUS_WARNING, "WARNING - a sync was cut off");
	s = scene(1);
	s->source_error = xstrdup("not reachable\nat all");
	expect(s, STATUS_WARNING, "WARNING - the source: not reachable");
}

static void test_source_not_seen_for_long(void **state)
{
	struct status *s = scene(1);

	(void)state;
	s->source_seen = clock_wall() - 3 * 3600;
	expect(s, STATUS_WARNING, "WARNING - the source was not seen for 3 h");
	s = scene(1);
	s->source_seen = clock_wall() - 3 * 3600;
	s->daemon = false; /* a timer unit: nobody noted when it answered */
	expect(s, STATUS_OK, "OK - ");
}

static void test_no_sync_yet(void **state)
{
	struct status *s = scene(0);

	(void)state;
	s->synced = false;
	s->generation = 0;
	s->source_seen = 0;
	expect(s, STATUS_UNKNOWN, "UNKNOWN - no sync yet");
}

static void test_many_projects(void **state)
{
	struct status *s = scene(100);
	auto_str struct str out = STR_INIT, all = STR_INIT;
	const struct look k = {.now = clock_wall()};

	(void)state;
	s->v[7].held = xstrdup("this content failed here: service web: unhealthy; last lines of "
			       "web: one\ntwo\nthree");
	status_sum_up(s, &config);
	show_status(&out, s, &k, false);
	const char *text = str_text(&out);

	assert_non_null(strstr(text, "\np007"));
	assert_null(strstr(text, "\np008"));
	assert_non_null(strstr(text, "and 99 other projects well"));
	assert_non_null(strstr(text, "--all"));
	assert_non_null(strstr(text, "p007 held\n"));
	assert_non_null(strstr(text, "    three\n"));
	assert_non_null(strstr(text, "mdc-agent retry p007"));
	show_status(&all, s, &k, true);
	assert_non_null(strstr(str_text(&all), "\np099"));
	end(s);
}

static void test_hostile_text(void **state)
{
	struct status *s = scene(1);
	auto_str struct str out = STR_INIT;
	const struct look k = {.now = clock_wall()};

	(void)state;
	s->v[0].held = xstrdup("a\x1b[2J\nb\x1b]0;x\a");
	s->v[0].commit.subject = xstrdup("\x1b[31msubject\nsecond");
	put(&s->source_url, "https://x/\x1b[1m");
	status_sum_up(s, &config);
	show_status(&out, s, &k, true);
	assert_null(strchr(str_text(&out), '\x1b'));
	auto_free char *line = line_of(s);

	assert_null(strchr(line, '\x1b'));
	end(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ok),
		cmocka_unit_test(test_starting_is_well),
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_source_not_seen_for_long),
		cmocka_unit_test(test_no_sync_yet),
		cmocka_unit_test(test_many_projects),
		cmocka_unit_test(test_hostile_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
