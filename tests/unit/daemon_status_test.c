/*
 * status: the daemon's line for systemd, and the one on the control socket.
 */
#include "agent/daemon/status.h"

#include "common/auto.h"
#include "common/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	struct status_view v;
	const char *text, *state; /* text: how it begins */
} rows[] = {
	{{.has_source = true}, "idle; no generation yet", "idle"},
	{{.has_source = true, .generation = 12, .seen = 1700000000},
	 "idle; generation 12; source seen 20",
	 "idle"},
	{{.generation = 12, .seen = 1700000000}, "idle; generation 12", "idle"},
	{{.doing = "sync", .generation = 12}, "syncing; generation 12", "syncing"},
	{{.doing = "drift check", .generation = 3}, "drift check; generation 3", "syncing"},
	{{.degraded = true, .generation = 3, .failures = 2},
	 "degraded: a person must look",
	 "degraded"},
	{{.failures = 2, .error = "no route\nto host", .generation = 4},
	 "source not reachable; generation 4; no route\\nto host",
	 "unreachable"},
	{{.stopping = true, .doing = "sync"}, "stopping: the sync", "stopping"},
	{{.stopping = true}, "stopping;", "stopping"},
};

static void text(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		auto_free char *got = status_text(&rows[i].v);

		if (strncmp(got, rows[i].text, strlen(rows[i].text)) != 0)
			fail_msg("\"%s\" does not begin with \"%s\"", got, rows[i].text);
		assert_null(
			strchr(got, '\n')); /* else it would be a second assignment to systemd */
	}
}

static void json(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		auto_free char *got = status_json(&rows[i].v);
		auto_json cJSON *j = NULL;
		struct err e = ERR_INIT;

		assert_null(strchr(got, '\n'));
		assert_int_equal(json_parse(got, strlen(got), &j, &e), 0);
		assert_string_equal(json_str(j, "state", ""), rows[i].state);
		assert_int_equal(json_bool(j, "syncing", false), rows[i].v.doing != NULL);
		assert_int_equal(json_int(j, "generation", -1), rows[i].v.generation);
	}
}

static void next_poll(void **state)
{
	(void)state;
	const struct status_view never = {.next_poll_ms = -1}, soon = {.next_poll_ms = 41100};
	auto_free char *a = status_json(&never);
	auto_free char *b = status_json(&soon);

	assert_null(strstr(a, "next_poll_s"));
	assert_non_null(strstr(b, "\"next_poll_s\":42"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text),
		cmocka_unit_test(json),
		cmocka_unit_test(next_poll),
	};

	return cmocka_run_group_tests_name("daemon_status", tests, NULL, NULL);
}
