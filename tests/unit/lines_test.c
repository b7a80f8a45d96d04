/*
 * lines: what poll programs, visitors of the control socket and engines say.
 */
#include "agent/daemon/lines.h"

#include "common/auto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SHA1   "0123456789abcdef0123456789abcdef01234567"
#define SHA256 SHA1 "0123456789abcdef01234567"

static const struct {
	const char *line, *id; /* id NULL: an error ... */
	enum err_kind kind;
	const char *cause; /* ... that contains this */
} answers[] = {
	{"ok " SHA1, SHA1, ERR_NONE, NULL},
	{"ok " SHA256, SHA256, ERR_NONE, NULL},
	{"ok -", "-", ERR_NONE, NULL},
	{"ok ", NULL, ERR_BROKEN, "no valid id"},
	{"ok " SHA1 "0", NULL, ERR_BROKEN, "no valid id"},
	{"ok ../../../etc/passwd", NULL, ERR_BROKEN, "no valid id"},
	{"ok 0123456789ABCDEF0123456789abcdef01234567", NULL, ERR_BROKEN, "no valid id"},
	{"error retry host unreachable", NULL, ERR_RETRY, "host unreachable"},
	{"error usage 401: check token_file", NULL, ERR_USAGE, "401: check"},
	{"error retry", NULL, ERR_RETRY, "does not answer"},
	{"error retry a\x1b[0mb", NULL, ERR_RETRY, "\\x1B"},
	{"error nonsense x", NULL, ERR_BROKEN, "x"},
	{"", NULL, ERR_BROKEN, "not understood"},
	{"okay", NULL, ERR_BROKEN, "not understood"},
};

static void answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		char id[OBJECT_ID_SIZE] = "untouched";
		struct err e = ERR_INIT;
		int r = lines_answer(answers[i].line, id, &e);

		assert_int_equal(r, answers[i].id ? 0 : -1);
		assert_int_equal(e.kind, answers[i].kind);
		assert_string_equal(id, answers[i].id ? answers[i].id : "untouched");
		if (answers[i].cause && !strstr(e.cause, answers[i].cause))
			fail_msg("\"%s\" is not in \"%s\"", answers[i].cause, e.cause);
	}
}

static const struct {
	const char *line;
	enum request want;
} requests[] = {
	{"poke", REQUEST_POKE},    {"poke\r", REQUEST_POKE},      {"status", REQUEST_STATUS},
	{"", REQUEST_UNKNOWN},     {"pok", REQUEST_UNKNOWN},      {"poke ", REQUEST_UNKNOWN},
	{"POKE", REQUEST_UNKNOWN}, {"pokes", REQUEST_UNKNOWN},    {"status x", REQUEST_UNKNOWN},
	{"\r", REQUEST_UNKNOWN},   {"rollback", REQUEST_UNKNOWN},
};

static void request(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(requests); i++)
		assert_int_equal(lines_request(requests[i].line), requests[i].want);
}

#define EVENT(action, labels)                                                                      \
	"{\"status\":\"" action "\",\"id\":\"ab\",\"Type\":\"container\",\"Action\":\"" action     \
	"\",\"Actor\":{\"ID\":\"ab\",\"Attributes\":{" labels "}},\"scope\":\"local\",\"time\":1}"
#define OURS "\"mdc.managed\":\"1\",\"com.docker.compose.project\":\"web\""

static const struct {
	const char *line, *project; /* NULL: none of ours */
} events[] = {
	{EVENT("die", OURS), "web"},
	{EVENT("died", OURS), "web"},
	{EVENT("start", OURS ",\"exitCode\":\"137\""), "web"},
	{EVENT("destroy", OURS), "web"},
	{EVENT("oom", OURS ",\"com.docker.compose.oneoff\":\"False\""), "web"},
	{EVENT("exec_start: curl", OURS), NULL},
	{EVENT("health_status: healthy", OURS), NULL},
	{EVENT("die", OURS ",\"com.docker.compose.oneoff\":\"True\""), NULL},
	{EVENT("die", "\"mdc.managed\":\"0\",\"com.docker.compose.project\":\"web\""), NULL},
	{EVENT("die", "\"com.docker.compose.project\":\"web\""), NULL},
	{EVENT("die", "\"mdc.managed\":\"1\""), NULL},
	{EVENT("die", "\"mdc.managed\":\"1\",\"com.docker.compose.project\":\"../x\""), NULL},
	{"{\"status\":\"die\",\"mdc.managed\":\"1\"}", NULL},
	{"{\"Actor\":[\"mdc.managed\"]}", NULL},
	{"mdc.managed", NULL},
	{"1f4", NULL},
	{"", NULL},
};

static void event(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(events); i++) {
		char project[LINES_PROJECT_SIZE] = "";
		bool got = lines_event(events[i].line, strlen(events[i].line), project);

		if (got != (events[i].project != NULL))
			fail_msg("line %zu: %s", i, events[i].line);
		if (got)
			assert_string_equal(project, events[i].project);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answer),
		cmocka_unit_test(request),
		cmocka_unit_test(event),
	};

	return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
