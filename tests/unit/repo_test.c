/*
 * The agent's repository over a `file` source: asking, fetching, reading, exporting; and what
 * happens when the source is hostile or damaged.
 */
#include "tests/unit/repo_fixture.h"

static void test_nothing_there(void **state)
{
	struct fixture *f = *state;
	char id[OBJECT_ID_SIZE] = "x";

	OK(repo_ls(f->r, id, &e)); /* empty repository */
	assert_string_equal(id, "");
	push(f, "one");
	f->src.branch = (char *)(uintptr_t) "nope";
	OK(repo_ls(f->r, id, &e));
	assert_string_equal(id, "");
	f->src.url = (char *)(uintptr_t) "/nonexistent/x.git";
	REFUSED(repo_ls(f->r, id, &e), ERR_RETRY, "/nonexistent/x.git");
	f->src.url = f->dir;
	REFUSED(repo_ls(f->r, id, &e), ERR_USAGE, "not a Git repository");
}

static void test_fetch_and_commit(void **state)
{
	struct fixture *f = *state;

	put(f, "web/x", "x");
	push(f, "Subject \x1b[31mred\n\nbody");
	auto_free char *head = GIT_TEXT(f->work, "rev-parse", "HEAD");
	struct commit_info c = sync_to(f);
	assert_string_equal(c.id, head);
	assert_string_equal(c.author, "Ada <ada@example.org>");
	assert_null(strchr(c.subject, '\x1b'));
	auto_free char *ref = GIT_TEXT(f->repo, "rev-parse", "refs/mdc/source");
	assert_string_equal(ref, head);
	commit_info_done(&c);
	char bad[OBJECT_ID_SIZE] = "0123456789012345678901234567890123456789";
	REFUSED(repo_fetch(f->r, bad, &e), ERR_RETRY, "0123456789");
}

static int note(const struct tree_entry *t, void *arg, struct err *e)
{
	struct str *s = arg;

	(void)e;
	str_addf(s, "%s:%d ", t->name, t->kind);
	return 0;
}

static int stop_at_once(const struct tree_entry *t, void *arg, struct err *e)
{
	(void)t;
	(void)e;
	++*(int *)arg;
	return 1;
}

static void test_reader(void **state)
{
	struct fixture *f = *state;
	struct tree_reader reader = repo_reader(f->r);
	auto_free char *run = path_join(f->work, "web/run.sh");
	auto_str struct str names = STR_INIT;
	struct tree_entry t;
	bool found = true;
	int calls = 0;

	put(f, "web/run.sh", "#!/bin/sh\n");
	assert_int_equal(chmod(run, 0755), 0);
	auto_free char *link = path_join(f->work, "web/link");
	assert_int_equal(symlink("/etc/passwd", link), 0);
	push(f, "one");
	struct commit_info c = sync_to(f);
	OK(reader.list(reader.ctx, c.tree, note, &names, &e));
	assert_string_equal(names.s, "db:2 shared.env:0 web:2 ");
	OK(reader.list(reader.ctx, c.tree, stop_at_once, &calls, &e));
	assert_int_equal(calls, 1);
	find(f, c.tree, "web", &t);
	assert_int_equal(t.kind, ENTRY_DIR);
	str_reset(&names);
	OK(reader.list(reader.ctx, t.id, note, &names, &e));
	assert_string_equal(names.s, "compose.yaml:0 conf:2 link:3 run.sh:1 ");
	find(f, c.tree, ".", &t);
	assert_string_equal(t.id, c.tree);
	static const char *const absent[] = {"no",   "web/no", "web/link/x", "shared.env/x",
					     "../x", "/web",   "web/",       ""};
	for (size_t i = 0; i < COUNT_OF(absent); i++) {
		OK(reader.find(reader.ctx, c.tree, absent[i], &t, &found, &e));
		assert_false(found);
	}
	find(f, c.tree, "web/conf/app.ini", &t);
	auto_free char *text = NULL;
	size_t len = 0;
	OK(reader.read(reader.ctx, t.id, 4, &text, &len, &e));
	assert_string_equal(text, "a=1\n");
	assert_int_equal(len, 4);
	char *none = NULL;
	REFUSED(reader.read(reader.ctx, t.id, 3, &none, &len, &e), ERR_REJECTED, "4 bytes");
	REFUSED(reader.read(reader.ctx, c.tree, 1000, &none, &len, &e), ERR_REJECTED, "no file");
	commit_info_done(&c);
}

