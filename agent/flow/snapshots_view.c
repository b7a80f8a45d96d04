/*
 * snapshots_view - looking at snapshots and removing them, as a person asks for it.
 * Depends on: data.h, prune.h.
 */
#include "agent/flow/data.h"
#include "agent/flow/prune.h"

#include "common/mem.h"
#include "common/str.h"

#include <string.h>

void snapshots_view_done(struct snapshots_view *l)
{
	snapshots_done(l->v, l->n);
	free(l->verdicts);
	memset(l, 0, sizeof(*l));
}

int flow_snapshots(const struct config *c, struct snapshots_view *out, struct err *e)
{
	auto_store struct store *s = NULL;
	auto_keeping struct keeping k = {.n = 0};

	if (store_open(c, false, &s, e) < 0 || keeping_load(s, c, true, &k, e) < 0)
		return -1;
	out->n = k.n;
	out->v = TAKE(k.v);
	out->verdicts = TAKE(k.verdicts);
	k.n = 0;
	return 0;
}

int snapshot_pick(const struct store *s, const char *id, struct snapshot *out, struct err *e)
{
	auto_free char *shown = str_printable(id, 128);
	struct snapshot *v = NULL;
	size_t n = 0, hits = 0, at = 0;
	bool found = false;

	if (snapshot_read(s, id, out, &found, e) < 0)
		return -1;
	if (found)
		return 0;
	if (snapshot_list(s, NULL, &v, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (id[0] != '\0' && str_starts(v[i].id, id)) {
			hits++;
			at = i;
		}
	if (hits == 1)
		snapshot_copy(out, &v[at]);
	snapshots_done(v, n);
	if (hits == 1)
		return 0;
	return err_set(e, ERR_USAGE, 0, "%s snapshot %s: `mdc-agent snapshots` lists them",
		       hits > 1 ? "there is more than one" : "there is no", shown);
}

/* Under the lock, with nothing half done any more. */
static int begin(struct sync *s, struct err *e)
{
	int64_t number = 0;

	if (sync_begin(s, "prune", e) < 0 || recover_run(s, e) < 0 ||
	    current_read(s->store, &number, e) < 0)
		return -1;
	s->current.number = number;
	return number > 0 ? generation_read(s->store, number, &s->current, e) : 0;
}

static struct sync opened(const struct config *c, const struct sync_options *o,
			  struct sync_report *r)
{
	struct sync s = {.config = c, .options = o, .report = r, .lock_fd = -1};

	s.stop.signal_fd = s.stop.event_fd = -1;
	return s;
}

int flow_prune(const struct config *c, int lock_wait_ms, struct prune_report *r, struct err *e)
{
	struct sync_options o = {.lock_wait_ms = lock_wait_ms};
	auto_sync_report struct sync_report report = {.n = 0};
	struct sync s = opened(c, &o, &report);
	struct prune_count count = {.snapshots = 0};
	int rc = begin(&s, e);

	if (rc == 0)
		rc = snap_prune(&s, true, &count, e);
	*r = (struct prune_report){.snapshots = count.snapshots,
				   .generations = count.generations,
				   .bytes = count.bytes};
	sync_close(&s);
	return rc;
}

static int may_discard(const struct keeping *k, const char *id, bool force, struct err *e)
{
	for (size_t i = 0; i < k->n; i++) {
		const struct retention_verdict *v = &k->verdicts[i];

		if (strcmp(k->v[i].id, id) != 0)
			continue;
		if (v->why == KEEP_OPEN)
			return err_set(e, ERR_USAGE, 0,
				       "snapshot %s is in use by a deployment that is under way",
				       id);
		if (v->why == KEEP_NEEDED && !force)
			return err_set(
				e, ERR_USAGE, 0,
				"generation %lld would go back to snapshot %s; with --yes it is "
				"removed all the same",
				(long long)v->generation, id);
	}
	return 0;
}

static int discard(struct sync *s, const char *id, bool force, struct err *e)
{
	auto_keeping struct keeping k = {.n = 0};
	auto_snapshot struct snapshot x = {.n = 0};

	if (snapshot_pick(s->store, id, &x, e) < 0 ||
	    keeping_load(s->store, s->config, false, &k, e) < 0)
		return -1;
	return may_discard(&k, x.id, force, e) < 0 ? -1 : snap_discard(s, &x, e);
}

int flow_discard(const struct config *c, int lock_wait_ms, const char *id, bool force,
		 struct err *e)
{
	struct sync_options o = {.lock_wait_ms = lock_wait_ms};
	auto_sync_report struct sync_report report = {.n = 0};
	struct sync s = opened(c, &o, &report);
	int rc = begin(&s, e);

	if (rc == 0)
		rc = discard(&s, id, force, e);
	sync_close(&s);
	return rc;
}
