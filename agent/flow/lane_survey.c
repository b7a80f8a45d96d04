/*
 * lane_survey - how much waits for a receiver, and what is given up when that is too much: at most
 * 1000 reports and none older than 30 days; the oldest informational ones go first.
 * Depends on: lane.h, store.
 */
#include "agent/flow/lane.h"

#include "common/json.h"
#include "common/mem.h"

#include <inttypes.h>
#include <string.h>

enum { WAITING_MAX = 1000, LOOK_MAX = 100000 };
static const int64_t age_max_ms = 30LL * 24 * 3600 * 1000;

struct survey {
	const struct lane *lane;
	struct waiting {
		int64_t seq;
		bool informational, old;
	} * v;
	size_t n;
	int64_t seen; /* the last seq looked at */
};

bool lane_informational(const cJSON *entry)
{
	const char *severity = json_str(entry, "severity", "");

	return strcmp(severity, "info") == 0 || strcmp(severity, "notice") == 0 ||
	       strcmp(severity, "debug") == 0;
}

static int look_at(const cJSON *entry, void *arg)
{
	struct survey *s = arg;
	int64_t age_ms = clock_wall() * 1000 - json_int(entry, "time_ms", 0);

	s->seen = json_int(entry, "seq", s->seen);
	if (!lane_wants(s->lane->job, &s->lane->cursor, entry))
		return 0;
	s->v = xreallocarray(s->v, s->n + 1, sizeof(*s->v));
	s->v[s->n++] = (struct waiting){.seq = s->seen,
					.informational = lane_informational(entry),
					.old = age_ms > age_max_ms};
	return 0;
}

/* Move the cursor so that `excess` less wait. */
static void give_up(struct cursor *c, const struct survey *s, size_t excess)
{
	size_t left = excess;

	for (size_t i = 0; i < s->n && left > 0; i++) {
		if (!s->v[i].informational)
			continue;
		c->skip_to = s->v[i].seq;
		left--;
	}
	for (size_t i = 0; i < s->n && left > 0; i++) {
		if (s->v[i].informational)
			continue;
		c->acked = s->v[i].seq;
		left--;
	}
	c->dropped += (int64_t)excess;
}

static size_t drop_old(struct cursor *c, struct survey *s)
{
	size_t old = 0;

	while (old < s->n && s->v[old].old)
		old++;
	if (old == 0)
		return 0;
	c->acked = s->v[old - 1].seq;
	c->dropped += (int64_t)old;
	memmove(s->v, s->v + old, (s->n - old) * sizeof(*s->v));
	s->n -= old;
	return old;
}

static int trim(struct lane *l, struct survey *s, struct err *e)
{
	size_t before = s->n, gone = drop_old(&l->cursor, s);

	if (s->n > WAITING_MAX) {
		size_t excess = s->n - WAITING_MAX;

		give_up(&l->cursor, s, excess);
		gone += excess;
	}
	l->waiting = (int64_t)(before - gone);
	if (gone == 0)
		return 0;
	if (!l->cursor.told_dropped) {
		auto_free char *reason = xasprintf(
			"%zu reports were given up: %d wait already, or they were older than 30 days",
			gone, WAITING_MAX);

		lane_tell(l, EVENT_WEBHOOK_DROPPED, reason);
		l->cursor.told_dropped = true;
	}
	return outbox_write(l->job->store, lane_name(l->job), &l->cursor, e);
}

int lane_survey(struct lane *l, struct err *e)
{
	struct survey s = {.lane = l, .seen = l->cursor.acked};
	int rc = history_from(l->job->store, l->cursor.acked, LOOK_MAX, look_at, &s, e);

	if (rc == 0)
		rc = trim(l, &s, e);
	/* Nothing for it up to here. */
	if (rc == 0 && s.n == 0)
		l->cursor.acked = s.seen;
	free(s.v);
	return rc;
}
