/*
 * history: appended, rotated, read from the end, whatever a power cut left.
 */
#include "tests/unit/store_setup.h"

#include "common/json.h"

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

	assert_ok(history_add(t->store, EVENT_PROJECT_DEPLOYED, &f, e));
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

	assert_ok(history_add(t->store, EVENT_PROJECT_FAILED, &f, e));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(the_last_ones_oldest_first), SCENE_TEST(fields),
		SCENE_TEST(half_lines_are_skipped),     SCENE_TEST(rotation_keeps_one),
		SCENE_TEST(across_the_rotation),
	};

	return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
