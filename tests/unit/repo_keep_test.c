/*
 * What generations need stays, whatever becomes of the source; and the repository stays small.
 */
#include "tests/unit/repo_fixture.h"

/* A generation of web (with an elsewhere file) and db, as they are in the tree. */
static void fill_generation(struct fixture *f, const char *tree, struct generation *g)
{
	static const char *const names[] = {"db", "web", "zz"};
	struct tree_entry t;

	*g = (struct generation){.v = xcalloc(3, sizeof(*g->v)), .n = 3};
	for (size_t i = 0; i < 3; i++) {
		g->v[i].name = xstrdup(names[i]);
		active_init(&g->v[i].active);
		g->v[i].status = i == 2 ? ENTRY_MISSING : ENTRY_GOOD;
		if (i == 2)
			continue;
		find(f, tree, names[i], &t);
		memcpy(g->v[i].active.want.tree, t.id, sizeof(t.id));
	}
	find(f, tree, "shared.env", &t);
	struct project *web = &g->v[1].active.want;
	web->elsewhere = xcalloc(1, sizeof(*web->elsewhere));
	web->n_elsewhere = 1;
	web->elsewhere[0] = (struct elsewhere){.path = xstrdup("shared.env"), .kind = t.kind};
	memcpy(web->elsewhere[0].id, t.id, sizeof(t.id));
}

static void keep(struct fixture *f, int64_t number, const char *tree)
{
	struct generation g;

	fill_generation(f, tree, &g);
	OK(repo_keep(f->r, number, &g, &e));
	OK(repo_keep(f->r, number, &g, &e)); /* again: no harm */
	generation_done(&g);
}

static size_t count_packs(const struct fixture *f)
{
	auto_free char *dir = path_join(f->repo, "objects/pack");
	auto_strv struct strv names = STRV_INIT;
	size_t n = 0;

	OK(dir_list(dir, 100000, &names, &e));
	for (size_t i = 0; i < names.n; i++)
		n += str_ends(names.v[i], ".pack") ? 1 : 0;
	return n;
}

static void expect_kept(struct fixture *f, const char *tree_id, const char *elsewhere_id)
{
	struct live_file *files = NULL;
	const struct live_file *missing = NULL;
	size_t n = 0;

	OK(repo_files(f->r, tree_id, NULL, &files, &n, &e));
	files = xreallocarray(files, n + 1, sizeof(*files));
	files[n] = (struct live_file){.path = xstrdup("shared.env")};
	memcpy(files[n++].id, elsewhere_id, 41);
	OK(repo_has(f->r, files, n, &missing, &e));
	assert_null(missing);
	auto_free char *to = path_join(f->dir, "kept");
	struct export_file out[8];
	for (size_t i = 0; i < n; i++)
		out[i] = (struct export_file){files[i].path, files[i].id, false};
	OK(tree_remove(to, &e));
	OK(repo_export(f->r, to, out, n, &e));
	free_files(files, n);
}

static void test_keep_survives_the_source(void **state)
{
	struct fixture *f = *state;
	struct tree_entry web, shared;
	auto_free char *away = xasprintf("%s.away", f->bare);

	push(f, "one");
	struct commit_info one = sync_to(f);
	find(f, one.tree, "web", &web);
	find(f, one.tree, "shared.env", &shared);
	keep(f, 1, one.tree);
	assert_int_equal(count_packs(f), 1);
	keep(f, 2, one.tree); /* nothing new but the commit */
	put(f, "web/conf/app.ini", "a=2\n");
	push(f, "two");
	struct commit_info two = sync_to(f);
	assert_int_equal(rename(f->bare, away), 0);
	reopen(f);
	expect_kept(f, web.id, shared.id);
	struct commit_info gone = {.time = 0};
	REFUSED(repo_commit(f->r, two.id, &gone, &e), ERR_RETRY, "src.git");
	/* without a source at all: rollback offline */
	repo_free(f->r);
	f->r = NULL;
	OK(repo_open(f->repo, NULL, &f->r, &e));
	expect_kept(f, web.id, shared.id);
	GIT(f->repo, "fsck", "--connectivity-only", "refs/mdc/generations/1",
	    "refs/mdc/generations/2");
	commit_info_done(&one);
	commit_info_done(&two);
}

/* What a killed agent left in the middle of writing is in nobody's way, and goes. */
static void test_left_by_the_dead(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = {"refs/mdc/source.lock", "refs/mdc/generations/1.lock",
					    "refs/mdc/generations/7.lock",
					    "objects/pack/pack_git2_0123"};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		auto_free char *path = path_join(f->repo, names[i]);

		OK(file_replace(path, "x", 1, 0600, &e));
	}
	push(f, "one");
	struct commit_info one = sync_to(f);
	keep(f, 1, one.tree);
	OK(repo_unkeep(f->r, 1, &e));
	OK(repo_maintain(f->r, false, &e));
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		auto_free char *path = path_join(f->repo, names[i]);

		assert_false(file_exists(path));
	}
	commit_info_done(&one);
}

