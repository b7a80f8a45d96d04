/*
 * Tests of agent/engine/repair and leftover_model: what they touch of what a killed Compose left
 * behind, and above all what they leave alone.
 */
#include "engine_fixture.h"

#include "agent/engine/leftover_model.h"
#include "common/json.h"

#define PROJECT "\"com.docker.compose.project\":\"k\""
#define OURS    PROJECT ",\"mdc.managed\":\"1\""
#define C(id, name, state, labels)                                                                 \
	"{\"Id\":\"" id "\",\"Names\":[\"/" name "\"],\"State\":\"" state "\",\"Labels\":{" labels \
	"}}"

static const struct row {
	const char *name, *list;
	const char *requests; /* what was asked to change */
	const char *done;
	int want;
} rows[] = {
	{"nothing to do", C("a", "k-s1-1", "running", OURS), "", "", 0},
	{"never swapped in",
	 C("a", "k-s1-1", "running", OURS) "," C("b", "0123456789ab_k-s1-1", "created", OURS),
	 "DELETE /containers/b?force=1\n", "removed the unfinished container 0123456789ab_k-s1-1",
	 0},
	{"never swapped in, before we took over", C("b", "0123456789ab_k-s1-1", "created", PROJECT),
	 "DELETE /containers/b?force=1\n", "removed the unfinished container 0123456789ab_k-s1-1",
	 0},
	{"ran, its name is free", C("b", "0123456789ab_k-s1-1", "running", OURS),
	 "POST /containers/b/rename?name=k-s1-1\n",
	 "renamed container 0123456789ab_k-s1-1 to k-s1-1", 0},
	{"ran, its name is taken",
	 C("a", "k-s1-1", "exited", OURS) "," C("b", "0123456789ab_k-s1-1", "exited", OURS),
	 "DELETE /containers/b?force=1\n", "removed the duplicate container 0123456789ab_k-s1-1",
	 0},
	{"ran, not ours, but Compose says so",
	 C("b", "0123456789ab_k-s1-1", "exited", PROJECT ",\"com.docker.compose.replace\":\"x\""),
	 "POST /containers/b/rename?name=k-s1-1\n",
	 "renamed container 0123456789ab_k-s1-1 to k-s1-1", 0},
	{"a person's name for it", C("b", "0123456789ab_db", "running", PROJECT), "", "", 0},
	{"dead and ours", C("a", "k-s1-1", "dead", OURS), "DELETE /containers/a?force=1\n",
	 "removed the dead container k-s1-1", 0},
	{"being removed", C("a", "k-s1-1", "removing", OURS), "DELETE /containers/a?force=1\n",
	 "removed the dead container k-s1-1", 0},
	{"dead and not ours", C("a", "k-s1-1", "dead", PROJECT), "", "", 0},
	{"another project that the engine listed anyway",
	 C("b", "0123456789ab_k-s1-1", "created",
	   "\"com.docker.compose.project\":\"k2\",\"mdc.managed\":\"1\""),
	 "", "", 0},
	{"names that only look like it",
	 C("b", "0123456789a_k-s1-1", "created",
	   OURS) "," C("c", "0123456789abc_k", "created",
		       OURS) "," C("d", "0123456789AB_k", "created",
				   OURS) "," C("e", "0123456789ab_", "created",
					       OURS) "," C("f", "0123456789ab-k", "created", OURS),
	 "", "", 0},
	{"gone by itself", C("gone", "0123456789ab_k-s1-1", "created", OURS),
	 "DELETE /containers/gone?force=1\n",
	 "removed the unfinished container 0123456789ab_k-s1-1", 0},
	{"the engine fails", C("ill", "0123456789ab_k-s1-1", "created", OURS),
	 "DELETE /containers/ill?force=1\n", "", -1},
};

static void check_row(void **state)
{
	const struct row *r = *state;
	auto_free char *list = xasprintf("[%s]", r->list);
	const struct canned table[] = {
		{"GET /containers/json", 200, list, CANNED_JSON, 0},
		{"DELETE /containers/gone", 404, "{}", CANNED_JSON, 0},
		{"DELETE /containers/ill", 500, "{}", CANNED_JSON, 0},
		{"DELETE /containers/", 204, "", CANNED_JSON, 0},
		{"POST /containers/", 204, "", CANNED_JSON, 0},
		{.request = NULL},
	};
	struct fake_engine f;
	auto_strv struct strv done = STRV_INIT;
	struct err e = ERR_INIT;

	fake_start(&f, table, NULL);
	assert_int_equal(engine_repair(f.g, "k", &done, &e), r->want);
	if (r->want < 0)
		assert_int_equal(e.kind, ERR_RETRY);
	auto_free char *requests = fake_read(&f, "requests");
	auto_free char *words = strv_join(&done, "; ");
	const char *changes = strchr(requests, '\n'); /* behind the list */

	assert_non_null(changes);
	assert_string_equal(changes + 1, r->requests);
	assert_string_equal(words, r->done);
	fake_stop(&f);
}

#define SERVICE(id, service, depends)                                                              \
	C(id, id, "running",                                                                       \
	  PROJECT ",\"com.docker.compose.service\":\"" service                                     \
		  "\",\"com.docker.compose.depends_on\":\"" depends "\"")

