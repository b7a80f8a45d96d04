/*
 * store - every other record, each with a header that is right: a part of the input for each.
 * Depends on: fuzz, store.
 */
#include "tests/fuzz/fuzz.h"

#include "agent/store/layout.h"
#include "common/mem.h"

#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SNAP   "web-7-20260101T000000Z"

static const char *const names[] = {
	"source.json",
	"control.json",
	"projects/web/active.json",
	"projects/web/intent.json",
	"projects/web/degraded.json",
	"drift.json",
	"marks/web." DIGEST ".json",
	"snapshots/" SNAP ".json",
	"repeats.json",
	"sync.json",
};

static void read_projects(const struct store *s)
{
	struct err e = ERR_INIT;
	auto_active struct active a;
	auto_json cJSON *intent = NULL;
	auto_json cJSON *sync = NULL;
	auto_free char *why = NULL;
	auto_mark struct mark m = {0};
	struct mark *marks = NULL;
	int64_t since = 0;
	size_t n = 0;
	bool found = false;

	active_init(&a);
	(void)active_read(s, "web", &a, &found, &e);
	(void)intent_read(s, "web", &intent, &e);
	(void)sync_intent_read(s, &sync, &e);
	(void)degraded_read(s, "web", &why, &since, &e);
	(void)mark_read(s, "web", DIGEST, &m, &found, &e);
	if (marks_of(s, NULL, &marks, &n, &e) == 0)
		marks_done(marks, n);
}

static void count(const struct repeat_key *k, void *arg)
{
	(void)k;
	++*(int *)arg;
}

static void read_rest(const struct store *s)
{
	struct err e = ERR_INIT;
	auto_source struct source_record source = {.failures = 0};
	auto_control struct control control = {.mode = CONTROL_AUTO};
	auto_json cJSON *drift = NULL;
	struct snapshot *v = NULL;
	struct repeat_state state;
	const struct repeat_key key = {.event = EVENT_PROJECT_FAILED, .project = "web"};
	size_t n = 0;
	int repeats = 0;

	(void)source_read(s, &source, &e);
	(void)control_read(s, &control, &e);
	(void)drift_read(s, &drift, &e);
	if (snapshot_list(s, NULL, &v, &n, &e) == 0)
		snapshots_done(v, n);
	(void)repeat_each(s, count, &repeats, &e);
	(void)repeat_failed(s, &key, "it failed with 3", &state, &e);
	(void)repeat_over(s, &key, &state, &e);
}

void fuzz_one(const char *text, size_t len)
{
	struct store s = {.root = (char *)(uintptr_t)fuzz_dir()};
	struct fuzz_parts p;

	fuzz_cut(text, len, &p);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		(void)unlink(fuzz_path(names[i]));
		if (i < p.n && p.len[i] > 0)
			fuzz_record(names[i], p.v[i], p.len[i]);
	}
	read_projects(&s);
	read_rest(&s);
	fuzz_parts_done(&p);
}
