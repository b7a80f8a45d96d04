/*
 * repeats: the same failure is told once, then hourly, then daily; its end once. Time is moved by
 * rewriting what the record says.
 */
#include "tests/unit/store_setup.h"

#include "common/clock.h"
#include "common/json.h"

static const struct repeat_key source = {.event = EVENT_SOURCE_UNREACHABLE};

static struct repeat_state fails(struct scene *t, const struct repeat_key *k, const char *why)
{
	struct repeat_state st = {.tell = false};

	assert_ok(repeat_failed(t->store, k, why, &st, e));
	return st;
}

static struct repeat_state over(struct scene *t, const struct repeat_key *k)
{
	struct repeat_state st = {.tell = true};

	assert_ok(repeat_over(t->store, k, &st, e));
	return st;
}

static void age(cJSON *j, int64_t by)
{
	cJSON *c;

	cJSON_ArrayForEach (c, j) {
		if (cJSON_IsNumber(c) && (str_eq(c->string, "at") || str_eq(c->string, "since")))
			cJSON_SetNumberValue(c, c->valuedouble - (double)by);
		age(c, by);
	}
}

static void let_time_pass(struct scene *t, int64_t seconds)
{
	char *text = NULL;
	size_t len = 0;

	assert_ok(file_read(at(t, "repeats.json"), 1 << 20, &text, &len, e));
	auto_json cJSON *j = cJSON_Parse(text);
	free(text);
	assert_non_null(j);
	age(j, seconds);
	auto_free char *out = json_text(j);
	put(at(t, "repeats.json"), out);
}

static void once_then_hourly_then_daily(void **state)
{
	struct scene *t = *state;
	int told = 0;

	for (int i = 0; i < 200; i++)
		told += fails(t, &source, "refused").tell;
	assert_int_equal(told, 1);
	for (int hour = 1; hour <= 3; hour++) {
		let_time_pass(t, 3601);
		assert_true(fails(t, &source, "refused").tell);
		assert_false(fails(t, &source, "refused").tell);
	}
	let_time_pass(t, 3601);
	assert_false(fails(t, &source, "refused").tell);
	let_time_pass(t, 86401);
	assert_true(fails(t, &source, "refused").tell);
	let_time_pass(t, 3601);
	assert_false(fails(t, &source, "refused").tell);
	struct repeat_state st = over(t, &source);
	assert_true(st.tell);
	assert_int_equal(st.times, 200 + 6 + 1 + 1 + 1);
	assert_true(clock_wall() - st.since >= 86400);
	assert_false(over(t, &source).tell);
}

static void numbers_and_ids_are_the_same_reason(void **state)
{
	struct scene *t = *state;

	assert_true(fails(t, &source, "10.0.0.1:5000: refused after 12 s (0123456789abcdef)").tell);
	assert_false(fails(t, &source, "10.0.0.2:5001: refused after 9 s (fedcba9876543210)").tell);
	assert_true(fails(t, &source, "web1 says no").tell);
	assert_true(fails(t, &source, "web2 says no").tell);
	/* More than that in an hour nobody reads, whatever it says. */
	for (int i = 0; i < 26; i++) {
		char why[] = "a: other";

		why[0] = (char)('a' + i);
		assert_false(fails(t, &source, why).tell);
	}
}

static void keys_are_apart(void **state)
{
	struct scene *t = *state;
	const struct repeat_key web = {.event = EVENT_PROJECT_HELD, .project = "web"};
	const struct repeat_key db = {.event = EVENT_PROJECT_HELD, .project = "db"};
	const struct repeat_key disk = {.event = EVENT_DISK_SHORT, .subject = "web"};

	assert_true(fails(t, &web, "x").tell);
	assert_true(fails(t, &db, "x").tell);
	assert_true(fails(t, &disk, "x").tell);
	assert_false(fails(t, &web, "x").tell);
	assert_true(over(t, &db).tell);
	assert_false(fails(t, &web, "x").tell);
	assert_false(over(t, &source).tell);
}

/* What flaps is told no more often than what fails all the time. */
static void flapping(void **state)
{
	struct scene *t = *state;
	int told = 0, ended = 0;

	for (int i = 0; i < 50; i++) {
		told += fails(t, &source, "refused").tell;
		ended += over(t, &source).tell;
	}
	assert_int_equal(told, 1);
	assert_int_equal(ended, 1);
	let_time_pass(t, 7200);
	assert_true(fails(t, &source, "refused").tell);
	assert_true(over(t, &source).tell);
}

static void the_file_goes_away(void **state)
{
	struct scene *t = *state;

	assert_false(over(t, &source).tell);
	assert_false(file_exists(at(t, "repeats.json")));
	(void)fails(t, &source, "refused");
	let_time_pass(t, 7200);
	assert_true(over(t, &source).tell);
	assert_false(file_exists(at(t, "repeats.json")));
}

static void collect(const struct repeat_key *k, void *arg)
{
	strv_pushf(arg, "%s %s %s", event_kind(k->event)->name, k->project ? k->project : "-",
		   k->subject ? k->subject : "-");
}

static void what_is_open(void **state)
{
	struct scene *t = *state;
	const struct repeat_key web = {.event = EVENT_PROJECT_HELD, .project = "web"};
	const struct repeat_key disk = {.event = EVENT_DISK_SHORT, .subject = "/var"};
	auto_strv struct strv names = STRV_INIT;

	(void)fails(t, &web, "x");
	(void)fails(t, &source, "x");
	(void)fails(t, &disk, "x");
	(void)over(t, &source);
	assert_ok(repeat_each(t->store, collect, &names, e));
	strv_sort(&names);
	assert_int_equal(names.n, 2);
	assert_string_equal(names.v[0], "disk.short - /var");
	assert_string_equal(names.v[1], "project.held web -");
}

static void damage_costs_one_more_report(void **state)
{
	struct scene *t = *state;
	static const char *const damaged[] = {"", "{", "[1]", "{\"source.unreachable||\": 7}",
					      "{\"source.unreachable||\": {\"open\": true, "
					      "\"tells\": 3}}"};

	for (size_t i = 0; i < COUNT_OF(damaged); i++) {
		put(at(t, "repeats.json"), damaged[i]);
		assert_true(fails(t, &source, "refused").tell);
		assert_false(fails(t, &source, "refused").tell);
	}
	put(at(t, "repeats.json"), "{");
	assert_false(over(t, &source).tell);
}

/* A clock that was far ahead must not keep reports away for years. */
static void a_clock_that_goes_back(void **state)
{
	struct scene *t = *state;

	(void)fails(t, &source, "refused");
	let_time_pass(t, -10LL * 365 * 86400);
	assert_false(fails(t, &source, "refused").tell);
	let_time_pass(t, 3601);
	assert_true(fails(t, &source, "refused").tell);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(once_then_hourly_then_daily),
		SCENE_TEST(numbers_and_ids_are_the_same_reason),
		SCENE_TEST(keys_are_apart),
		SCENE_TEST(flapping),
		SCENE_TEST(the_file_goes_away),
		SCENE_TEST(what_is_open),
		SCENE_TEST(damage_costs_one_more_report),
		SCENE_TEST(a_clock_that_goes_back),
	};

	return cmocka_run_group_tests_name("repeats", tests, NULL, NULL);
}
