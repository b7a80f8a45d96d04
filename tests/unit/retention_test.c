/* Which snapshots stay: a table of cases. */
#include "agent/model/retention.h"
#include "common/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { MOST = 12, DAY = 86400, NOW = 100 * DAY };

/*
 * Generations as "content+since" of one project "p", oldest first, numbered from `first`: content
 * is a letter. Snapshots as kind, content, generation, before, age in days, MB. want: a letter
 * each: o open, n needed, k newest, f failed data, . dropped.
 */
static const struct row {
	const char *name;
	struct {
		char content;
		int since;
	} g[MOST];
	int first, current;
	struct {
		char kind, content; /* t m f; T: its copies were put back */
		int generation, before, age, mb;
	} v[MOST];
	const char *open; /* id of one, "s<index>" */
	int limit, share, disk_mb;
	const char *want, *retired; /* generations that give way: numbers, '1' + index letters */
} rows[] = {
	{.name = "nothing", .limit = 5, .want = ""},
	{.name = "each kept generation keeps its own, the limit counts for the rest",
	 .first = 3,
	 .current = 5,
	 .g = {{'c', 3}, {'d', 4}, {'e', 5}},
	 .limit = 1,
	 .v = {{'t', 'a', 1, 2, 9, 1},
	       {'t', 'b', 2, 3, 8, 1},
	       {'t', 'c', 3, 4, 7, 1},
	       {'t', 'd', 4, 5, 6, 1}},
	 .want = "..nn"},
	{.name = "the limit alone",
	 .first = 9,
	 .current = 9,
	 .g = {{'z', 9}},
	 .limit = 2,
	 .v = {{'t', 'a', 1, 2, 9, 1},
	       {'t', 'b', 2, 3, 8, 1},
	       {'t', 'c', 3, 4, 7, 1},
	       {'m', 'a', 1, 0, 9, 1}},
	 .want = ".kkk"},
	{.name = "by hand does not push out a trial's, nor the other way round",
	 .first = 9,
	 .current = 9,
	 .g = {{'z', 9}},
	 .limit = 1,
	 .v = {{'m', 'a', 1, 0, 9, 1}, {'t', 'a', 1, 2, 8, 1}, {'t', 'b', 2, 3, 7, 1}},
	 .want = "k.k"},
	{.name = "of several of one content the newest is needed",
	 .first = 1,
	 .current = 4,
	 .g = {{'a', 1}, {'a', 1}, {'a', 1}, {'b', 4}},
	 .limit = 0,
	 .v = {{'m', 'a', 1, 0, 9, 1}, {'m', 'a', 2, 0, 8, 1}, {'t', 'a', 3, 4, 7, 1}},
	 .want = "..n"},
	{.name = "the same content at another time is other data",
	 .first = 1,
	 .current = 3,
	 .g = {{'a', 1}, {'b', 2}, {'a', 3}},
	 .limit = 0,
	 .v = {{'t', 'a', 1, 2, 9, 1}, {'t', 'b', 2, 3, 8, 1}, {'t', 'a', 3, 4, 7, 1}},
	 .want = "nnn"},
	{.name = "the way that current would have gone back stays, whatever is kept",
	 .first = 50,
	 .current = 50,
	 .g = {{'b', 20}},
	 .limit = 0,
	 .v = {{'t', 'x', 10, 11, 90, 1}, {'t', 'a', 19, 20, 80, 1}},
	 .want = ".n"},
	{.name = "after a rollback the left ones are still kept",
	 .first = 1,
	 .current = 1,
	 .g = {{'a', 1}, {'b', 2}},
	 .limit = 0,
	 .v = {{'t', 'a', 1, 2, 9, 1}, {'t', 'b', 2, 1, 8, 1}},
	 .want = "nn"},
	{.name = "failed data by age",
	 .first = 2,
	 .current = 2,
	 .g = {{'a', 2}},
	 .limit = 5,
	 .v = {{'f', 'x', 2, 3, 8, 1}, {'f', 'y', 2, 4, 6, 1}},
	 .want = ".f"},
	{.name = "failed data is nobody's to go back to",
	 .first = 1,
	 .current = 2,
	 .g = {{'a', 1}, {'b', 2}},
	 .limit = 0,
	 .v = {{'f', 'a', 1, 2, 9, 1}},
	 .want = "."},
	{.name = "an open trial's stays",
	 .first = 2,
	 .current = 2,
	 .g = {{'a', 2}},
	 .limit = 0,
	 .open = "s0",
	 .v = {{'f', 'x', 1, 2, 99, 1}, {'t', 'x', 1, 2, 99, 1}},
	 .want = "on"},
	{.name = "what was put back is gone, the one before serves",
	 .first = 1,
	 .current = 2,
	 .g = {{'a', 1}, {'b', 2}},
	 .limit = 0,
	 .v = {{'m', 'a', 1, 0, 9, 1}, {'T', 'a', 1, 2, 8, 1}},
	 .want = "n."},
	{.name = "share: oldest first, then failed data",
	 .first = 9,
	 .current = 9,
	 .g = {{'z', 9}},
	 .limit = 5,
	 .share = 20,
	 .disk_mb = 100,
	 .v = {{'f', 'x', 9, 10, 3, 10},
	       {'t', 'a', 1, 2, 9, 10},
	       {'t', 'b', 2, 3, 8, 10},
	       {'t', 'c', 3, 4, 7, 10}},
	 .want = "f..k"},
	{.name = "share: what is needed stays until generations give way",
	 .first = 1,
	 .current = 5,
	 .g = {{'a', 1}, {'b', 2}, {'c', 3}, {'d', 4}, {'e', 5}},
	 .limit = 5,
	 .share = 20,
	 .disk_mb = 100,
	 .v = {{'t', 'a', 1, 2, 9, 10},
	       {'t', 'b', 2, 3, 8, 10},
	       {'t', 'c', 3, 4, 7, 10},
	       {'t', 'd', 4, 5, 6, 10}},
	 .want = "..nn",
	 .retired = "12"},
	{.name = "share: current and the one before it never give way",
	 .first = 4,
	 .current = 5,
	 .g = {{'d', 4}, {'e', 5}},
	 .limit = 5,
	 .share = 1,
	 .disk_mb = 100,
	 .v = {{'t', 'd', 4, 5, 9, 90}},
	 .want = "n"},
	{.name = "share: copies that take nothing are not touched for it",
	 .first = 9,
	 .current = 9,
	 .g = {{'z', 9}},
	 .limit = 5,
	 .share = 1,
	 .disk_mb = 100,
	 .v = {{'t', 'a', 1, 2, 9, 0}, {'t', 'b', 2, 3, 8, 5}},
	 .want = "k."},
};