static void test_files_and_export(void **state)
{
	struct fixture *f = *state;
	struct live_file *files = NULL;
	const struct live_file *missing = NULL;
	struct tree_entry t;
	size_t n = 0;

	push(f, "one");
	struct commit_info c = sync_to(f);
	find(f, c.tree, "web", &t);
	OK(repo_files(f->r, t.id, NULL, &files, &n, &e));
	OK(repo_files(f->r, t.id, "more", &files, &n, &e));
	assert_int_equal(n, 4);
	assert_string_equal(files[0].path, "compose.yaml");
	assert_string_equal(files[3].path, "more/conf/app.ini");
	OK(repo_has(f->r, files, n, &missing, &e));
	assert_null(missing);
	struct export_file out[4];
	for (size_t i = 0; i < n; i++)
		out[i] = (struct export_file){files[i].path, files[i].id, i == 0};
	auto_free char *to = path_join(f->dir, "out");
	OK(repo_export(f->r, to, out, n, &e));
	auto_free char *first = path_join(to, "compose.yaml");
	auto_free char *last = path_join(to, "more/conf/app.ini");
	struct stat st;
	assert_int_equal(stat(first, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0755);
	assert_int_equal(stat(last, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	auto_free char *text = NULL;
	OK(file_read(last, 100, &text, NULL, &e));
	assert_string_equal(text, "a=1\n");
	REFUSED(repo_export(f->r, to, out, 1, &e), ERR_RETRY,
		"compose.yaml"); /* never over something */
	struct export_file evil = {"../evil", files[0].id, false};
	REFUSED(repo_export(f->r, to, &evil, 1, &e), ERR_REJECTED, "../evil");
	/* a link in the way is not followed */
	auto_free char *trap = path_join(to, "trap");
	assert_int_equal(symlink(f->dir, trap), 0);
	struct export_file through = {"trap/x", files[0].id, false};
	REFUSED(repo_export(f->r, to, &through, 1, &e), ERR_RETRY, "trap/x");
	files[2].id[0] = files[2].id[0] == '0' ? '1' : '0';
	OK(repo_has(f->r, files, n, &missing, &e));
	assert_ptr_equal(missing, &files[2]);
	free_files(files, n);
	commit_info_done(&c);
}

/* What a project may not hold; each is pushed alone. */
static void refuse_tree(struct fixture *f, const char *tree, const char *words)
{
	struct live_file *files = NULL;
	size_t n = 0;
	auto_free char *commit = GIT_IN(f->bare, NULL, "commit-tree", "-m", "x", tree);
	char id[OBJECT_ID_SIZE] = "";

	GIT(f->bare, "update-ref", "refs/heads/main", commit);
	OK(repo_ls(f->r, id, &e));
	OK(repo_fetch(f->r, id, &e));
	REFUSED(repo_files(f->r, tree, NULL, &files, &n, &e), ERR_REJECTED, words);
	assert_null(files);
	assert_int_equal(n, 0);
}

static void test_refused_entries(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *line, *words;
	} rows[] = {
		{"120000 blob %s\tbad-link\n", "bad-link is a symbolic link"},
		{"160000 commit %s\tsub\n", "sub is a submodule"},
	};
	static const char *const revs[] = {"main:shared.env", "main"};

	push(f, "one");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		auto_free char *object = GIT_TEXT(f->bare, "rev-parse", revs[i]);
		const char *mark = strstr(rows[i].line, "%s");
		auto_free char *in = xasprintf("%.*s%s%s", (int)(mark - rows[i].line), rows[i].line,
					       object, mark + 2);
		auto_free char *tree = GIT_IN(f->bare, in, "mktree", "--missing");
		auto_free char *up = xasprintf("040000 tree %s\tdeep\n", tree);
		auto_free char *upper = GIT_IN(f->bare, up, "mktree");

		refuse_tree(f, tree, rows[i].words);
		refuse_tree(f, upper, "deep/");
	}
	auto_free char *big = xmalloc(TREE_MAX_FILE + 2);
	memset(big, 'a', TREE_MAX_FILE + 1);
	big[TREE_MAX_FILE + 1] = '\0';
	put(f, "big", big);
	push(f, "big");
	auto_free char *tree = GIT_TEXT(f->bare, "rev-parse", "main^{tree}");
	refuse_tree(f, tree, "big has 1048577 bytes");
}

/* Trees that git itself would not write. */
static void test_hostile_trees(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *names[3];
		const char *words;
	} rows[] = {
		{{".."}, "name cannot be used"},   {{".git"}, "name cannot be used"},
		{{".GIT"}, "name cannot be used"}, {{"a/b"}, "name cannot be used"},
		{{"a\nb"}, "name cannot be used"}, {{"a", "a"}, "a is there twice"},
	};

	push(f, "one");
	auto_free char *blob = GIT_TEXT(f->bare, "rev-parse", "main:shared.env");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		git_odb *odb = NULL;
		git_oid id, made;
		auto_str struct str raw = STR_INIT;
		auto_free char *objects = path_join(f->bare, "objects");
		char hex[OBJECT_ID_SIZE];

		assert_int_equal(git_oid_fromstr(&id, blob), 0);
		for (size_t k = 0; rows[i].names[k]; k++) {
			str_add(&raw, "100644 ");
			str_addn(&raw, rows[i].names[k], strlen(rows[i].names[k]) + 1);
			str_addn(&raw, (const char *)id.id, 20);
		}
		assert_int_equal(git_odb_open(&odb, objects), 0);
		assert_int_equal(git_odb_write(&made, odb, raw.s, raw.len, GIT_OBJECT_TREE), 0);
		git_odb_free(odb);
		git_oid_tostr(hex, sizeof(hex), &made);
		refuse_tree(f, hex, rows[i].words);
	}
}

