/*
 * event_json: the one JSON form of an event: complete, harmless, bounded, and always JSON.
 */
#include "agent/model/event.h"
#include "common/json.h"
#include "common/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct event_stamp stamp = {
	.seq = 1763521965123, .time_ms = 1763521965123, .id = "0123456789abcdef0123456789abcdef"};

static void every_member(void **state)
{
	(void)state;
	auto_json cJSON *details = cJSON_Parse("{\"changes\": [\"image web: a:1 -> a:2\"],"
					       " \"steps\": [{\"step\": \"pull\", \"ms\": 812}],"
					       " \"other\": [\"is not shown\"]}");
	const struct event_fields f = {.project = "web",
				       .commit = "abc",
				       .previous = "def",
				       .reason = "line one\nline two",
				       .subject = "bump",
				       .author = "Ann <ann@example.org>",
				       .receiver = "ops",
				       .volume = "web_data",
				       .snapshot = "41-web",
				       .path = "/var",
				       .host = "server1",
				       .generation = 42,
				       .duration_ms = 1500,
				       .bytes = 1 << 20,
				       .details = details};
	auto_json cJSON *j = event_to_json(EVENT_PROJECT_FAILED, &f, "web: failed", &stamp);
	auto_free char *text = json_text(j);

	assert_string_equal(
		text,
		"{\"id\":\"0123456789abcdef0123456789abcdef\",\"seq\":1763521965123,"
		"\"time\":1763521965,\"time_ms\":1763521965123,\"event\":\"project.failed\","
		"\"severity\":\"error\",\"message\":\"web: failed\",\"host\":\"server1\","
		"\"project\":\"web\",\"generation\":42,\"commit\":\"abc\",\"subject\":\"bump\","
		"\"author\":\"Ann <ann@example.org>\",\"previous\":\"def\","
		"\"reason\":\"line one\\nline two\",\"duration_ms\":1500,\"receiver\":\"ops\","
		"\"volume\":\"web_data\",\"snapshot\":\"41-web\",\"path\":\"/var\","
		"\"bytes\":1048576,\"details\":{\"changes\":[\"image web: a:1 -> a:2\"],"
		"\"steps\":[{\"step\":\"pull\",\"ms\":812}]}}");
}

static void nothing_but_what_applies(void **state)
{
	(void)state;
	auto_json cJSON *j = event_to_json(EVENT_AGENT_STARTED, NULL, NULL, &stamp);

	assert_int_equal(cJSON_GetArraySize(j), 7);
	assert_string_equal(json_str(j, "message", ""), event_kind(EVENT_AGENT_STARTED)->meaning);
}

static void hostile_text_is_shown(void **state)
{
	(void)state;
	const struct event_fields f = {.project = "web",
				       .subject = "<0>a\nb\x1b[31m\xe2\x80\xae\xff\xc0\xaf",
				       .reason = "<0>one\n<0>two\r\x1b]0;x\x07\xed\xa0\x80"};
	auto_json cJSON *j = event_to_json(EVENT_PROJECT_FAILED, &f, "m\n<0>\xff", &stamp);
	auto_free char *text = json_text(j);

	assert_string_equal(json_str(j, "subject", ""),
			    "<0>a\\nb\\x1B[31m\\xE2\\x80\\xAE\\xFF\\xC0\\xAF");
	assert_string_equal(json_str(j, "message", ""), "m\\n<0>\\xFF");
	assert_string_equal(json_str(j, "reason", ""),
			    "<0>one\n<0>two\\x0D\\x1B]0;x\\x07\\xED\\xA0\\x80");
	for (const char *p = text; *p != '\0'; p++)
		assert_true(*p >= 0x20 && *p < 0x7f);
}

static char *long_text(size_t n, char c)
{
	char *s = xmalloc(n + 1);

	memset(s, c, n);
	s[n] = '\0';
	return s;
}

