/* Host names, patterns and groups; and the manifest that defines the groups. */
#include "agent/eval/eval_parts.h"
#include "common/mem.h"
#include "common/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const char groups[] =
	"groups:\n  web: [server1, \"edge-*\", \"@db\"]\n  db: [\"db[12]\"]\n  none: []\n"
	"  deep: [\"@deeper\"]\n  deeper: [\"@web\"]\n";

static void split(const char *text, struct strv *out)
{
	while (*text) {
		size_t n = strcspn(text, " ");
		strv_push_own(out, xstrndup(text, n));
		text += text[n] ? n + 1 : n;
	}
}

static const struct row {
	const char *name, *host, *hosts;
	bool want;
} rows[] = {
	{"none given: every host", "a", "", true},
	{"its name", "a", "b a", true},
	{"another name", "a", "b", false},
	{"case does not count", "Server1", "SERVER1", true},
	{"pattern", "edge-7", "edge-*", true},
	{"pattern, whole name", "my-edge-7", "edge-*", false},
	{"class", "n3", "n[1-5]", true},
	{"in a group", "edge-x", "@web", true},
	{"in a group of a group", "db2", "@web", true},
	{"not in the group", "db3", "@web", false},
	{"deep", "db1", "@deep", true},
	{"a group without hosts", "a", "@none", false},
	{"an unknown group", "a", "@nobody", false},
	{"a star", "a", "*", true},
};

static void check_row(void **state)
{
	const struct row *r = *state;
	struct manifest m;
	struct err e = ERR_INIT;
	auto_diags struct diags d = DIAGS_INIT;
	auto_strv struct strv hosts = STRV_INIT;

	manifest_init(&m);
	assert_int_equal(manifest_parse(groups, strlen(groups), "mdc.yaml", &d, &m, &e), 0);
	split(r->hosts, &hosts);
	struct host_view *v = host_view_new(&m, r->host);
	assert_int_equal(host_matches(v, &hosts), r->want);
	assert_int_equal(host_matches(v, &hosts), r->want); /* also when remembered */
	host_view_free(v);
	manifest_done(&m);
}

static void check_overlap(void **state)
{
	struct manifest m;
	struct err e = ERR_INIT;
	auto_diags struct diags d = DIAGS_INIT;
	static const struct {
		const char *a, *b;
		bool want;
	} pairs[] = {
		{"", "x", true},           {"x", "y", false},       {"x y", "y z", true},
		{"@web", "server1", true}, {"@web", "x", false},    {"edge-*", "edge-*", true},
		{"edge-*", "x", false},    {"s*", "server1", true},
	};

	(void)state;
	manifest_init(&m);
	assert_int_equal(manifest_parse(groups, strlen(groups), "mdc.yaml", &d, &m, &e), 0);
	for (size_t i = 0; i < COUNT_OF(pairs); i++) {
		auto_strv struct strv a = STRV_INIT, b = STRV_INIT, names = STRV_INIT;
		split(pairs[i].a, &a);
		split(pairs[i].b, &b);
		hosts_collect(&a, &names);
		hosts_collect(&b, &names);
		for (size_t k = 0; k < m.n_groups; k++)
			hosts_collect(&m.groups[k].members, &names);
		assert_int_equal(hosts_overlap(&m, &names, &a, &b), pairs[i].want);
	}
	manifest_done(&m);
}

/* Each row: a manifest, and how its refusal begins (NULL: it is fine). */
static const struct manifest_row {
	const char *name, *in, *want;
} manifests[] = {
	{"empty", "", NULL},
	{"all keys",
	 "version: 1\natomic: true\ngroups: {a: [b]}\ndefaults: {pull: never}\nprojects: {web: {}}\n",
	 NULL},
	{"a project may be wrong alone", "projects: {web: {pul: never}, Web: {}, x: [a]}\n", NULL},
	{"project without settings", "projects:\n  web:\n", NULL},
	{"a list", "- a\n", "mdc.yaml:1:1: expected a map"},
	{"projects as a list", "projects: [web]\n",
	 "mdc.yaml:1:11: projects: expected a map of names"},
	{"hosts in defaults", "defaults: {hosts: [a]}\n",
	 "mdc.yaml:1:12: unknown key 'hosts' in defaults"},
	{"group name", "groups: {\"a b\": [c]}\n",
	 "mdc.yaml:1:17: groups: 'a b' is not a valid group name"},
	{"negation in a group", "groups: {a: [\"!c\"]}\n",
	 "mdc.yaml:1:13: groups.a: expected host names"},
	{"group of itself", "groups: {a: [\"@a\"]}\n", "mdc.yaml:1:10: group 'a' contains itself"},
	{"nine levels",
	 "groups: {a: [\"@b\"], b: [\"@c\"], c: [\"@d\"], d: [\"@e\"], e: [\"@f\"], f: [\"@g\"], g: [\"@h\"], "
	 "h: [\"@i\"], i: [x]}\n",
	 "mdc.yaml:1:10: group 'a' contains itself or is nested deeper than 8 levels"},
	{"version", "version: '1x'\n", "mdc.yaml:1:10: version: expected a whole number"},
};

static void check_manifest(void **state)
{
	const struct manifest_row *r = *state;
	struct manifest m;
	struct err e = ERR_INIT;
	auto_diags struct diags d = DIAGS_INIT;

	manifest_init(&m);
	int rc = manifest_parse(r->in, strlen(r->in), "mdc.yaml", &d, &m, &e);
	manifest_done(&m);
	if (!r->want) {
		assert_string_equal(e.cause, "");
		assert_int_equal(rc, 0);
		return;
	}
	assert_int_equal(rc, -1);
	assert_int_equal(e.kind, ERR_REJECTED);
	if (!str_starts(e.cause, r->want))
		print_message("%s\n", e.cause);
	assert_true(str_starts(e.cause, r->want));
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(rows) + COUNT_OF(manifests) + 1] = {
		cmocka_unit_test(check_overlap)};
	size_t n = 1;

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		tests[n++] = (struct CMUnitTest){rows[i].name, check_row, NULL, NULL,
						 (void *)(uintptr_t)&rows[i]};
	for (size_t i = 0; i < COUNT_OF(manifests); i++)
		tests[n++] = (struct CMUnitTest){manifests[i].name, check_manifest, NULL, NULL,
						 (void *)(uintptr_t)&manifests[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
