/*
 * Tests of agent/engine/images, against an engine that answers from a table.
 */
#include "engine_fixture.h"

#define ID    "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define TAG   "0123456789abcdef0123456789abcdef"
#define OTHER "sha256:fff3456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct row {
	const char *name, *ref;
	struct canned answer;
	int want;
	enum err_kind kind;
	bool found;
} rows[] = {
	{"found",
	 "reg.example:5000/a/b:1",
	 {"GET /images/reg.example:5000/a/b:1/json", 200,
	  "{\"Id\":\"" ID
	  "\",\"RepoDigests\":[\"a@sha256:1\",\"b@sha256:2\"],\"RepoTags\":[\"a:1\"]}",
	  CANNED_JSON, 0},
	 0,
	 ERR_NONE,
	 true},
	{"podman's bare id",
	 "a@sha256:12",
	 {"GET /images/a@sha256:12/json", 200,
	  "{\"Id\":\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\","
	  "\"RepoDigests\":[\"a@sha256:1\",\"b@sha256:2\"],\"RepoTags\":[\"a:1\"]}",
	  CANNED_JSON, 0},
	 0,
	 ERR_NONE,
	 true},
	{"not here",
	 "a:1",
	 {"GET /images/a:1/json", 404, "{}", CANNED_JSON, 0},
	 0,
	 ERR_NONE,
	 false},
	{"not a name",
	 "A B",
	 {"GET /images/A B/json", 400, "{\"message\":\"invalid reference format\"}", CANNED_JSON,
	  0},
	 -1,
	 ERR_REJECTED,
	 false},
	{"broken engine", "a:1", {"GET /images", 500, "{}", CANNED_JSON, 0}, -1, ERR_RETRY, false},
	{"no id", "a:1", {"GET /images", 200, "{}", CANNED_JSON, 0}, -1, ERR_RETRY, false},
	{"another path",
	 "../containers",
	 {"GET /", 200, "{}", CANNED_JSON, 0},
	 -1,
	 ERR_REJECTED,
	 false},
	{"empty", "", {"GET /", 200, "{}", CANNED_JSON, 0}, -1, ERR_REJECTED, false},
};

static void check_row(void **state)
{
	const struct row *r = *state;
	const struct canned table[] = {r->answer, {.request = NULL}};
	auto_image_info struct image_info i = {.id = NULL};
	struct fake_engine f;
	struct err e = ERR_INIT;
	bool found = !r->found;

	fake_start(&f, table, NULL);
	assert_int_equal(engine_image(f.g, r->ref, &i, &found, &e), r->want);
	assert_int_equal(e.kind, r->kind);
	assert_int_equal(found, r->want == 0 ? r->found : !r->found);
	if (r->found) {
		assert_string_equal(i.id, ID);
		assert_int_equal(i.digests.n, 2);
		assert_int_equal(i.tags.n, 1);
	}
	fake_stop(&f);
}

static void check_keep(void **state)
{
	static const struct canned table[] = {
		{"POST /images/" ID "/tag?repo=mdc-keep&tag=" TAG, 201, "", CANNED_JSON, 0},
		{"DELETE /images/mdc-keep:" TAG, 200, "[{\"Untagged\":\"x\"}]", CANNED_JSON, 0},
		{"POST /images/" OTHER "/tag?repo=web&tag=v1.0", 201, "", CANNED_JSON, 0},
		{"DELETE /images/mdc-keep:fff3", 409, "{\"message\":\"in use\"}", CANNED_JSON, 0},
		{.request = NULL},
	};
	struct fake_engine f;
	struct err e = ERR_INIT;

	(void)state;
	fake_start(&f, table, NULL);
	assert_int_equal(engine_image_keep(f.g, ID, &e), 0);
	assert_int_equal(engine_image_unkeep(f.g, ID, &e), 0);
	assert_int_equal(engine_image_unkeep(f.g, OTHER, &e), 0); /* a container holds it: later */
	assert_int_equal(engine_image_tag(f.g, OTHER, "web", "v1.0", &e), 0);
	assert_int_equal(engine_image_keep(f.g, OTHER, &e), -1); /* 404: it is gone */
	assert_int_equal(e.kind, ERR_RETRY);
	assert_int_equal(engine_image_keep(f.g, "web:1", &e), -1);
	assert_int_equal(e.kind, ERR_BROKEN);
	assert_int_equal(engine_image_unkeep(f.g, "sha256:../..", &e), -1);
	fake_stop(&f);
}

static void check_kept(void **state)
{
	static const struct canned table[] = {
		{"GET /images/json", 200,
		 "[{\"Id\":\"" ID "\",\"RepoTags\":[\"web:1\",\"mdc-keep:" TAG "\"]},"
		 "{\"Id\":\"" OTHER
		 "\",\"RepoTags\":[\"localhost/mdc-keep:fff3456789abcdef0123456789abcdef\"]},"
		 /* a tag of that name on another image is not ours */
		 "{\"Id\":\"sha256:eee3456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\","
		 "\"RepoTags\":[\"mdc-keep:0000\"]},"
		 "{\"Id\":\"x\",\"RepoTags\":null},{}]",
		 CANNED_JSON, 0},
		{.request = NULL},
	};
	struct fake_engine f;
	auto_strv struct strv ids = STRV_INIT;
	struct err e = ERR_INIT;

	(void)state;
	fake_start(&f, table, NULL);
	assert_int_equal(engine_images_kept(f.g, &ids, &e), 0);
	assert_int_equal(ids.n, 2);
	assert_string_equal(ids.v[0], ID);
	assert_string_equal(ids.v[1], OTHER);
	fake_stop(&f);
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(rows) + 2] = {
		cmocka_unit_test(check_keep),
		cmocka_unit_test(check_kept),
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		tests[i + 2] = (struct CMUnitTest){rows[i].name, check_row, NULL, NULL,
						   (void *)(uintptr_t)&rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
