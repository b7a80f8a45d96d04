/*
 * retention - see retention.h. First what is needed, then count and age, then the share of each
 * disk: the oldest that nobody needs, then what was set aside, then the oldest generations.
 * Depends on: common.
 */
#include "agent/model/retention.h"

#include "common/mem.h"

#include <string.h>

bool retention_drops(const struct retention_verdict *v)
{
	return v->why >= DROP_EMPTY;
}

/* Are its copies all gone, because they were put back? */
static bool is_empty(const struct snapshot *x)
{
	for (size_t i = 0; i < x->n; i++)
		if (!x->v[i].moved)
			return false;
	return x->n > 0;
}

int64_t retention_after(const struct generation *g, size_t n_g, const struct generation_entry *x)
{
	int64_t after = INT64_MAX;

	for (size_t i = 0; i < n_g; i++) {
		const struct generation_entry *other = generation_find(&g[i], x->name);

		if (other && other->status != ENTRY_MISSING &&
		    other->active.generation > x->active.generation &&
		    other->active.generation < after)
			after = other->active.generation;
	}
	return after;
}

/* Does it hold what this content had written? */
static bool belongs(const struct snapshot *s, const struct generation_entry *x, int64_t after)
{
	return s->kind != SNAPSHOT_FAILED && !is_empty(s) && strcmp(s->project, x->name) == 0 &&
	       strcmp(s->digest, x->active.want.digest) == 0 &&
	       s->generation >= x->active.generation && s->generation < after;
}

ssize_t retention_serves(const struct snapshot *v, size_t n, const struct generation_entry *x,
			 int64_t after)
{
	while (n-- > 0)
		if (belongs(&v[n], x, after))
			return (ssize_t)n;
	return -1;
}

/* The one that was taken on the way to this entry: what its deployment would have gone back to. */
static ssize_t way_back(const struct retention_question *q, const struct generation_entry *x)
{
	for (size_t i = q->n; i-- > 0;)
		if (q->v[i].kind == SNAPSHOT_TRIAL && q->v[i].before == x->active.generation &&
		    strcmp(q->v[i].project, x->name) == 0 && !is_empty(&q->v[i]))
			return (ssize_t)i;
	return -1;
}

static void need(struct retention_verdict *out, ssize_t at, int64_t generation)
{
	if (at >= 0 && out[at].why != KEEP_OPEN)
		out[at] = (struct retention_verdict){.why = KEEP_NEEDED, .generation = generation};
}

/* What generation g needs. Only projects with snapshots are looked at. */
static void need_of(const struct retention_question *q, const struct generation *g,
		    struct retention_verdict *out)
{
	for (size_t i = 0; i < q->n; i++) {
		const struct generation_entry *x = generation_find(g, q->v[i].project);
		bool seen = i > 0 && strcmp(q->v[i - 1].project, q->v[i].project) == 0;

		if (seen || !x || x->status == ENTRY_MISSING)
			continue;
		need(out, retention_serves(q->v, q->n, x, retention_after(q->g, q->n_g, x)),
		     g->number);
		if (g->number == q->current)
			need(out, way_back(q, x), g->number);
	}
}

/* How many newer ones of the same project and kind there are that still have something. */
static int newer(const struct retention_question *q, size_t at)
{
	int n = 0;

	for (size_t i = at + 1; i < q->n; i++)
		n += q->v[i].kind == q->v[at].kind && !is_empty(&q->v[i]) &&
		     strcmp(q->v[i].project, q->v[at].project) == 0;
	return n;
}

static struct retention_verdict by_limits(const struct retention_question *q, size_t at)
{
	const struct snapshot *x = &q->v[at];
	struct retention_verdict v = {.why = KEEP_NEWEST};

	if (q->open && strv_has(q->open, x->id)) {
		v.why = KEEP_OPEN;
	} else if (is_empty(x)) {
		v.why = DROP_EMPTY;
	} else if (x->kind == SNAPSHOT_FAILED) {
		v.until = x->made + q->limits->failed_data_ms / 1000;
		v.why = v.until > q->now ? KEEP_FAILED : DROP_AGE;
	} else if (newer(q, at) >= q->limits->snapshots) {
		v.why = DROP_COUNT;
	}
	return v;
}

