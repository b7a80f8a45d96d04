/*
 * Tests of agent/flow/snap_state: what an intent says of its copies comes back as it was, and of
 * restore_plan: what is said of them.
 */
#include "agent/flow/snap_parts.h"

#include "common/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void fill_snapshot(struct snapshot *x, bool absent)
{
	*x = (struct snapshot){.id = xstrdup("web-1-20261122T061200.001Z"),
			       .project = xstrdup("web"),
			       .kind = SNAPSHOT_TRIAL,
			       .made = 5,
			       .generation = 1,
			       .before = 2};
	x->v = xcalloc(2, sizeof(*x->v));
	x->n = absent ? 2 : 1;
	x->v[0] = (struct snapshot_volume){.name = xstrdup("web_data"),
					   .mount = xstrdup("data"),
					   .path = xstrdup("/v/web_data/_data"),
					   .driver = xstrdup("copy"),
					   .place = xstrdup("/s/web-1-x/web_data"),
					   .identity = xstrdup("7-8")};
	if (absent)
		x->v[1] = (struct snapshot_volume){
			.name = xstrdup("web_new"), .mount = xstrdup("new"), .absent = true};
}

static void check_round_trip(void **state)
{
	struct snap_state a = {.by_hand = true, .undoing = true};
	struct snap_state b = {.n_holds = 0};
	auto_json cJSON *j = cJSON_CreateObject(), *again = cJSON_CreateObject();

	(void)state;
	fill_snapshot(&a.snapshot, true);
	strv_push(&a.auto_restore, "web_data");
	strv_push(&a.left, "more (why)");
	strv_push(&a.dropped, "data");
	a.holds = xcalloc(1, sizeof(*a.holds));
	a.holds[a.n_holds++] = (struct hold){.id = xstrdup("abc"),
					     .name = xstrdup("web-app-1"),
					     .service = xstrdup("app"),
					     .policy = xstrdup("always"),
					     .paused = true,
					     .leave = true};
	snap_stage(&a, RESTORE_BUILT);
	a.aside_id = xstrdup("web-2-x");
	a.from_id = xstrdup("web-0-x");
	a.exchanges = xcalloc(1, sizeof(*a.exchanges));
	a.exchanges[a.n_exchanges++] = (struct exchange){.name = xstrdup("web_data"),
							 .mount = xstrdup("data"),
							 .path = xstrdup("/v/web_data/_data"),
							 .driver = xstrdup("copy"),
							 .from = xstrdup("/s/web-1-x/web_data"),
							 .built = xstrdup("/s/web-1-x/web_data"),
							 .identity = xstrdup("7-8"),
							 .aside = xstrdup("/s/web-2-x/web_data"),
							 .consume = true};
	snap_state_to_json(&a, j);
	snap_state_from_json(j, &b);
	snap_state_to_json(&b, again);
	assert_true(cJSON_Compare(j, again, true));
	assert_string_equal(b.holds[0].policy, "always");
	assert_true(b.exchanges[0].consume);
	assert_true(strv_has(&b.dropped, "data"));
	assert_string_equal(b.exchanges[0].identity, "7-8");
	snap_state_done(&a);
	snap_state_done(&b);
}

/* An intent of a trial without volumes, or of an older version, says nothing of data. */
static void check_nothing(void **state)
{
	struct snap_state a = {.n_holds = 0};
	auto_json cJSON *j = cJSON_CreateObject();

	(void)state;
	snap_state_to_json(&a, j);
	assert_null(j->child);
	snap_state_from_json(j, &a);
	assert_null(a.snapshot.id);
	assert_null(a.stage);
	snap_state_done(&a);
}

