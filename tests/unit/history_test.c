/*
 * history: appended, rotated, read from the end, whatever a power cut left.
 */
#include "tests/unit/store_setup.h"

#include "common/json.h"

#include <sys/wait.h>

struct seen {
	size_t n;
	int64_t first, last; /* generations */
};

static void see(const cJSON *entry, void *arg)
{
	struct seen *s = arg;

	if (s->n++ == 0)
		s->first = json_int(entry, "generation", 0);
	s->last = json_int(entry, "generation", 0);
}

static void add(struct scene *t, int64_t generation, const char *reason)
{
	const struct event_fields f = {
		.project = "web", .generation = generation, .reason = reason};

	assert_ok(history_add(t->store, EVENT_PROJECT_DEPLOYED, &f, NULL, e));
}

static struct seen look(struct scene *t, size_t limit)
{
	struct seen s = {.n = 0};

	assert_ok(history_each(t->store, limit, see, &s, e));
	return s;
}

static void the_last_ones_oldest_first(void **state)
{
	struct scene *t = *state;

	assert_int_equal(look(t, 10).n, 0);
	for (int i = 1; i <= 20; i++)
		add(t, i, "line one\nline two");
	struct seen s = look(t, 5);
	assert_int_equal(s.n, 5);
	assert_int_equal(s.first, 16);
	assert_int_equal(s.last, 20);
	assert_int_equal(look(t, 0).n, 0);
	assert_int_equal(look(t, 1000).n, 20);
	assert_int_equal(look(t, 1000).first, 1);
}

static void entry(const cJSON *j, void *arg)
{
	(void)arg;
	assert_string_equal(json_str(j, "event", ""), event_kind(EVENT_PROJECT_FAILED)->name);
	assert_string_equal(json_str(j, "project", ""), "db");
	assert_string_equal(json_str(j, "commit", ""), "abc");
	assert_string_equal(json_str(j, "previous", ""), "def");
	assert_int_equal(json_int(j, "duration_ms", 0), 1500);
	assert_true(json_int(j, "time", 0) > 0);
	assert_null(cJSON_GetObjectItem(j, "generation"));
	assert_null(cJSON_GetObjectItem(j, "reason"));
}

static void fields(void **state)
{
	struct scene *t = *state;
	const struct event_fields f = {
		.project = "db", .commit = "abc", .previous = "def", .duration_ms = 1500};

	assert_ok(history_add(t->store, EVENT_PROJECT_FAILED, &f, NULL, e));
	assert_ok(history_each(t->store, 1, entry, NULL, e));
}

static void half_lines_are_skipped(void **state)
{
	struct scene *t = *state;
	char *text = NULL;
	size_t len = 0;

	add(t, 1, "a");
	add(t, 2, "b");
	assert_ok(file_read(at(t, "history.jsonl"), 4096, &text, &len, e));
	tear(at(t, "history.jsonl"), len - 9);
	free(text);
	add(t, 3, "c");
	put(at(t, "history.jsonl.1"), "[1,2]\n\nnot json\n{\"generation\":7}\n");
	struct seen s = look(t, 100);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.first, 7);
	assert_int_equal(s.last, 3);
}

static void rotation_keeps_one(void **state)
{
	struct scene *t = *state;
	size_t big = 8 * 1024 * 1024;
	char *line = xmalloc(big + 1);

	memset(line, 'x', big);
	line[big] = '\0';
	put(at(t, "history.jsonl"), line);
	free(line);
	add(t, 1, "after");
	assert_true(file_exists(at(t, "history.jsonl.1")));
	struct seen s = look(t, 10);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.first, 1);
	assert_false(file_exists(at(t, "history.jsonl.2")));
}

/* The limit counts across the rotated file. */
static void across_the_rotation(void **state)
{
	struct scene *t = *state;

	for (int i = 1; i <= 3; i++)
		add(t, i, "old");
	assert_int_equal(rename(at(t, "history.jsonl"), at(t, "history.jsonl.1")), 0);
	for (int i = 4; i <= 5; i++)
		add(t, i, "new");
	struct seen s = look(t, 4);
	assert_int_equal(s.n, 4);
	assert_int_equal(s.first, 2);
	assert_int_equal(s.last, 5);
}

/* ---- seq, and reading from a cursor ---- */
struct got {
	size_t n, stop_after;
	int64_t first, last; /* generations */
	int64_t seq;
};

static int take(const cJSON *entry, void *arg)
{
	struct got *g = arg;
	int64_t seq = json_int(entry, "seq", 0);

	assert_true(seq > g->seq);
	assert_int_equal(strlen(json_str(entry, "id", "")), 32);
	g->seq = seq;
	if (g->n++ == 0)
		g->first = json_int(entry, "generation", 0);
	g->last = json_int(entry, "generation", 0);
	return g->n == g->stop_after;
}

static struct got from(struct scene *t, int64_t after, size_t max)
{
	struct got g = {.n = 0};

	assert_ok(history_from(t->store, after, max, take, &g, e));
	return g;
}