static void test_unkeep_and_maintain(void **state)
{
	struct fixture *f = *state;
	struct tree_entry old, new, shared;
	auto_free char *away = xasprintf("%s.away", f->bare);

	push(f, "one");
	struct commit_info one = sync_to(f);
	find(f, one.tree, "web", &old);
	keep(f, 1, one.tree);
	for (int64_t i = 2; i <= 5; i++) {
		char text[32];

		(void)snprintf(text, sizeof(text), "a=%d\n", (int)i);
		put(f, "web/conf/app.ini", text);
		push(f, "next");
		struct commit_info c = sync_to(f);
		keep(f, i, c.tree);
		find(f, c.tree, "web", &new);
		find(f, c.tree, "shared.env", &shared);
		commit_info_done(&c);
	}
	assert_int_equal(count_packs(f), 5);
	OK(repo_maintain(f->r, false, &e)); /* not due */
	assert_int_equal(count_packs(f), 5);
	OK(repo_unkeep(f->r, 1, &e));
	OK(repo_unkeep(f->r, 1, &e));
	OK(repo_unkeep(f->r, 77, &e));
	OK(repo_maintain(f->r, true, &e));
	assert_int_equal(count_packs(f), 1);
	assert_int_equal(rename(f->bare, away), 0);
	reopen(f);
	expect_kept(f, new.id, shared.id);
	struct live_file *files = NULL;
	size_t n = 0;
	REFUSED(repo_files(f->r, old.id, NULL, &files, &n, &e), ERR_RETRY, old.id);
	/* nothing named: nothing stays */
	for (int64_t i = 2; i <= 5; i++)
		OK(repo_unkeep(f->r, i, &e));
	OK(repo_maintain(f->r, true, &e));
	assert_int_equal(count_packs(f), 0);
	commit_info_done(&one);
}

static void test_maintain_when_due(void **state)
{
	struct fixture *f = *state;
	static const char *const name = "compose.yaml";
	struct tree_entry web, shared;
	char id[OBJECT_ID_SIZE];

	push(f, "one");
	struct commit_info c = sync_to(f);
	find(f, c.tree, "web", &web);
	find(f, c.tree, "shared.env", &shared);
	keep(f, 1, c.tree);
	for (int i = 0; i < 35; i++) {
		char text[32];
		const char *data = text;
		size_t len = (size_t)snprintf(text, sizeof(text), "a=%d\n", i);

		OK(repo_store_tree(f->r, &name, &data, &len, 1, id, &e));
		OK(repo_maintain(f->r, false, &e));
		assert_true(count_packs(f) <= 30);
	}
	assert_true(count_packs(f) <= 7);
	expect_kept(f, web.id, shared.id);
	commit_info_done(&c);
}

static void test_store_tree(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = {"compose.yaml", "b.yaml"};
	static const char *const data[] = {"services: {}\n", ""};
	static const size_t lens[] = {13, 0};
	char id[OBJECT_ID_SIZE] = "", again[OBJECT_ID_SIZE] = "";
	struct live_file *files = NULL;
	size_t n = 0;

	OK(repo_store_tree(f->r, names, data, lens, 2, id, &e));
	OK(repo_store_tree(f->r, names, data, lens, 2, again, &e));
	assert_string_equal(id, again);
	assert_int_equal(count_packs(f), 1);
	OK(repo_files(f->r, id, NULL, &files, &n, &e));
	assert_int_equal(n, 2);
	assert_string_equal(files[0].path, "b.yaml");
	free_files(files, n);
	static const char *const twice[] = {"a", "a"};
	REFUSED(repo_store_tree(f->r, twice, data, lens, 2, id, &e), ERR_REJECTED, "a");
	static const char *const slash[] = {"a/b"};
	REFUSED(repo_store_tree(f->r, slash, data, lens, 1, id, &e), ERR_REJECTED, "a/b");
}

/* The source borrows objects itself, by a relative path: libgit2 alone would not find them. */
static void test_source_with_alternates(void **state)
{
	struct fixture *f = *state;
	auto_free char *pool = path_join(f->dir, "pool.git");
	auto_free char *alternates = path_join(f->bare, "objects/info/alternates");
	static const char line[] = "../../pool.git/objects\n";

	push(f, "one");
	GIT(f->dir, "clone", "-q", "--bare", "src.git", "pool.git");
	OK(file_replace_unsynced(alternates, line, strlen(line), 0644, &e));
	GIT(f->bare, "repack", "-adlq");
	GIT(f->bare, "prune-packed");
	reopen(f);
	struct commit_info c = sync_to(f);
	keep(f, 1, c.tree);
	commit_info_done(&c);
	/* another source: the first one's objects are no longer looked at */
	f->src.url = pool;
	reopen(f);
	auto_free char *ref = path_join(f->repo, "refs/mdc/source");
	assert_false(file_exists(ref));
	c = sync_to(f);
	commit_info_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_keep_survives_the_source), TEST(test_unkeep_and_maintain),
		TEST(test_maintain_when_due),        TEST(test_store_tree),
		TEST(test_source_with_alternates),   TEST(test_left_by_the_dead),
	};

	return cmocka_run_group_tests(tests, library, NULL);
}