/* 12 trees that unfold to millions of files: the budget ends it. */
static void test_tree_bomb(void **state)
{
	struct fixture *f = *state;
	char id[OBJECT_ID_SIZE];

	push(f, "one");
	auto_free char *blob = GIT_TEXT(f->bare, "rev-parse", "main:shared.env");
	(void)snprintf(id, sizeof(id), "%s", blob);
	for (int level = 0; level < 9; level++) {
		auto_str struct str in = STR_INIT;

		for (int i = 0; i < 10; i++)
			str_addf(&in, "%s %s\t%d\n", level == 0 ? "100644 blob" : "040000 tree", id,
				 i);
		auto_free char *tree = GIT_IN(f->bare, in.s, "mktree");
		(void)snprintf(id, sizeof(id), "%s", tree);
	}
	refuse_tree(f, id, "more than 20000");
	for (int level = 0; level < 20; level++) {
		auto_free char *in = xasprintf("040000 tree %s\td\n", id);
		auto_free char *tree = GIT_IN(f->bare, in, "mktree");
		(void)snprintf(id, sizeof(id), "%s", tree);
	}
	refuse_tree(f, id, "");
}

static void test_ancestry(void **state)
{
	struct fixture *f = *state;
	bool yes;

	push(f, "one");
	struct commit_info one = sync_to(f);
	push(f, "two");
	struct commit_info two = sync_to(f);
	OK(repo_is_ancestor(f->r, one.id, two.id, &yes, &e));
	assert_true(yes);
	OK(repo_is_ancestor(f->r, two.id, two.id, &yes, &e));
	assert_true(yes);
	OK(repo_is_ancestor(f->r, two.id, one.id, &yes, &e));
	assert_false(yes);
	GIT(f->work, "reset", "-q", "--hard", one.id);
	push(f, "other");
	struct commit_info other = sync_to(f);
	OK(repo_is_ancestor(f->r, two.id, other.id, &yes, &e));
	assert_false(yes);
	OK(repo_is_ancestor(f->r, "0123456789012345678901234567890123456789", other.id, &yes, &e));
	assert_false(yes);
	commit_info_done(&one);
	commit_info_done(&two);
	commit_info_done(&other);
}

