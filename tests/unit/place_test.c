/*
 * Placing files into live/: what containers wrote stays, links they made are not followed, and a
 * move that was cut off half way leads to either side.
 */
#include "store_setup.h"

#include "agent/flow/trial.h"
#include "common/clock.h"

struct bed {
	struct scene *scene;
	struct sync sync;
	struct sync_options options;
	struct trial trial;
	struct bench bench;
};

static void store_blob(struct bed *t, const char *text, char id[OBJECT_ID_SIZE])
{
	auto_free char *dir = store_path(t->scene->store, "repo.git");
	struct repo *r = NULL;
	const char *names[] = {"f"}, *data[] = {text};
	size_t lens[] = {strlen(text)};
	char tree[OBJECT_ID_SIZE];
	struct live_file *files = NULL;
	size_t n = 0;

	assert_ok(repo_library_init(e));
	assert_ok(repo_open(dir, &t->scene->config.source, &r, e));
	assert_ok(repo_store_tree(r, names, data, lens, 1, tree, e));
	assert_ok(repo_files(r, tree, NULL, &files, &n, e));
	assert_int_equal(n, 1);
	memcpy(id, files[0].id, OBJECT_ID_SIZE);
	free(files[0].path);
	free(files);
	repo_free(r);
}

/* "path=text" pairs, sorted by path. */
static void record(struct bed *t, struct active *a, const char *const *pairs)
{
	active_init(a);
	for (; *pairs; pairs++) {
		const char *eq = strchr(*pairs, '=');

		a->files = xreallocarray(a->files, a->n_files + 1, sizeof(*a->files));
		struct live_file *f = &a->files[a->n_files++];

		*f = (struct live_file){.path = xstrndup(*pairs, (size_t)(eq - *pairs))};
		store_blob(t, eq + 1, f->id);
	}
}

#define RECORD(t, a, ...) record(t, a, (const char *const[]){__VA_ARGS__, NULL})

static int bed_begin(void **state)
{
	void *scene = NULL;
	struct bed *t = xcalloc(1, sizeof(*t));

	if (scene_begin(&scene) < 0)
		return -1;
	t->scene = scene;
	t->sync = (struct sync){
		.config = &t->scene->config, .options = &t->options, .store = t->scene->store};
	t->sync.stop.signal_fd = t->sync.stop.event_fd = -1;
	t->trial.name = (char *)"web";
	t->bench = (struct bench){.sync = &t->sync, .trial = &t->trial, .lock_fd = -1};
	t->bench.live = store_live_dir(t->scene->store, "web");
	t->bench.elsewhere = store_elsewhere_dir(t->scene->store, "web");
	*state = t;
	return 0;
}

static int bed_end(void **state)
{
	struct bed *t = *state;
	void *scene = t->scene;

	free(t->bench.live);
	free(t->bench.elsewhere);
	free(t);
	return scene_end(&scene);
}

static void assert_file(const struct bed *t, const char *path, const char *want)
{
	auto_free char *full = path_join(t->bench.live, path), *text = NULL;
	struct err why = ERR_INIT;

	if (!want) {
		assert_false(file_exists(full));
		return;
	}
	if (file_read(full, 4096, &text, NULL, &why) < 0)
		fail_msg("%s: %s", path, why.cause);
	assert_string_equal(text, want);
}

static void write_live(const struct bed *t, const char *path, const char *text)
{
	auto_free char *full = path_join(t->bench.live, path), *dir = path_dir(full);

	assert_ok(dir_make(dir, 0755, e));
	assert_ok(file_replace_unsynced(full, text, strlen(text), 0644, e));
}

