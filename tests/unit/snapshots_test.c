/*
 * snapshots: records of copies: JSON and back, order, what a damaged one says.
 */
#include "agent/model/snapshot.h"
#include "tests/unit/store_setup.h"

static struct snapshot sample(const char *id, const char *project, int64_t made)
{
	struct snapshot x = {
		.id = xstrdup(id),
		.project = xstrdup(project),
		.kind = SNAPSHOT_FAILED,
		.made = made,
		.generation = 7,
		.before = 8,
		.quiesce = QUIESCE_PAUSE,
		.took_ms = 33,
		.why = xstrdup("app exited with 1"),
		.digest = "abc",
		.commit = {.id = "c0ffee", .subject = xstrdup("bump")},
	};

	x.v = xcalloc(2, sizeof(*x.v));
	x.n = 2;
	x.v[0] = (struct snapshot_volume){.name = xstrdup("web_data"),
					  .mount = xstrdup("data"),
					  .path = xstrdup("/v/web_data/_data"),
					  .driver = xstrdup("btrfs"),
					  .place = xstrdup("/s/x/web_data"),
					  .identity = xstrdup("uuid"),
					  .bytes = 4096,
					  .moved = true};
	x.v[1] = (struct snapshot_volume){
		.name = xstrdup("/srv/x"), .bind = true, .absent = true, .bytes = -1};
	return x;
}

static void add(struct scene *t, const char *id, const char *project, int64_t made)
{
	auto_snapshot struct snapshot x = sample(id, project, made);

	assert_ok(snapshot_write(t->store, &x, e));
}

static void is_sample(const struct snapshot *x)
{
	assert_int_equal(x->kind, SNAPSHOT_FAILED);
	assert_int_equal(x->made, 100);
	assert_int_equal(x->generation, 7);
	assert_int_equal(x->before, 8);
	assert_int_equal(x->quiesce, QUIESCE_PAUSE);
	assert_int_equal(x->took_ms, 33);
	assert_string_equal(x->why, "app exited with 1");
	assert_string_equal(x->digest, "abc");
	assert_string_equal(x->commit.id, "c0ffee");
	assert_string_equal(x->commit.subject, "bump");
	assert_int_equal(x->n, 2);
	assert_string_equal(x->v[0].name, "web_data");
	assert_string_equal(x->v[0].mount, "data");
	assert_string_equal(x->v[0].path, "/v/web_data/_data");
	assert_string_equal(x->v[0].driver, "btrfs");
	assert_string_equal(x->v[0].place, "/s/x/web_data");
	assert_string_equal(x->v[0].identity, "uuid");
	assert_int_equal(x->v[0].bytes, 4096);
	assert_true(x->v[0].moved);
	assert_false(x->v[0].absent || x->v[0].bind);
	assert_true(x->v[1].absent && x->v[1].bind);
	assert_null(x->v[1].driver);
	assert_int_equal(x->v[1].bytes, -1);
}

static void there_and_back(void **state)
{
	struct scene *t = *state;
	struct snapshot got = {.n = 0}, copy;
	bool found = false;

	add(t, "web-7-20261119T031245.123Z", "web", 100);
	assert_ok(snapshot_read(t->store, "web-7-20261119T031245.123Z", &got, &found, e));
	assert_true(found);
	is_sample(&got);
	snapshot_copy(&copy, &got);
	snapshot_done(&got);
	is_sample(&copy);
	snapshot_done(&copy);
	assert_ok(snapshot_forget(t->store, "web-7-20261119T031245.123Z", e));
	assert_ok(snapshot_forget(t->store, "web-7-20261119T031245.123Z", e));
	assert_ok(snapshot_read(t->store, "web-7-20261119T031245.123Z", &got, &found, e));
	assert_false(found);
}