/* Whatever the parts are, the line has its limit and parses. */
static void bounded(void **state)
{
	(void)state;
	static const char fillers[] = {'x', '"', '\\', '\n', '\x1b', '\xff'};

	for (size_t i = 0; i < sizeof(fillers); i++) {
		auto_free char *big = long_text(1 << 20, fillers[i]);
		auto_free char *line = long_text(5000, fillers[i]);
		auto_json cJSON *details = cJSON_CreateObject();
		const char *const lists[] = {"changes", "steps",  "evidence",
					     "notes",   "counts", "log"};

		for (size_t l = 0; l < COUNT_OF(lists); l++) {
			cJSON *a = cJSON_AddArrayToObject(details, lists[l]);

			for (int n = 0; n < 500; n++)
				cJSON_AddItemToArray(a, cJSON_CreateString(line));
		}
		const struct event_fields f = {.project = big,
					       .commit = big,
					       .previous = big,
					       .reason = big,
					       .subject = big,
					       .author = big,
					       .receiver = big,
					       .volume = big,
					       .snapshot = big,
					       .path = big,
					       .host = big,
					       .details = details};
		auto_json cJSON *j = event_to_json(EVENT_PROJECT_FAILED, &f, big, &stamp);
		auto_free char *text = json_text(j);
		auto_json cJSON *again = NULL;
		struct err e = ERR_INIT;

		assert_true(strlen(text) < EVENT_LINE_MAX_BYTES);
		assert_null(strchr(text, '\n'));
		assert_int_equal(json_parse(text, strlen(text), &again, &e), 0);
	}
}

/* Of log lines the last ones stay, of changes the first; how many are missing is said. */
static void lists_are_cut_where_it_matters_least(void **state)
{
	(void)state;
	auto_json cJSON *details = cJSON_CreateObject();
	cJSON *log = cJSON_AddArrayToObject(details, "log");
	cJSON *changes = cJSON_AddArrayToObject(details, "changes");

	for (int i = 0; i < 1000; i++) {
		auto_free char *line = xasprintf("line %03d %0100d", i, 0);
		cJSON_AddItemToArray(log, cJSON_CreateString(line));
		cJSON_AddItemToArray(changes, cJSON_CreateString(line));
	}
	const struct event_fields f = {.details = details};
	auto_json cJSON *j = event_to_json(EVENT_PROJECT_FAILED, &f, NULL, &stamp);
	const cJSON *got = json_arr(json_obj(j, "details"), "log");
	int n = cJSON_GetArraySize(got);

	assert_true(n > 50 && n < 200);
	auto_free char *more = xasprintf("%d more", 1000 - (n - 1));
	assert_string_equal(cJSON_GetArrayItem(got, 0)->valuestring, more);
	assert_true(strncmp(cJSON_GetArrayItem(got, n - 1)->valuestring, "line 999", 8) == 0);
	got = json_arr(json_obj(j, "details"), "changes");
	n = cJSON_GetArraySize(got);
	assert_true(strncmp(cJSON_GetArrayItem(got, 0)->valuestring, "line 000", 8) == 0);
	assert_non_null(strstr(cJSON_GetArrayItem(got, n - 1)->valuestring, " more"));
}

/* Every field of the table is in some event, and every event's fields are in the table. */
static void fields_and_events_agree(void **state)
{
	(void)state;
	size_t n = 0;
	const struct event_field *rows = event_field_rows(&n);
	unsigned int known = EVENT_HAS_DETAILS, used = 0;

	for (size_t i = 0; i < n; i++) {
		known |= rows[i].has;
		assert_true(strncmp(rows[i].journal, "MDC_", 4) == 0);
		for (size_t k = 0; k < i; k++) {
			assert_string_not_equal(rows[i].name, rows[k].name);
			assert_string_not_equal(rows[i].journal, rows[k].journal);
		}
	}
	for (int i = 0; i < EVENT_COUNT; i++)
		used |= event_kind((enum event)i)->fields;
	assert_int_equal(known, used);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_member),
		cmocka_unit_test(nothing_but_what_applies),
		cmocka_unit_test(hostile_text_is_shown),
		cmocka_unit_test(bounded),
		cmocka_unit_test(lists_are_cut_where_it_matters_least),
		cmocka_unit_test(fields_and_events_agree),
	};

	return cmocka_run_group_tests_name("event_json", tests, NULL, NULL);
}