static void judge(const struct retention_question *q, const bool *retired,
		  struct retention_verdict *out)
{
	for (size_t i = 0; i < q->n; i++)
		out[i] = by_limits(q, i);
	for (size_t i = 0; i < q->n_g; i++)
		if (!retired[i])
			need_of(q, &q->g[i], out);
}

static int64_t used(const struct retention_question *q, const struct retention_verdict *out,
		    size_t disk)
{
	int64_t sum = 0;

	for (size_t i = 0; i < q->n_uses; i++)
		if (q->uses[i].disk == disk && !retention_drops(&out[q->uses[i].snapshot]) &&
		    q->uses[i].bytes > 0)
			sum += q->uses[i].bytes;
	return sum;
}

/* The first disk whose share is exceeded and that is not given up; n_disks: none. */
static size_t exceeded(const struct retention_question *q, const struct retention_verdict *out,
		       const bool *given_up)
{
	for (size_t d = 0; d < q->n_disks; d++)
		if (!given_up[d] && q->disks[d].total_bytes > 0 &&
		    used(q, out, d) > q->disks[d].total_bytes / 100 * q->limits->snapshot_share)
			return d;
	return q->n_disks;
}

static bool lies_on(const struct retention_question *q, size_t snapshot, size_t disk)
{
	for (size_t i = 0; i < q->n_uses; i++)
		if (q->uses[i].snapshot == snapshot && q->uses[i].disk == disk &&
		    q->uses[i].bytes > 0)
			return true;
	return false;
}

/* The oldest on this disk that is kept for that reason only; n: none. */
static size_t oldest(const struct retention_question *q, const struct retention_verdict *out,
		     enum retention_why why, size_t disk)
{
	for (size_t i = 0; i < q->n; i++)
		if (out[i].why == why && lies_on(q, i, disk))
			return i;
	return q->n;
}

/* `current` and the one before it always stay. */
static bool may_retire(const struct retention_question *q, size_t at)
{
	int64_t before = 0;

	for (size_t i = 0; i < q->n_g; i++)
		if (q->g[i].number < q->current)
			before = q->g[i].number;
	return q->g[at].number != q->current && q->g[at].number != before;
}

/* Does it need something on this disk? */
static bool holds_room(const struct retention_question *q, size_t at, size_t disk)
{
	for (size_t i = 0; i < q->n; i++) {
		const struct generation_entry *x = generation_find(&q->g[at], q->v[i].project);

		if (x && x->status != ENTRY_MISSING && lies_on(q, i, disk) &&
		    retention_serves(q->v, q->n, x, retention_after(q->g, q->n_g, x)) == (ssize_t)i)
			return true;
	}
	return false;
}

static bool retire_one(const struct retention_question *q, bool *retired, size_t disk)
{
	for (size_t i = 0; i < q->n_g; i++) {
		if (retired[i] || !may_retire(q, i) || !holds_room(q, i, disk))
			continue;
		retired[i] = true;
		return true;
	}
	return false;
}

/* Once more, with what the share has already cost. */
static void judge_again(const struct retention_question *q, const bool *retired, const bool *lost,
			struct retention_verdict *out)
{
	judge(q, retired, out);
	for (size_t i = 0; i < q->n; i++)
		if (lost[i] && !retention_drops(&out[i]))
			out[i] = (struct retention_verdict){.why = DROP_SHARE};
}

void retention_choose(const struct retention_question *q, struct retention_verdict *out,
		      bool *retire)
{
	auto_free bool *retired = xcalloc(q->n_g + 1, sizeof(*retired));
	auto_free bool *lost = xcalloc(q->n + 1, sizeof(*lost));
	auto_free bool *given_up = xcalloc(q->n_disks + 1, sizeof(*given_up));
	size_t disk;

	judge(q, retired, out);
	while ((disk = exceeded(q, out, given_up)) < q->n_disks) {
		size_t at = oldest(q, out, KEEP_NEWEST, disk);

		if (at == q->n)
			at = oldest(q, out, KEEP_FAILED, disk);
		if (at < q->n)
			lost[at] = true;
		else if (!retire || !retire_one(q, retired, disk))
			given_up[disk] = true;
		judge_again(q, retired, lost, out);
	}
	for (size_t i = 0; retire && i < q->n_g; i++)
		retire[i] = retired[i];
}