static void oldest_first(void **state)
{
	struct scene *t = *state;
	struct snapshot *v = NULL;
	size_t n = 0;

	assert_ok(snapshot_list(t->store, NULL, &v, &n, e));
	assert_int_equal(n, 0);
	snapshots_done(v, n);
	add(t, "web-10-20261119T031245.900Z", "web", 100);
	add(t, "web-9-20261119T031245.100Z", "web", 100);
	add(t, "web-db-3-20261119T031246.000Z", "web-db", 101);
	add(t, "web-2-20261119T031240.000Z", "web", 95);
	assert_ok(snapshot_list(t->store, "web", &v, &n, e));
	assert_int_equal(n, 3);
	assert_string_equal(v[0].id, "web-2-20261119T031240.000Z");
	assert_string_equal(v[1].id, "web-9-20261119T031245.100Z");
	assert_string_equal(v[2].id, "web-10-20261119T031245.900Z");
	snapshots_done(v, n);
	assert_ok(snapshot_list(t->store, NULL, &v, &n, e));
	assert_int_equal(n, 4);
	snapshots_done(v, n);
	assert_ok(snapshot_list(t->store, "we", &v, &n, e));
	assert_int_equal(n, 0);
	snapshots_done(v, n);
}

/* What is damaged is named; it is in nobody's way but its own project's. */
static void damage(void **state)
{
	struct scene *t = *state;
	struct snapshot *v = NULL, got = {.n = 0};
	size_t n = 0;
	bool found = false;

	add(t, "web-7-20261119T031245.123Z", "web", 100);
	add(t, "web-db-3-20261119T031246.000Z", "web-db", 101);
	flip(at(t, "snapshots/web-7-20261119T031245.123Z.json"));
	assert_fails(snapshot_read(t->store, "web-7-20261119T031245.123Z", &got, &found, e),
		     ERR_BROKEN, "web-7-20261119T031245.123Z.json");
	assert_fails(snapshot_list(t->store, "web", &v, &n, e), ERR_BROKEN, "mdc-agent gc");
	assert_ok(snapshot_list(t->store, "web-db", &v, &n, e));
	assert_int_equal(n, 1);
	snapshots_done(v, n);
	add(t, "api-1-20261119T031245.123Z", "api", 100);
	assert_int_equal(rename(at(t, "snapshots/api-1-20261119T031245.123Z.json"),
				at(t, "snapshots/api-2-20261119T031245.123Z.json")),
			 0);
	assert_fails(snapshot_list(t->store, "api", &v, &n, e), ERR_BROKEN, "another snapshot");
}

static void ids(void **state)
{
	static const char *const odd[] = {"", "../current", ".hidden", "a/b", "a\n"};
	struct scene *t = *state;
	auto_free char *id = snapshot_new_id("web-db", 12);
	struct snapshot got = {.n = 0};
	bool found = true;

	assert_true(str_starts(id, "web-db-12-2"));
	assert_int_equal(strlen(id), strlen("web-db-12-20261119T031245.123Z"));
	for (size_t i = 0; i < COUNT_OF(odd); i++) {
		found = true;
		assert_ok(snapshot_read(t->store, odd[i], &got, &found, e));
		assert_false(found);
		assert_ok(snapshot_forget(t->store, odd[i], e));
	}
	assert_true(file_exists(at(t, "version")));
	assert_true(snapshot_is_id(id));
	assert_true(snapshot_is_id("a-0-20261119T031245.123Z"));
	assert_false(snapshot_is_id("-0-20261119T031245.123Z"));
	assert_false(snapshot_is_id("a-20261119T031245.123Z"));
	assert_false(snapshot_is_id("a-1-20261119T031245.123"));
	assert_false(snapshot_is_id("a-1-2026111xT031245.123Z"));
	assert_false(snapshot_is_id("photos"));
	assert_false(snapshot_is_id(""));
}

static void kinds_by_name(void **state)
{
	(void)state;
	for (enum snapshot_kind k = SNAPSHOT_TRIAL; k <= SNAPSHOT_FAILED; k++)
		assert_int_equal(snapshot_kind_parse(snapshot_kind_name(k)), k);
	assert_int_equal(snapshot_kind_parse("else"), SNAPSHOT_MANUAL);
	assert_int_equal(snapshot_kind_parse(NULL), SNAPSHOT_MANUAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(there_and_back),
		SCENE_TEST(oldest_first),
		SCENE_TEST(damage),
		SCENE_TEST(ids),
		cmocka_unit_test(kinds_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
