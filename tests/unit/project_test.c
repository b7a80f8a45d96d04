/* Projects, generations, containers and events: JSON there and back, digests, look-up, tables. */
#include "agent/model/container.h"
#include "agent/model/event.h"
#include "agent/model/generation.h"
#include "common/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct project make(const char *name)
{
	struct project p;

	project_init(&p);
	p.name = xstrdup(name);
	p.path = xasprintf("apps/%s", name);
	(void)snprintf(p.tree, sizeof(p.tree), "%040d", 1);
	strv_push(&p.files, "compose.yaml");
	strv_push(&p.env_files, "prod.env");
	strv_push(&p.claims, "port tcp/80 0.0.0.0 a:1:1");
	p.elsewhere = xcalloc(2, sizeof(*p.elsewhere));
	p.n_elsewhere = 2;
	p.elsewhere[0] = (struct elsewhere){.path = xstrdup("conf"), .id = "c0", .kind = ENTRY_DIR};
	p.elsewhere[1] =
		(struct elsewhere){.path = xstrdup("run.sh"), .id = "c1", .kind = ENTRY_EXEC};
	strv_push(&p.own.hosts, "server1");
	settings_merge(&p.settings, &p.own);
	settings_finish(&p.settings);
	project_seal(&p);
	return p;
}

static void check_round_trip(void **state)
{
	struct project p = make("web"), q, copy;

	(void)state;
	p.why_bad = xstrdup("a:1:1: b");
	auto_json cJSON *j = project_to_json(&p);
	project_from_json(j, &q);
	project_copy(&copy, &p);
	auto_json cJSON *k = project_to_json(&q);
	auto_json cJSON *l = project_to_json(&copy);
	assert_true(cJSON_Compare(j, k, true));
	assert_true(cJSON_Compare(j, l, true));
	project_seal(&q);
	assert_string_equal(p.digest, q.digest);
	project_done(&p);
	project_done(&q);
	project_done(&copy);
}

static void change_name(struct project *p)
{
	p->name[0] ^= 1;
}
static void change_tree(struct project *p)
{
	p->tree[0] = 'f';
}
static void change_file(struct project *p)
{
	strv_push(&p->files, "b.yaml");
}
static void change_env(struct project *p)
{
	strv_push(&p->env_files, "b.env");
}
static void change_elsewhere(struct project *p)
{
	p->elsewhere[0].id[0] = 'd';
}
static void change_settings(struct project *p)
{
	p->settings.suspend = TRI_YES;
}
static void change_claims(struct project *p)
{
	strv_push(&p->claims, "x");
}
static void change_own(struct project *p)
{
	strv_push(&p->own.after, "x");
}

static const struct digest_row {
	const char *name;
	void (*change)(struct project *p);
	bool differs;
} digests[] = {
	{"name", change_name, true},
	{"tree", change_tree, true},
	{"files", change_file, true},
	{"env files", change_env, true},
	{"elsewhere", change_elsewhere, true},
	{"settings", change_settings, true},
	{"what was only learned", change_claims, false},
	{"x-mdc, if the settings stay", change_own, false},
};

static void check_digest(void **state)
{
	const struct digest_row *r = *state;
	struct project p = make("web"), q = make("web");

	assert_string_equal(p.digest, q.digest);
	r->change(&q);
	project_seal(&q);
	assert_int_equal(strcmp(p.digest, q.digest) != 0, r->differs);
	project_done(&p);
	project_done(&q);
}

static void check_list(void **state)
{
	auto_projects struct projects l = PROJECTS_INIT, back;

	(void)state;
	l.v = xcalloc(3, sizeof(*l.v));
	l.n = 3;
	l.v[0] = make("c");
	l.v[1] = make("a");
	l.v[2] = make("b");
	auto_json cJSON *j = projects_to_json(&l);
	projects_from_json(j, &back); /* sorts */
	assert_string_equal(back.v[0].name, "a");
	assert_ptr_equal(projects_find(&back, "c"), &back.v[2]);
	assert_null(projects_find(&back, "d"));
	projects_done(&back);
	projects_from_json(NULL, &back);
	assert_int_equal(back.n, 0);
}