static const struct leftover {
	const char *name, *containers, *networks, *want;
} leftovers[] = {
	{"nothing", "", "", NULL},
	{"order, without what is gone",
	 SERVICE("a", "web",
		 "db:service_healthy:false,job:service_completed_successfully:false") "," SERVICE("b",
												  "db",
												  ""),
	 "",
	 "{\"name\":\"k\",\"networks\":{},\"services\":{\"db\":{\"image\":\"unused\"},\"web\":{\"depends_on\":"
	 "{\"db\":{\"condition\":\"service_started\"}},\"image\":\"unused\"}}}"},
	{"a circle made of two versions",
	 SERVICE("a", "web", "db:service_started:false") "," SERVICE("b", "db",
								     "web:service_started:false"),
	 "",
	 "{\"name\":\"k\",\"networks\":{},\"services\":{\"db\":{\"image\":\"unused\"},\"web\":{\"depends_on\":"
	 "{\"db\":{\"condition\":\"service_started\"}},\"image\":\"unused\"}}}"},
	{"a network that was left alone", "",
	 "{\"Name\":\"k_default\",\"Labels\":{" PROJECT
	 ",\"com.docker.compose.network\":\"default\"}},"
	 "{\"Name\":\"other\",\"Labels\":{\"com.docker.compose.project\":\"x\",\"com.docker.compose.network\":\"n\"}}",
	 "{\"name\":\"k\",\"networks\":{\"default\":{\"name\":\"k_default\"}},\"services\":{\"leftover\":{\"image\":"
	 "\"unused\",\"networks\":{\"default\":null}}}}"},
};

static void check_leftover(void **state)
{
	const struct leftover *l = *state;
	auto_free char *containers = xasprintf("[%s]", l->containers);
	auto_free char *networks = xasprintf("[%s]", l->networks);
	const struct canned table[] = {
		{"GET /containers/json", 200, containers, CANNED_JSON, 0},
		{"GET /networks?filters=", 200, networks, CANNED_JSON, 0},
		{.request = NULL},
	};
	struct fake_engine f;
	auto_json cJSON *model = NULL;
	struct err e = ERR_INIT;

	fake_start(&f, table, NULL);
	assert_int_equal(leftover_model(f.g, "k", &model, &e), 0);
	if (l->want) {
		auto_free char *text = json_canonical(model);

		assert_string_equal(text, l->want);
	} else {
		assert_null(model);
	}
	fake_stop(&f);
}

#define ENDPOINT "endpoint with name k-s1-1 already exists in network k_default"

static const struct endpoint {
	const char *name, *why, *list, *requests;
	int status;
	bool done;
} endpoints[] = {
	{"of a container that was removed", "x: " ENDPOINT ": y", C("a", "k-s1-1", "created", OURS),
	 "POST /networks/k_default/disconnect\n", 200, true},
	{"the engine does not know it", ENDPOINT, C("a", "k-s1-1", "created", OURS),
	 "POST /networks/k_default/disconnect\n", 404, false},
	{"in use", ENDPOINT, C("a", "k-s1-1", "running", OURS), "", 200, false},
	{"of another project", ENDPOINT,
	 C("a", "k-s1-1", "created", "\"com.docker.compose.project\":\"k2\""), "", 200, false},
	{"of nobody", ENDPOINT, "", "", 200, false},
	{"another error", "port is already allocated", C("a", "k-s1-1", "created", OURS), NULL, 200,
	 false},
	{"no name", "endpoint with name  already exists in network ", "", NULL, 200, false},
};

static void check_endpoint(void **state)
{
	const struct endpoint *r = *state;
	auto_free char *list = xasprintf("[%s]", r->list);
	const struct canned table[] = {
		{"GET /containers/json", 200, list, CANNED_JSON, 0},
		{"POST /networks/", r->status, "{}", CANNED_JSON, 0},
		{.request = NULL},
	};
	struct fake_engine f;
	struct err e = ERR_INIT;
	bool done = false;

	fake_start(&f, table, NULL);
	assert_int_equal(engine_release_endpoint(f.g, "k", r->why, &done, &e), 0);
	assert_int_equal(done, r->done);
	auto_free char *requests = fake_read(&f, "requests");
	const char *changes = strchr(requests, '\n'); /* behind the list */

	if (r->requests)
		assert_string_equal(changes ? changes + 1 : "?", r->requests);
	else
		assert_string_equal(requests, ""); /* not even the list is asked for */
	fake_stop(&f);
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(rows) + COUNT_OF(leftovers) + COUNT_OF(endpoints)];
	size_t n = 0;

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		tests[n++] = (struct CMUnitTest){rows[i].name, check_row, NULL, NULL,
						 (void *)(uintptr_t)&rows[i]};
	for (size_t i = 0; i < COUNT_OF(leftovers); i++)
		tests[n++] = (struct CMUnitTest){leftovers[i].name, check_leftover, NULL, NULL,
						 (void *)(uintptr_t)&leftovers[i]};
	for (size_t i = 0; i < COUNT_OF(endpoints); i++)
		tests[n++] = (struct CMUnitTest){endpoints[i].name, check_endpoint, NULL, NULL,
						 (void *)(uintptr_t)&endpoints[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