static void test_damage(void **state)
{
	struct fixture *f = *state;
	auto_free char *objects = path_join(f->repo, "objects");
	auto_free char *ref = path_join(f->repo, "refs/mdc/source");
	auto_free char *aside = xasprintf("%s.broken", f->repo);
	struct repo *r = NULL;

	push(f, "one");
	struct commit_info c = sync_to(f);
	commit_info_done(&c);
	/* a power cut may leave an empty ref */
	OK(file_replace_unsynced(ref, "", 0, 0600, &e));
	c = sync_to(f);
	commit_info_done(&c);
	OK(tree_remove(objects, &e));
	REFUSED(repo_open(f->repo, &f->src, &r, &e), ERR_BROKEN, "damaged");
	OK(repo_reset(f->repo, &e));
	assert_true(file_exists(aside));
	reopen(f);
	c = sync_to(f);
	commit_info_done(&c);
	OK(repo_reset(f->repo, &e)); /* the older one set aside makes room */
}

/* Every byte of the only pack turned over in turn would take long: a few suffice. */
static void test_damaged_objects(void **state)
{
	struct fixture *f = *state;
	auto_free char *objects = path_join(f->bare, "objects");
	struct live_file *files = NULL;
	struct tree_entry t;
	size_t n = 0;

	push(f, "one");
	struct commit_info c = sync_to(f);
	find(f, c.tree, "web", &t);
	auto_free char *loose = xasprintf("%s/%.2s/%s", objects, t.id, t.id + 2);
	assert_int_equal(unlink(loose), 0);
	OK(file_replace_unsynced(loose, "garbage", 7, 0444, &e));
	reopen(f);
	REFUSED(repo_files(f->r, t.id, NULL, &files, &n, &e), ERR_RETRY, t.id);
	commit_info_done(&c);
}

static void test_tags(void **state)
{
	struct fixture *f = *state;
	char id[OBJECT_ID_SIZE] = "";

	push(f, "one");
	auto_free char *one = GIT_TEXT(f->work, "rev-parse", "HEAD");
	GIT(f->work, "tag", "-a", "-m", "x", "v1.10");
	push(f, "two");
	GIT(f->work, "tag", "v1.9");
	GIT(f->work, "push", "-q", "origin", "--tags");
	f->src.branch = NULL;
	f->src.tag = (char *)(uintptr_t) "v*";
	for (int packed = 0; packed < 2; packed++) {
		OK(repo_ls(f->r, id, &e));
		assert_string_equal(id, one);
		OK(repo_fetch(f->r, id, &e));
		assert_string_equal(id, one);
		GIT(f->bare, "pack-refs", "--all");
	}
	f->src.tag = (char *)(uintptr_t) "w*";
	OK(repo_ls(f->r, id, &e));
	assert_string_equal(id, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nothing_there),
		TEST(test_fetch_and_commit),
		TEST(test_reader),
		TEST(test_files_and_export),
		TEST(test_refused_entries),
		TEST(test_hostile_trees),
		TEST(test_tree_bomb),
		TEST(test_ancestry),
		TEST(test_damage),
		TEST(test_damaged_objects),
		TEST(test_tags),
	};

	return cmocka_run_group_tests(tests, library, NULL);
}