static void fill_generations(const struct row *r, struct generation *g, size_t *n)
{
	for (*n = 0; *n < MOST && r->g[*n].content; (*n)++) {
		struct generation *x = &g[*n];

		x->number = r->first + (int)*n;
		x->v = xcalloc(1, sizeof(*x->v));
		x->n = 1;
		x->v[0].name = xstrdup("p");
		active_init(&x->v[0].active);
		x->v[0].active.generation = r->g[*n].since;
		x->v[0].active.want.digest[0] = r->g[*n].content;
	}
}

static void fill_snapshots(const struct row *r, struct snapshot *v, struct retention_use *uses,
			   size_t *n)
{
	for (*n = 0; *n < MOST && r->v[*n].kind; (*n)++) {
		struct snapshot *x = &v[*n];
		char kind = r->v[*n].kind;

		x->id = xasprintf("s%zu", *n);
		x->project = xstrdup("p");
		x->kind = kind == 'm'   ? SNAPSHOT_MANUAL
			  : kind == 'f' ? SNAPSHOT_FAILED
					: SNAPSHOT_TRIAL;
		x->generation = r->v[*n].generation;
		x->before = r->v[*n].before;
		x->made = NOW - (int64_t)r->v[*n].age * DAY;
		x->digest[0] = r->v[*n].content;
		x->v = xcalloc(1, sizeof(*x->v));
		x->n = 1;
		x->v[0].moved = kind == 'T';
		uses[*n] =
			(struct retention_use){.snapshot = *n, .bytes = (int64_t)r->v[*n].mb << 20};
	}
}

static void check(void **state)
{
	const struct row *r = *state;
	struct generation g[MOST] = {0};
	struct snapshot v[MOST] = {0};
	struct retention_use uses[MOST];
	struct retention_verdict out[MOST] = {0};
	struct retention_disk disk = {.total_bytes = (int64_t)r->disk_mb << 20};
	struct retention_config limits = {.snapshots = r->limit,
					  .failed_data_ms = 7LL * DAY * 1000,
					  .snapshot_share = r->share};
	auto_strv struct strv open = STRV_INIT;
	bool retire[MOST] = {false};
	char got[MOST + 1] = "", retired[MOST + 1] = "";
	struct retention_question q = {.v = v,
				       .g = g,
				       .current = r->current,
				       .open = &open,
				       .limits = &limits,
				       .now = NOW,
				       .uses = uses,
				       .disks = &disk,
				       .n_disks = r->disk_mb > 0};

	if (r->open)
		strv_push(&open, r->open);
	fill_generations(r, g, &q.n_g);
	fill_snapshots(r, v, uses, &q.n);
	q.n_uses = q.n;
	retention_choose(&q, out, retire);
	for (size_t i = 0; i < q.n; i++)
		got[i] = retention_drops(&out[i]) ? '.' : "onkf"[out[i].why];
	assert_string_equal(got, r->want);
	for (size_t i = 0, k = 0; i < q.n_g; i++)
		if (retire[i])
			retired[k++] = (char)('0' + g[i].number);
	assert_string_equal(retired, r->retired ? r->retired : "");
	for (size_t i = 0; i < q.n; i++)
		snapshot_done(&v[i]);
	for (size_t i = 0; i < q.n_g; i++)
		generation_done(&g[i]);
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(rows)];

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		tests[i] = (struct CMUnitTest){rows[i].name, check, NULL, NULL,
					       (void *)(uintptr_t)&rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
