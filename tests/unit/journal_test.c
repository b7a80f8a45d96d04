/*
 * journal: the fields of an entry, and that text from outside cannot add one.
 */
#include "agent/notify/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void all_fields(void **state)
{
	(void)state;
	auto_str struct str s = STR_INIT;
	const struct event_fields f = {.project = "web",
				       .commit = "abc",
				       .reason = "app exited",
				       .previous = "def",
				       .generation = 42,
				       .duration_ms = 1500,
				       .subject = "bump",
				       .author = "Ann",
				       .receiver = "ops",
				       .volume = "data",
				       .snapshot = "41-web",
				       .path = "/var",
				       .host = "server1",
				       .bytes = 7};

	journal_format(EVENT_PROJECT_DEPLOYED, &f, "web is up", &s);
	assert_true(str_starts(s.s, "MESSAGE=web is up\n"));
	assert_non_null(strstr(s.s, "\nMESSAGE_ID="));
	assert_non_null(strstr(s.s, "\nMDC_EVENT=project.deployed\n"));
	assert_non_null(strstr(s.s, "\nSYSLOG_IDENTIFIER=mdc-agent\n"));
	assert_non_null(strstr(s.s, "\nMDC_PROJECT=web\n"));
	assert_non_null(strstr(s.s, "\nMDC_GENERATION=42\n"));
	assert_non_null(strstr(s.s, "\nMDC_COMMIT=abc\n"));
	assert_non_null(strstr(s.s, "\nMDC_PREVIOUS=def\n"));
	assert_non_null(strstr(s.s, "\nMDC_REASON=app exited\n"));
	assert_non_null(strstr(s.s, "\nMDC_DURATION_MS=1500\n"));
	assert_non_null(strstr(s.s, "\nMDC_SUBJECT=bump\nMDC_AUTHOR=Ann\n"));
	assert_non_null(strstr(s.s, "\nMDC_RECEIVER=ops\nMDC_VOLUME=data\n"));
	assert_non_null(strstr(s.s, "\nMDC_SNAPSHOT=41-web\nMDC_PATH=/var\n"));
	assert_non_null(strstr(s.s, "\nMDC_HOST=server1\n"));
	assert_true(str_ends(s.s, "\nMDC_BYTES=7\n"));
}

static void missing_ones_are_left_out(void **state)
{
	(void)state;
	auto_str struct str s = STR_INIT;
	const struct event_fields f = {.reason = ""};

	journal_format(EVENT_AGENT_STARTED, &f, NULL, &s);
	assert_true(str_starts(s.s, "MESSAGE="));
	assert_null(strstr(s.s, "MDC_PROJECT"));
	assert_null(strstr(s.s, "MDC_GENERATION"));
	assert_null(strstr(s.s, "MDC_REASON"));
	str_reset(&s);
	journal_format(EVENT_AGENT_STARTED, NULL, "", &s);
	assert_non_null(strstr(s.s, "MDC_EVENT=agent.started\n"));
}

/* A commit subject or a log line must not be able to forge a field. */
static void nothing_can_be_injected(void **state)
{
	(void)state;
	auto_str struct str s = STR_INIT;
	const struct event_fields f = {.project = "web\nPRIORITY=0",
				       .reason = "a\x1b[31m\xe2\x80\xae\xff"};

	journal_format(EVENT_PROJECT_FAILED, &f, "x\nMESSAGE_ID=00000000000000000000000000000000",
		       &s);
	assert_null(strstr(s.s, "\nPRIORITY=0"));
	assert_null(strstr(s.s, "\nMESSAGE_ID=0000"));
	assert_null(strchr(s.s, '\x1b'));
	assert_null(strstr(s.s, "\xe2\x80\xae"));
	assert_null(strchr(s.s, '\xff'));
}

static void long_text_is_cut(void **state)
{
	(void)state;
	auto_str struct str s = STR_INIT;
	size_t len = 1 << 20;
	char *text = malloc(len);

	assert_non_null(text);
	memset(text, 'x', len - 1);
	text[len - 1] = '\0';
	const struct event_fields f = {.reason = text, .previous = text};
	journal_format(EVENT_PROJECT_FAILED, &f, text, &s);
	free(text);
	assert_true(s.len < 3 * 2048 + 512); /* one datagram */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_fields),
		cmocka_unit_test(missing_ones_are_left_out),
		cmocka_unit_test(nothing_can_be_injected),
		cmocka_unit_test(long_text_is_cut),
	};

	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