static void there_and_back(void **state)
{
	struct bed *t = *state;
	auto_active struct active old, new;

	RECORD(t, &old, "../.elsewhere/web/shared/x=s1", "compose.yaml=one", "conf/a=a1",
	       "conf/b=b1");
	RECORD(t, &new, "../.elsewhere/web/shared/x=s2", "compose.yaml=two", "conf/a=a1",
	       "new/c=c2");
	assert_ok(place_files(&t->bench, NULL, &old, e));
	write_live(t, "data/written", "by a container");
	write_live(t, "conf/also", "by a container");
	assert_ok(place_files(&t->bench, &old, &new, e));
	assert_file(t, "compose.yaml", "two");
	assert_file(t, "conf/b", NULL);
	assert_file(t, "new/c", "c2");
	assert_file(t, "../.elsewhere/web/shared/x", "s2");
	assert_ok(place_files(&t->bench, &new, &old, e));
	assert_file(t, "compose.yaml", "one");
	assert_file(t, "conf/b", "b1");
	assert_file(t, "new", NULL); /* it only held what was tracked */
	assert_file(t, "data/written", "by a container");
	assert_file(t, "conf/also", "by a container");
	assert_ok(place_nothing(&t->bench, &old, e));
	assert_file(t, "compose.yaml", NULL);
	assert_file(t, "data/written", "by a container");
}

static void read_ahead(void **state)
{
	struct bed *t = *state;
	auto_active struct active old, new;
	auto_free char *repo = store_path(t->scene->store, "repo.git");
	auto_free char *away = path_join(t->scene->dir, "away");
	struct err why = ERR_INIT;

	RECORD(t, &old, "a=a1", "b=b1", "c=c1");
	RECORD(t, &new, "a=a2", "b=b1", "d=d2");
	assert_ok(place_files(&t->bench, NULL, &old, e));
	assert_ok(place_ahead(&t->bench, &old, &new, e));
	assert_file(t, "a", "a1"); /* nothing is in place yet */
	assert_file(t, "c", "c1");
	assert_file(t, "d", NULL);
	assert_int_equal(rename(repo, away), 0);
	assert_ok(place_files(&t->bench, &old, &new, e));
	assert_file(t, "a", "a2");
	assert_file(t, "b", "b1");
	assert_file(t, "c", NULL);
	assert_file(t, "d", "d2");
	/* What was read ahead is used once. */
	assert_int_equal(place_files(&t->bench, &new, &old, &why), -1);
	assert_ok(tree_remove(repo, e)); /* an empty one was made in its place */
	assert_int_equal(rename(away, repo), 0);
	assert_ok(place_files(&t->bench, &new, &old, e));
	assert_file(t, "a", "a1");
}

/* Another record, and a file that went meanwhile. */
static void read_ahead_for_nothing(void **state)
{
	struct bed *t = *state;
	auto_active struct active old, new, other;

	RECORD(t, &old, "a=a1", "b=b1");
	RECORD(t, &new, "a=a2", "b=b1");
	RECORD(t, &other, "a=a3", "b=b3");
	assert_ok(place_files(&t->bench, NULL, &old, e));
	assert_ok(place_ahead(&t->bench, &old, &new, e));
	assert_ok(place_files(&t->bench, &old, &other, e));
	assert_file(t, "a", "a3");
	assert_file(t, "b", "b3");
	assert_ok(place_files(&t->bench, &other, &old, e));
	assert_ok(place_ahead(&t->bench, &old, &new, e));
	auto_free char *b = path_join(t->bench.live, "b");

	assert_int_equal(unlink(b), 0);
	assert_ok(place_files(&t->bench, &old, &new, e));
	assert_file(t, "a", "a2");
	assert_file(t, "b", "b1");
}

static void half_way(void **state)
{
	struct bed *t = *state;
	auto_active struct active old, new;

	RECORD(t, &old, "a=a1", "b=b1", "c=c1");
	RECORD(t, &new, "a=a2", "b=b2", "d=d2");
	assert_ok(place_files(&t->bench, NULL, &old, e));
	write_live(t, "a", "a2"); /* cut off: one is replaced, one removed, one not yet made */
	auto_free char *c = path_join(t->bench.live, "c");

	assert_int_equal(unlink(c), 0);
	assert_ok(place_files(&t->bench, &new, &old, e));
	assert_file(t, "a", "a1");
	assert_file(t, "b", "b1");
	assert_file(t, "c", "c1");
	assert_file(t, "d", NULL);
}