static void fill(struct generation *g)
{
	*g = (struct generation){.number = 42,
				 .made = 1790000000,
				 .source = xstrdup("/srv/a.git"),
				 .cause = xstrdup("sync")};
	(void)snprintf(g->commit.id, sizeof(g->commit.id), "%040d", 3);
	g->commit.subject = xstrdup("subject");
	g->commit.time = 1780000000;
	strv_push(&g->others, "t\tp\th");
	g->v = xcalloc(2, sizeof(*g->v));
	g->n = 2;
	for (size_t i = 0; i < 2; i++) {
		struct generation_entry *x = &g->v[i];
		*x = (struct generation_entry){.name = xstrdup(i == 0 ? "db" : "web"),
					       .status = i == 0 ? ENTRY_GOOD : ENTRY_HELD,
					       .why = i == 0 ? NULL : xstrdup("after db")};
		active_init(&x->active);
		project_done(&x->active.want);
		x->active.want = make(x->name);
		(void)snprintf(x->active.model, sizeof(x->active.model), "%064d", 9);
		x->active.files = xcalloc(1, sizeof(*x->active.files));
		x->active.n_files = 1;
		x->active.files[0] =
			(struct live_file){.path = xstrdup("a"), .id = "e0", .executable = true};
		x->active.images = xcalloc(1, sizeof(*x->active.images));
		x->active.n_images = 1;
		x->active.images[0] = (struct pinned_image){.service = xstrdup("a"),
							    .ref = xstrdup("x:1"),
							    .pin = xstrdup("x:1@sha256:0"),
							    .id = xstrdup("sha256:1")};
		json_set_str(x->active.hashes, "a", "hash");
		x->active.generation = 41;
	}
}

static void check_generation(void **state)
{
	auto_generation struct generation g, back;

	(void)state;
	fill(&g);
	auto_json cJSON *j = generation_to_json(&g);
	generation_from_json(j, &back);
	auto_json cJSON *k = generation_to_json(&back);
	assert_true(cJSON_Compare(j, k, true));
	assert_int_equal(back.number, 42);
	assert_int_equal(generation_find(&back, "web")->status, ENTRY_HELD);
	assert_null(generation_find(&back, "none"));
	assert_int_equal(back.v[0].active.files[0].executable, true);
	assert_int_equal(back.others.n, 1);
}

static void check_empty(void **state)
{
	auto_generation struct generation g;
	auto_active struct active a;

	(void)state;
	generation_from_json(NULL, &g);
	assert_int_equal(g.n, 0);
	active_from_json(NULL, &a);
	assert_non_null(a.hashes);
	assert_int_equal(entry_status_parse("nonsense"), ENTRY_MISSING);
	assert_int_equal(entry_kind_parse("nonsense"), ENTRY_SUBMODULE);
}

static void check_containers(void **state)
{
	(void)state;
	for (int i = 0; i <= CONTAINER_UNKNOWN; i++)
		assert_int_equal(
			container_state_parse(container_state_name((enum container_state)i)), i);
	assert_int_equal(container_state_parse("stopped"), CONTAINER_EXITED); /* Podman */
	assert_int_equal(container_state_parse("nonsense"), CONTAINER_UNKNOWN);
	assert_int_equal(container_state_parse(NULL), CONTAINER_UNKNOWN);
}

static void check_events(void **state)
{
	(void)state;
	for (int i = 0; i < EVENT_COUNT; i++) {
		const struct event_kind *k = event_kind((enum event)i);
		assert_non_null(k->name);
		assert_true(k->priority >= 1 && k->priority <= 7);
		assert_int_equal(strspn(k->id, "0123456789abcdef"), 32);
		assert_int_equal(strlen(k->id), 32);
		assert_true(k->meaning[0] && k->advice[0]);
		for (int j = 0; j < i; j++) {
			assert_string_not_equal(k->id, event_kind((enum event)j)->id);
			assert_string_not_equal(k->name, event_kind((enum event)j)->name);
		}
	}
}

int main(void)
{
	enum { OTHERS = 6 };
	struct CMUnitTest tests[COUNT_OF(digests) + OTHERS] = {
		cmocka_unit_test(check_round_trip), cmocka_unit_test(check_list),
		cmocka_unit_test(check_generation), cmocka_unit_test(check_empty),
		cmocka_unit_test(check_containers), cmocka_unit_test(check_events)};

	for (size_t i = 0; i < COUNT_OF(digests); i++)
		tests[OTHERS + i] = (struct CMUnitTest){digests[i].name, check_digest, NULL, NULL,
							(void *)(uintptr_t)&digests[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
