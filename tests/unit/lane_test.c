/* A receiver's way through the history: cursors, what is given up, how long it pauses. */
#include "store_setup.h"

#include "agent/flow/lane.h"
#include "common/json.h"

struct lane_scene {
	struct webhook_config hook;
	struct config config;
	struct lane_job job;
	struct lane lane;
};

static void begin(struct lane_scene *l, struct scene *t)
{
	*l = (struct lane_scene){
		.hook = {.name = (char *)"ops", .url = (char *)"http://127.0.0.1:9/"}};
	l->config = t->config;
	l->config.host = (char *)"server1";
	l->config.reports = (struct reports_config){.webhooks = &l->hook, .n = 1};
	l->job = (struct lane_job){.config = &l->config, .store = t->store, .webhook = &l->hook};
	l->lane = (struct lane){.job = &l->job};
}

/* The history as if `n` events had happened: each tenth failed. A file, because that many fsyncs
 * take their time. */
static void fill(struct scene *t, int n, int64_t age_ms)
{
	auto_str struct str text = STR_INIT;
	int64_t now_ms = clock_wall() * 1000;

	for (int i = 1; i <= n; i++)
		str_addf(&text,
			 "{\"id\":\"%032d\",\"seq\":%d,\"time_ms\":%lld,\"event\":\"%s\","
			 "\"severity\":\"%s\",\"host\":\"server1\",\"message\":\"m\"}\n",
			 i, i, (long long)(now_ms - (i <= 10 ? age_ms : 0)),
			 i % 10 ? "project.deployed" : "project.failed",
			 i % 10 ? "notice" : "error");
	put(at(t, "history.jsonl"), str_text(&text));
}

static void check_cursor(void **state)
{
	struct scene *t = *state;
	struct lane_scene l;
	auto_cursor struct cursor c = {.acked = 0};
	bool found = true;

	begin(&l, t);
	fill(t, 3, 0);
	assert_ok(outbox_read(t->store, "ops", &c, &found, e));
	assert_false(found);
	assert_int_equal(c.acked, 3);
	assert_ok(outbox_open(t->store, &l.config, e));
	fill(t, 5, 0);
	assert_ok(outbox_open(t->store, &l.config, e)); /* stays where it is */
	assert_ok(outbox_read(t->store, "ops", &c, &found, e));
	assert_true(found);
	assert_int_equal(c.acked, 3);
	int64_t due = 0;
	assert_ok(outbox_due(t->store, &l.config, &due, e));
	assert_true(due != 0);
	l.config.reports.n = 0;
	assert_ok(outbox_tidy(t->store, &l.config, e));
	assert_false(file_exists(at(t, "outbox/ops.json")));
	assert_ok(outbox_due(t->store, &l.config, &due, e));
	assert_true(due == 0);
}

static void check_too_many(void **state)
{
	struct scene *t = *state;
	struct lane_scene l;

	begin(&l, t);
	fill(t, 1500, 0);
	assert_ok(lane_survey(&l.lane, e));
	assert_int_equal(l.lane.waiting, 1000);
	assert_int_equal(l.lane.cursor.dropped, 500);
	assert_int_equal(l.lane.cursor.acked, 0); /* informational ones were enough */
	assert_true(l.lane.cursor.told_dropped);
	/* The report of that is a warning, one more waits now. */
	assert_ok(lane_survey(&l.lane, e));
	assert_int_equal(l.lane.waiting, 1000);
	assert_int_equal(l.lane.cursor.dropped, 501);
	cursor_done(&l.lane.cursor);
}

static void check_only_failures(void **state)
{
	struct scene *t = *state;
	struct lane_scene l;

	begin(&l, t);
	strv_push(&l.hook.events, "project.failed");
	fill(t, 12000, 0);
	assert_ok(lane_survey(&l.lane, e));
	assert_int_equal(l.lane.waiting, 1000);
	assert_int_equal(l.lane.cursor.dropped, 200);
	assert_int_equal(l.lane.cursor.acked, 2000);
	cursor_done(&l.lane.cursor);
	strv_done(&l.hook.events);
}

static void check_too_old(void **state)
{
	struct scene *t = *state;
	struct lane_scene l;

	begin(&l, t);
	fill(t, 30, 31LL * 24 * 3600 * 1000);
	assert_ok(lane_survey(&l.lane, e));
	assert_int_equal(l.lane.cursor.acked, 10);
	assert_int_equal(l.lane.waiting, 20);
	cursor_done(&l.lane.cursor);
}

static void check_backoff(void **state)
{
	(void)state;
	assert_int_equal(lane_backoff_s(1, false, 0), 5);
	assert_int_equal(lane_backoff_s(2, false, 0), 10);
	assert_int_equal(lane_backoff_s(3, false, 0), 20);
	assert_int_equal(lane_backoff_s(1, true, 0), 60);
	assert_int_equal(lane_backoff_s(100, false, 0), 3600);
	for (unsigned int i = 0; i < 1000; i++) {
		int64_t s = lane_backoff_s(50, true, i);

		assert_true(s >= 2880 && s <= 3600);
	}
}

/* Nobody listens: each try fails; the third is told. */
static void check_failures(void **state)
{
	struct scene *t = *state;
	struct lane_scene l;
	auto_cursor struct cursor c = {.acked = 0};
	bool found = false;

	begin(&l, t);
	fill(t, 1, 0);
	assert_ok(outbox_write(t->store, "ops", &c, e));
	for (int i = 1; i <= 4; i++) {
		auto_json cJSON *r = NULL;

		assert_ok(lane_run(&l.job, NULL, &r, e));
		cursor_done(&c);
		assert_ok(outbox_read(t->store, "ops", &c, &found, e));
		assert_int_equal(c.failures, i);
		assert_int_equal(c.acked, 0);
		assert_int_equal(c.told, i >= 3);
		assert_int_equal(json_int(r, "waiting", 0), i <= 3 ? 1 : 2);
	}
	l.job.due = true; /* not yet */
	auto_json cJSON *r = NULL;
	assert_ok(lane_run(&l.job, NULL, &r, e));
	cursor_done(&c);
	assert_ok(outbox_read(t->store, "ops", &c, &found, e));
	assert_int_equal(c.failures, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(check_cursor),        SCENE_TEST(check_too_many),
		SCENE_TEST(check_only_failures), SCENE_TEST(check_too_old),
		cmocka_unit_test(check_backoff), SCENE_TEST(check_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
