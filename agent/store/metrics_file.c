/*
 * metrics_file - the file of `metrics_file:`, replaced in one rename. It lies outside of the state
 * directory and can be made again from the records, so there is no fsync. Depends on: common,
 * model/metrics.
 */
#include "agent/store/layout.h"

#include "agent/model/metrics.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/str.h"

#include <string.h>

/* World-readable: it says what `docker ps` says, and its reader is another user. */
enum { METRICS_MODE = 0644, METRICS_MAX_BYTES = 4 * 1024 * 1024 };

static enum metric_state state_of(const struct generation_entry *g, const struct source_record *r)
{
	if (g->status == ENTRY_MISSING)
		return METRIC_MISSING;
	return g->status == ENTRY_HELD || cJSON_GetObjectItemCaseSensitive(r->held, g->name)
		       ? METRIC_HELD
		       : METRIC_GOOD;
}

struct gathering {
	const struct store *store;
	struct generation current;
	struct source_record source;
	struct control control;
	struct strv names; /* with a record directory */
	struct metrics m;
};

static void add(struct gathering *g, const char *name, enum metric_state state, int64_t deployed)
{
	g->m.v = xreallocarray(g->m.v, g->m.n + 1, sizeof(*g->m.v));
	g->m.v[g->m.n++] =
		(struct metrics_project){.name = name, .state = state, .deployed = deployed};
}

/* Held before it ever came up: it is in no generation yet. */
static void add_unknown(struct gathering *g)
{
	const cJSON *h = NULL;

	cJSON_ArrayForEach (h, g->source.held) {
		if (!generation_find(&g->current, h->string))
			add(g, h->string, METRIC_MISSING, 0);
	}
}

static int add_degraded(struct gathering *g, struct err *e)
{
	for (size_t i = 0; i < g->names.n; i++) {
		auto_free char *why = NULL;
		int64_t since = 0;
		bool found = false;

		if (degraded_read(g->store, g->names.v[i], &why, &since, e) < 0)
			return -1;
		for (size_t k = 0; why && k < g->m.n; k++) {
			if (strcmp(g->m.v[k].name, g->names.v[i]) != 0)
				continue;
			g->m.v[k].state = METRIC_DEGRADED;
			found = true;
		}
		if (why && !found)
			add(g, g->names.v[i], METRIC_DEGRADED, 0);
	}
	return 0;
}

static int gather(struct gathering *g, struct err *e)
{
	struct metrics *m = &g->m;

	if (current_read(g->store, &m->generation, e) < 0 ||
	    (m->generation > 0 && generation_read(g->store, m->generation, &g->current, e) < 0) ||
	    source_read(g->store, &g->source, e) < 0 || control_read(g->store, &g->control, e) < 0)
		return -1;
	m->made = g->current.made;
	m->held = g->control.mode != CONTROL_AUTO;
	for (size_t i = 0; i < g->current.n; i++) {
		const struct generation_entry *x = &g->current.v[i];

		add(g, x->name, state_of(x, &g->source), x->active.since);
	}
	add_unknown(g);
	if (active_names(g->store, &g->names, e) < 0)
		return -1;
	return add_degraded(g, e);
}

int metrics_write(const struct store *s, const struct config *c, const struct metrics_sync *now,
		  struct err *e)
{
	struct gathering g = {.store = s};
	auto_free char *before = NULL;
	auto_str struct str text = STR_INIT;
	struct err ignored = ERR_INIT;
	int rc = gather(&g, e);

	if (rc == 0) {
		(void)file_read(c->metrics_file, METRICS_MAX_BYTES, &before, NULL, &ignored);
		const char *old = before ? before : "";

		g.m.version = MDC_VERSION;
		g.m.last_sync = clock_wall();
		g.m.last_good = now->good;
		g.m.has_source = c->source.kind != SOURCE_NONE;
		g.m.source_up =
			now->asked ? now->answered : metrics_value(old, METRIC_SOURCE_UP, 1) != 0;
		g.m.source_seen =
			now->answered ? g.m.last_sync
				      : metrics_value(old, METRIC_SOURCE_SEEN, g.source.fetched);
		g.m.source_moved = g.source.moved;
		metrics_text(&text, &g.m);
		rc = file_replace_unsynced(c->metrics_file, str_text(&text), text.len, METRICS_MODE,
					   e);
	}
	generation_done(&g.current);
	source_record_done(&g.source);
	control_done(&g.control);
	strv_done(&g.names);
	free(g.m.v);
	return rc;
}