static int64_t last_seq(struct scene *t)
{
	int64_t seq = -1;

	assert_ok(history_last_seq(t->store, &seq, e));
	return seq;
}

static void from_a_cursor(void **state)
{
	struct scene *t = *state;

	assert_int_equal(last_seq(t), 0);
	assert_int_equal(from(t, 0, 100).n, 0);
	for (int i = 1; i <= 50; i++)
		add(t, i, "x");
	struct got all = from(t, 0, 100);
	assert_int_equal(all.n, 50);
	assert_int_equal(all.first, 1);
	assert_int_equal(all.last, 50);
	assert_int_equal(all.seq, last_seq(t));
	assert_int_equal(from(t, all.seq, 100).n, 0);
	assert_int_equal(from(t, all.seq - 1, 100).first, 50);
	struct got some = from(t, 0, 7);
	assert_int_equal(some.n, 7);
	assert_int_equal(from(t, some.seq, 100).first, 8);
	struct got stopped = {.stop_after = 3};
	assert_ok(history_from(t->store, 0, 100, take, &stopped, e));
	assert_int_equal(stopped.n, 3);
}

/* Nothing is lost and nothing is twice, wherever the cursor stands in two files of many lines. */
static void a_long_way_back(void **state)
{
	struct scene *t = *state;
	auto_free char *reason = xmalloc(4001);
	int64_t seqs[401] = {0};

	memset(reason, 'r', 4000);
	reason[4000] = '\0';
	for (int i = 1; i <= 400; i++) {
		add(t, i, reason);
		seqs[i] = last_seq(t);
		if (i == 250)
			assert_int_equal(rename(at(t, "history.jsonl"), at(t, "history.jsonl.1")),
					 0);
	}
	for (int i = 0; i < 400; i += 13) {
		struct got g = from(t, seqs[i], 1000);

		assert_int_equal(g.n, (size_t)(400 - i));
		assert_int_equal(g.first, i + 1);
		assert_int_equal(g.last, 400);
	}
	assert_int_equal(from(t, seqs[250], 1).first, 251);
	assert_int_equal(from(t, seqs[249], 2).last, 251);
}

static void seq_survives(void **state)
{
	struct scene *t = *state;
	char *text = NULL;
	size_t len = 0;

	/* As an older version wrote it. */
	put(at(t, "history.jsonl"), "{\"time\":1,\"event\":\"project.failed\"}\n");
	assert_int_equal(last_seq(t), 0);
	add(t, 1, "a");
	int64_t first = last_seq(t);
	assert_true(first > 1700000000000);
	/* A torn last line. */
	add(t, 2, "b");
	assert_ok(file_read(at(t, "history.jsonl"), 4096, &text, &len, e));
	free(text);
	tear(at(t, "history.jsonl"), len - 9);
	assert_int_equal(last_seq(t), first);
	add(t, 3, "c");
	assert_true(last_seq(t) > first);
	assert_int_equal(from(t, 0, 10).n, 2);
	/* A clock that was ahead. */
	put(at(t, "history.jsonl"), "{\"seq\":9000000000000,\"id\":\"\"}\n");
	add(t, 4, "d");
	assert_int_equal(last_seq(t), 9000000000001);
	/* Only the rotated file is left. */
	assert_int_equal(rename(at(t, "history.jsonl"), at(t, "history.jsonl.1")), 0);
	add(t, 5, "e");
	assert_int_equal(last_seq(t), 9000000000002);
}

static void garbage_is_no_end(void **state)
{
	struct scene *t = *state;
	size_t big = 1024UL * 1024;
	char *line = xmalloc(big + 2);

	memset(line, 'x', big);
	line[big] = '\n';
	line[big + 1] = '\0';
	add(t, 1, "a");
	int64_t before = last_seq(t);
	assert_ok(file_append_line(at(t, "history.jsonl"), line, e));
	free(line);
	add(t, 2, "b");
	assert_int_equal(from(t, 0, 10).n, 2);
	assert_int_equal(from(t, before, 10).first, 2);
}

/* The daemon and a sync write at once. */
static void two_writers(void **state)
{
	struct scene *t = *state;
	enum { EACH = 60, WRITERS = 4 };
	int status = 0;

	for (int w = 0; w < WRITERS; w++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid > 0)
			continue;
		struct err e = ERR_INIT;
		int bad = 0;

		for (int i = 0; i < EACH; i++)
			bad |= history_add(t->store, EVENT_SYNC_STARTED, NULL, NULL, &e);
		_exit(bad != 0);
	}
	for (int w = 0; w < WRITERS; w++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(from(t, 0, 1000).n, EACH * WRITERS); /* take() wants them to grow */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(the_last_ones_oldest_first),
		SCENE_TEST(fields),
		SCENE_TEST(half_lines_are_skipped),
		SCENE_TEST(rotation_keeps_one),
		SCENE_TEST(across_the_rotation),
		SCENE_TEST(from_a_cursor),
		SCENE_TEST(a_long_way_back),
		SCENE_TEST(seq_survives),
		SCENE_TEST(garbage_is_no_end),
		SCENE_TEST(two_writers),
	};

	return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