static void link_is_not_followed(void **state)
{
	struct bed *t = *state;
	auto_active struct active old, new;
	auto_free char *outside = path_join(t->scene->dir, "outside");
	auto_free char *victim = path_join(outside, "a");
	auto_free char *conf = path_join(t->bench.live, "conf");
	auto_free char *file = path_join(t->bench.live, "conf/a");
	struct err why = ERR_INIT;

	RECORD(t, &old, "conf/a=a1");
	RECORD(t, &new, "conf/a=a2");
	assert_ok(place_files(&t->bench, NULL, &old, e));
	assert_ok(dir_make(outside, 0755, e));
	assert_ok(file_replace_unsynced(victim, "mine", 4, 0644, e));
	/* A container with write access to the directory swaps it for a link. */
	assert_int_equal(unlink(file), 0);
	assert_int_equal(rmdir(conf), 0);
	assert_int_equal(symlink(outside, conf), 0);
	assert_int_equal(place_files(&t->bench, &old, &new, &why), -1);
	assert_int_equal(why.kind, ERR_FAILED);
	assert_file(t, "../../../outside/a", "mine");
	/* The last part of a path may be a link: it is replaced itself. */
	assert_int_equal(unlink(conf), 0);
	assert_int_equal(mkdir(conf, 0755), 0);
	assert_int_equal(symlink(victim, file), 0);
	assert_ok(place_files(&t->bench, &old, &new, e));
	assert_file(t, "conf/a", "a2");
	assert_file(t, "../../../outside/a", "mine");
}

static void empty_directory_gives_way(void **state)
{
	struct bed *t = *state;
	auto_active struct active new;
	auto_free char *dir = path_join(t->bench.live, "f.conf");
	auto_free char *full = path_join(t->bench.live, "g.conf/kept");
	struct err why = ERR_INIT;

	/* An engine makes an empty directory where a mounted file is missing. */
	assert_ok(dir_make(dir, 0755, e));
	RECORD(t, &new, "f.conf=text");
	assert_ok(place_files(&t->bench, NULL, &new, e));
	assert_file(t, "f.conf", "text");
	/* One with something in it is a person's to move. */
	active_done(&new);
	write_live(t, "g.conf/kept", "data");
	RECORD(t, &new, "g.conf=text");
	assert_int_equal(place_files(&t->bench, NULL, &new, &why), -1);
	assert_non_null(strstr(why.cause, "move it away"));
	assert_true(file_exists(full));
}

static void drift_in_words(void **state)
{
	static const struct row {
		const char *service, *hash, *want;
		enum container_state state;
		bool ended_well;
	} rows[] = {
		{"app", "h1", "", CONTAINER_RUNNING, false},
		{"app", "h2", "service app runs with another configuration", CONTAINER_RUNNING,
		 false},
		{"other", "h1", "service app has no container", CONTAINER_RUNNING, false},
		{"app", "h1", "service app is stopped", CONTAINER_EXITED, false},
		{"app", "h1", "", CONTAINER_EXITED, true},
		{"app", "h1", "service app paused", CONTAINER_PAUSED, false},
	};
	auto_active struct active a;

	(void)state;
	active_init(&a);
	a.want.name = xstrdup("web");
	json_set_str(a.hashes, "app", "h1");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct container c = {.project = (char *)"web",
				      .service = (char *)rows[i].service,
				      .config_hash = (char *)rows[i].hash,
				      .state = rows[i].state,
				      .ended_well = rows[i].ended_well};
		struct containers l = {.v = &c, .n = 1};
		auto_str struct str what = STR_INIT;

		assert_int_equal(drift_of(&a, &l, &what), rows[i].want[0] != '\0');
		assert_string_equal(str_text(&what), rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(there_and_back, bed_begin, bed_end),
		cmocka_unit_test_setup_teardown(read_ahead, bed_begin, bed_end),
		cmocka_unit_test_setup_teardown(read_ahead_for_nothing, bed_begin, bed_end),
		cmocka_unit_test_setup_teardown(half_way, bed_begin, bed_end),
		cmocka_unit_test_setup_teardown(link_is_not_followed, bed_begin, bed_end),
		cmocka_unit_test_setup_teardown(empty_directory_gives_way, bed_begin, bed_end),
		cmocka_unit_test(drift_in_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
