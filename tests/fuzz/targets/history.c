/*
 * history - lines of history.jsonl as they are found after anything: read from the end and from a
 * cursor, shown, and one more added.
 * Depends on: fuzz, store, cli's words.
 */
#include "tests/fuzz/fuzz.h"

#include "agent/cli/show.h"
#include "agent/store/layout.h"
#include "common/str.h"

static int step(const cJSON *entry, void *arg)
{
	(void)entry;
	++*(int *)arg;
	return 0;
}

static void show(const cJSON *entry, void *arg)
{
	struct str *out = arg;
	const struct look plain = {0};

	show_event(out, entry, &plain);
	show_event_details(out, "  ", entry, &plain);
}

void fuzz_one(const char *text, size_t len)
{
	struct store s = {.root = (char *)(uintptr_t)fuzz_dir()};
	auto_str struct str out = STR_INIT;
	struct event_fields f = {.project = "web", .reason = "it failed"};
	struct err e = ERR_INIT;
	int64_t before = 0, after = 0;
	int n = 0;

	fuzz_file("history.jsonl", text, len);
	(void)history_each(&s, 50, show, &out, &e);
	(void)history_from(&s, 0, 50, step, &n, &e);
	(void)history_last_seq(&s, &before, &e);
	if (history_add(&s, EVENT_PROJECT_FAILED, &f, "it failed", &e) < 0)
		return;
	FUZZ_CHECK(history_last_seq(&s, &after, &e) == 0);
	FUZZ_CHECK(after > before);
}