static void check_undo_plan(void **state)
{
	struct trial t = {.name = (char *)"web"};
	struct sync s = {.number = 2};
	struct bench b = {.sync = &s, .trial = &t};
	struct snap_state *x = &b.intent.snap;

	(void)state;
	restore_plan_undo(&b);
	assert_null(x->stage); /* there is no snapshot */
	fill_snapshot(&x->snapshot, true);
	strv_push(&x->auto_restore, "web_data");
	restore_plan_undo(&b);
	assert_true(x->undoing);
	assert_string_equal(x->stage, RESTORE_BEGUN);
	assert_int_equal(x->n_exchanges, 1);
	assert_true(x->exchanges[0].consume);
	assert_string_equal(x->exchanges[0].from, "/s/web-1-x/web_data");
	assert_non_null(strstr(x->exchanges[0].aside, x->aside_id));
	assert_true(str_starts(x->exchanges[0].aside, "/s/web-2-"));
	assert_true(str_ends(x->exchanges[0].aside, "/web_data"));
	snap_stage(x, RESTORE_BUILT);
	restore_plan_undo(&b); /* once: a restart goes on where it was */
	assert_string_equal(x->stage, RESTORE_BUILT);
	snap_stage(x, RESTORE_DONE);
	auto_free char *words = restore_words(&b);

	assert_non_null(strstr(words, x->aside_id));
	assert_non_null(strstr(words, "volume new was new"));
	assert_null(strstr(words, "not kept"));
	free(TAKE(x->exchanges[0].aside)); /* what has filled the disk is not set aside */
	strv_push(&x->dropped, "data");
	auto_free char *dropped = restore_words(&b);

	assert_null(strstr(dropped, x->aside_id));
	assert_non_null(
		strstr(dropped, "its data is as before; what it wrote to data was not kept"));
	snap_state_done(x);
}

static void check_not_put_back(void **state)
{
	struct trial t = {.name = (char *)"web"};
	struct sync s = {.number = 2};
	struct bench b = {.sync = &s, .trial = &t};
	struct snap_state *x = &b.intent.snap;

	(void)state;
	fill_snapshot(&x->snapshot, false);
	strv_push(&x->left, "data (container other runs on it)");
	restore_plan_undo(&b);
	assert_null(x->stage);
	auto_free char *words = restore_words(&b);

	assert_non_null(strstr(words, "not put back: data (container other runs on it)"));
	assert_non_null(strstr(words, x->snapshot.id));
	snap_state_done(x);
}

/* A copy that was used up by an earlier restore, or is not asked for, is no source. */
static void check_from(void **state)
{
	struct trial t = {.name = (char *)"web"};
	struct sync s = {.number = 2};
	struct bench b = {.sync = &s, .trial = &t};
	auto_snapshot struct snapshot from;
	auto_strv struct strv only = STRV_INIT;
	struct err e = ERR_INIT;

	(void)state;
	fill_snapshot(&from, true);
	assert_int_equal(restore_plan_from(&b, &from, NULL, &e), 0);
	assert_int_equal(b.intent.snap.n_exchanges, 1);
	assert_false(b.intent.snap.exchanges[0].consume);
	assert_null(b.intent.snap.exchanges[0].aside);
	b.intent.snap.by_hand = true;
	strv_push(&only, "data");
	assert_int_equal(restore_plan_from(&b, &from, &only, &e), 0);
	assert_non_null(b.intent.snap.exchanges[0].aside);
	strv_push(&only, "data");
	from.v[0].moved = true;
	assert_int_equal(restore_plan_from(&b, &from, &only, &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
	snap_state_done(&b.intent.snap);
}

static void check_root(void **state)
{
	auto_free char *docker =
		engine_root_of("/var/lib/docker/volumes/web_data/_data", "web_data");

	(void)state;
	assert_string_equal(docker, "/var/lib/docker");
	assert_null(engine_root_of("/srv/data", "web_data"));
	assert_null(engine_root_of("/volumes/web_data/_data", "web_data"));
	assert_null(engine_root_of(NULL, "web_data"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_round_trip), cmocka_unit_test(check_nothing),
		cmocka_unit_test(check_undo_plan),  cmocka_unit_test(check_not_put_back),
		cmocka_unit_test(check_from),       cmocka_unit_test(check_root),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
