/*
 * store: opening, projects' records, intents, models.
 */
#include "tests/unit/store_setup.h"

#include "common/digest.h"
#include "common/json.h"

#include <fcntl.h>

static void open_makes_directories(void **state)
{
	struct scene *t = *state;
	static const char *const dirs[] = {"projects", "generations", "marks", "live/.elsewhere",
					   "stage"};
	struct stat st;

	for (size_t i = 0; i < COUNT_OF(dirs); i++) {
		assert_int_equal(stat(at(t, dirs[i]), &st), 0);
		assert_int_equal(st.st_mode & 0777, 0700);
	}
	assert_int_equal(stat(at(t, "."), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	char *text = NULL;
	assert_ok(file_read(at(t, "version"), 10, &text, NULL, e));
	assert_string_equal(text, "1\n");
	free(text);
}

static void open_without_create_needs_it(void **state)
{
	struct scene *t = *state;
	struct config c = {.state_dir = (char *)at(t, "nowhere")};
	struct store *s = NULL;

	assert_fails(store_open(&c, false, &s, e), ERR_USAGE, "mdc-agent sync");
	assert_null(s);
	assert_false(file_exists(at(t, "nowhere")));
	assert_ok(store_open(&t->config, false, &s, e));
	store_close(s);
}

/* Missing directories are made again by `create`, and read as empty without it. */
static void missing_directories(void **state)
{
	struct scene *t = *state;
	auto_strv struct strv names = STRV_INIT;
	int64_t *numbers = NULL;
	struct mark *marks = NULL;
	size_t n = 9, m = 9;

	assert_ok(tree_remove(at(t, "projects"), e));
	assert_ok(tree_remove(at(t, "generations"), e));
	assert_ok(tree_remove(at(t, "marks"), e));
	assert_ok(active_names(t->store, &names, e));
	assert_int_equal(names.n, 0);
	assert_ok(generation_numbers(t->store, &numbers, &n, e));
	assert_int_equal(n, 0);
	assert_ok(marks_of(t->store, NULL, &marks, &m, e));
	assert_int_equal(m, 0);
	free(numbers);
	marks_done(marks, m);
	struct store *s = NULL;
	assert_ok(store_open(&t->config, true, &s, e));
	store_close(s);
	assert_true(file_exists(at(t, "projects")));
}

static void newer_version_is_left_alone(void **state)
{
	struct scene *t = *state;
	struct store *s = NULL;

	put(at(t, "version"), "2\n");
	assert_ok(tree_remove(at(t, "stage"), e));
	assert_fails(store_open(&t->config, true, &s, e), ERR_USAGE, "newer version");
	assert_fails(store_open(&t->config, false, &s, e), ERR_USAGE, "newer version");
	assert_null(s);
	assert_false(file_exists(at(t, "stage")));
	put(at(t, "version"), "x");
	assert_fails(store_open(&t->config, true, &s, e), ERR_BROKEN, "damaged");
	put(at(t, "version"), "");
	assert_fails(store_open(&t->config, true, &s, e), ERR_BROKEN, "damaged");
}

static void foreign_directory_is_refused(void **state)
{
	struct scene *t = *state;
	struct config c = {.state_dir = (char *)at(t, "home")};
	struct store *s = NULL;

	assert_ok(dir_make(c.state_dir, 0755, e));
	put(at(t, "home/letter.txt"), "dear");
	assert_fails(store_open(&c, true, &s, e), ERR_USAGE, "letter.txt");
	assert_false(file_exists(at(t, "home/version")));
	assert_int_equal(unlink(at(t, "home/letter.txt")), 0);
	put(at(t, "home/daemon.lock"), "");
	assert_ok(store_open(&c, true, &s, e));
	store_close(s);
}

static void paths(void **state)
{
	struct scene *t = *state;
	auto_free char *a = store_path(t->store, "repo.git");
	auto_free char *b = store_live_dir(t->store, "web");
	auto_free char *c = store_elsewhere_dir(t->store, "web");
	auto_free char *d = store_stage_dir(t->store, "web");
	auto_free char *m = store_model_path(t->store, "web", "ab");

	assert_string_equal(a, at(t, "repo.git"));
	assert_string_equal(b, at(t, "live/web"));
	assert_string_equal(c, at(t, "live/.elsewhere/web"));
	assert_string_equal(d, at(t, "stage/web"));
	assert_string_equal(m, at(t, "projects/web/models/ab.json"));
}

static void fill_active(struct active *a, const char *name)
{
	active_init(a);
	a->want.name = xstrdup(name);
	(void)snprintf(a->model, sizeof(a->model), "%s", "abc");
	a->generation = 7;
	a->since = 1234;
}

static void active_round_trip(void **state)
{
	struct scene *t = *state;
	auto_active struct active a, back;
	auto_strv struct strv names = STRV_INIT;
	bool found = true;

	active_init(&back);
	fill_active(&a, "web");
	assert_ok(active_read(t->store, "web", &back, &found, e));
	assert_false(found);
	assert_ok(active_write(t->store, &a, e));
	assert_ok(active_read(t->store, "web", &back, &found, e));
	assert_true(found);
	assert_string_equal(back.want.name, "web");
	assert_string_equal(back.model, "abc");
	assert_int_equal(back.generation, 7);
	assert_ok(active_names(t->store, &names, e));
	assert_int_equal(names.n, 1);
	assert_ok(active_remove(t->store, "web", e));
	assert_ok(active_remove(t->store, "web", e));
	assert_ok(active_read(t->store, "web", &back, &found, e));
	assert_false(found);
}

static void active_damage_is_noticed(void **state)
{
	struct scene *t = *state;
	auto_active struct active a;
	auto_active struct active back;
	bool found = false;

	active_init(&back);
	fill_active(&a, "web");
	assert_ok(active_write(t->store, &a, e));
	flip(at(t, "projects/web/active.json"));
	assert_fails(active_read(t->store, "web", &back, &found, e), ERR_BROKEN, "rollback");
	assert_ok(active_write(t->store, &a, e));
	tear(at(t, "projects/web/active.json"), 30);
	assert_fails(active_read(t->store, "web", &back, &found, e), ERR_BROKEN, "damaged");
	tear(at(t, "projects/web/active.json"), 0);
	assert_fails(active_read(t->store, "web", &back, &found, e), ERR_BROKEN, "header");
	/* The record of another project, copied by hand. */
	assert_ok(active_write(t->store, &a, e));
	assert_ok(dir_make(at(t, "projects/db"), 0700, e));
	assert_int_equal(
		rename(at(t, "projects/web/active.json"), at(t, "projects/db/active.json")), 0);
	assert_fails(active_read(t->store, "db", &back, &found, e), ERR_BROKEN, "speaks of");
}

static cJSON *step(const char *name)
{
	cJSON *j = cJSON_CreateObject();

	json_set_str(j, "step", name);
	return j;
}

static void write_step(struct scene *t, const char *project, const char *name)
{
	auto_json cJSON *j = step(name);

	if (project)
		assert_ok(intent_write(t->store, project, j, e));
	else
		assert_ok(sync_intent_write(t->store, j, e));
}

static void assert_step(struct scene *t, const char *project, const char *want)
{
	auto_json cJSON *j = NULL;

	if (project)
		assert_ok(intent_read(t->store, project, &j, e));
	else
		assert_ok(sync_intent_read(t->store, &j, e));
	if (!want)
		assert_null(j);
	else
		assert_string_equal(json_str(j, "step", "none"), want);
}

static void intents_of(struct scene *t, const char *project, const char *path, const char *prev)
{
	cJSON *j = NULL;

	assert_step(t, project, NULL);
	write_step(t, project, "one");
	assert_step(t, project, "one");
	assert_false(file_exists(prev));
	write_step(t, project, "two");
	assert_step(t, project, "two");
	tear(path, 20);
	assert_step(t, project, "one"); /* from .prev */
	/* A torn one does not become the previous one. */
	write_step(t, project, "three");
	tear(path, 20);
	assert_step(t, project, "one");
	tear(prev, 3);
	if (project)
		assert_fails(intent_read(t->store, project, &j, e), ERR_BROKEN, "status");
	else
		assert_fails(sync_intent_read(t->store, &j, e), ERR_BROKEN, "status");
	assert_null(j);
	if (project)
		assert_ok(intent_remove(t->store, project, e));
	else
		assert_ok(sync_intent_remove(t->store, e));
	assert_false(file_exists(prev));
	assert_step(t, project, NULL);
}

static void intents(void **state)
{
	struct scene *t = *state;

	intents_of(t, "web", at(t, "projects/web/intent.json"), at(t, "projects/web/intent.prev"));
}

static void sync_intents(void **state)
{
	struct scene *t = *state;

	intents_of(t, NULL, at(t, "sync.json"), at(t, "sync.prev"));
	assert_ok(sync_intent_remove(t->store, e));
}

static void degraded(void **state)
{
	struct scene *t = *state;
	char *why = NULL;
	int64_t since = -1;

	assert_ok(degraded_read(t->store, "web", &why, &since, e));
	assert_null(why);
	assert_ok(degraded_write(t->store, "web", "the old one does not start", e));
	assert_ok(degraded_read(t->store, "web", &why, &since, e));
	assert_string_equal(why, "the old one does not start");
	assert_true(since > 0);
	free(why);
	tear(at(t, "projects/web/degraded.json"), 9); /* still degraded */
	assert_ok(degraded_read(t->store, "web", &why, &since, e));
	assert_non_null(why);
	free(why);
	assert_ok(degraded_remove(t->store, "web", e));
	assert_ok(degraded_read(t->store, "web", &why, &since, e));
	assert_null(why);
}

static void models(void **state)
{
	struct scene *t = *state;
	auto_strv struct strv kept = STRV_INIT;
	char digest[DIGEST_HEX_SIZE] = "", again[DIGEST_HEX_SIZE] = "";
	auto_json cJSON *one = cJSON_Parse("{\"b\":1,\"a\":{\"d\":2,\"c\":3}}");
	auto_json cJSON *same = cJSON_Parse("{\"a\":{\"c\":3,\"d\":2},\"b\":1}");
	auto_json cJSON *back = NULL;
	struct stat before, after;

	assert_ok(model_write(t->store, "web", one, digest, e));
	auto_free char *path = store_model_path(t->store, "web", digest);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(before.st_mode & 0777, 0600); /* it holds what env files hold */
	assert_ok(model_write(t->store, "web", same, again, e));
	assert_string_equal(digest, again);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino); /* written once */
	assert_ok(model_read(t->store, "web", digest, &back, e));
	assert_int_equal(json_int(back, "b", 0), 1);
	assert_ok(model_list(t->store, "web", &kept, e));
	assert_int_equal(kept.n, 1);
	assert_string_equal(kept.v[0], digest);
	assert_ok(model_remove(t->store, "web", digest, e));
	assert_false(file_exists(at(t, "projects/web")));
	assert_ok(model_list(t->store, "web", &kept, e));
	assert_int_equal(kept.n, 0);
}

static void model_damage(void **state)
{
	struct scene *t = *state;
	char digest[DIGEST_HEX_SIZE] = "";
	auto_json cJSON *one = cJSON_Parse("{\"services\":{\"app\":{\"image\":\"a:1\"}}}");
	cJSON *back = NULL;

	assert_fails(model_read(t->store, "web", "../../x", &back, e), ERR_BROKEN, "not a model's");
	assert_ok(model_write(t->store, "web", one, digest, e));
	auto_free char *path = store_model_path(t->store, "web", digest);
	flip(path);
	assert_fails(model_read(t->store, "web", digest, &back, e), ERR_BROKEN, "damaged");
	assert_ok(model_write(t->store, "web", one, digest, e)); /* heals it */
	assert_ok(model_read(t->store, "web", digest, &back, e));
	cJSON_Delete(back);
	back = NULL;
	assert_int_equal(unlink(path), 0);
	assert_fails(model_read(t->store, "web", digest, &back, e), ERR_BROKEN, "cannot open");
	assert_null(back);
}

/* What killed writers left in each directory goes; what may be in use stays. */
static void sweep(void **state)
{
	struct scene *t = *state;
	static const char *const names[] = {".mdc-tmp.a",
					    "marks/.mdc-tmp.a",
					    "projects/web/.mdc-tmp.a",
					    "projects/web/models/.mdc-tmp.a",
					    "repo.git/.mdc-tmp.a",
					    "repo.git/objects/info/.mdc-tmp.a"};
	const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};

	assert_ok(dir_make(at(t, "projects/web/models"), 0700, e));
	assert_ok(dir_make(at(t, "repo.git/objects/info"), 0700, e));
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		assert_ok(file_replace(at(t, names[i]), "", 0, 0600, e));
		assert_ok(store_sweep(t->store, e));
		assert_true(file_exists(at(t, names[i])));
		assert_int_equal(utimensat(AT_FDCWD, at(t, names[i]), old, 0), 0);
	}
	assert_ok(store_sweep(t->store, e));
	for (size_t i = 0; i < COUNT_OF(names); i++)
		assert_false(file_exists(at(t, names[i])));
	assert_true(file_exists(at(t, "version")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(open_makes_directories),
		SCENE_TEST(open_without_create_needs_it),
		SCENE_TEST(missing_directories),
		SCENE_TEST(newer_version_is_left_alone),
		SCENE_TEST(foreign_directory_is_refused),
		SCENE_TEST(paths),
		SCENE_TEST(active_round_trip),
		SCENE_TEST(active_damage_is_noticed),
		SCENE_TEST(intents),
		SCENE_TEST(sync_intents),
		SCENE_TEST(degraded),
		SCENE_TEST(models),
		SCENE_TEST(model_damage),
		SCENE_TEST(sweep),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
