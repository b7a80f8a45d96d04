/*
 * generations - the verb `generations`: the kept ones, oldest first.
 * Depends on: store, show, table.
 */
#include "agent/cli/show.h"
#include "agent/cli/table.h"
#include "agent/cli/verb.h"
#include "agent/store/store.h"
#include "common/clock.h"

struct listing {
	struct table table;
	cJSON *json;
	int64_t current;
};

static void add_row(struct listing *l, const struct generation *g, const char *changes)
{
	char when[CLOCK_ISO_SIZE], id[SHORT_ID_SIZE];
	bool current = g->number == l->current;
	auto_free char *subject = text_first(g->commit.subject);
	struct table *t = &l->table;

	table_addf(t, current ? TONE_BOLD : TONE_PLAIN, "%s%lld", current ? "*" : " ",
		   (long long)g->number);
	table_add(t, TONE_PLAIN, clock_local(g->made, when));
	table_add(t, TONE_PLAIN, show_short_id(g->commit.id, id));
	table_add(t, TONE_PLAIN, g->cause);
	table_add(t, TONE_PLAIN, changes);
	table_add(t, TONE_PLAIN, subject);
}

static void add_json(struct listing *l, const struct generation *g, const char *changes)
{
	cJSON *o = cJSON_CreateObject();

	json_set_int(o, "number", g->number);
	json_set_bool(o, "current", g->number == l->current);
	json_set_int(o, "made", g->made);
	json_set_str(o, "commit", g->commit.id);
	json_set_str(o, "subject", g->commit.subject);
	json_set_str(o, "cause", g->cause);
	json_set_str(o, "changes", changes);
	cJSON_AddItemToArray(l->json, o);
}

/* One that does not verify is shown as such: the others are still there to go back to. */
static void add_damaged(struct listing *l, int64_t number, const struct err *why)
{
	cJSON *o = cJSON_CreateObject();

	json_set_int(o, "number", number);
	json_set_str(o, "damaged", why->cause);
	cJSON_AddItemToArray(l->json, o);
	table_addf(&l->table, TONE_BAD, "%s%lld", number == l->current ? "*" : " ",
		   (long long)number);
	for (int i = 0; i < 4; i++)
		table_add(&l->table, TONE_BAD, NULL);
	table_addf(&l->table, TONE_BAD, "damaged: %s", why->cause);
}

static int read_all(const struct store *s, struct listing *l, struct err *e)
{
	auto_free int64_t *numbers = NULL;
	auto_generation struct generation before = {.number = 0};
	size_t n = 0;

	if (generation_numbers(s, &numbers, &n, e) < 0 || current_read(s, &l->current, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct generation g = {.number = 0};
		struct err why = ERR_INIT;
		auto_str struct str changes = STR_INIT;

		if (generation_read(s, numbers[i], &g, &why) < 0) {
			add_damaged(l, numbers[i], &why);
			continue;
		}
		/* The oldest kept one has lost what it could be compared with, unless it was the
		 * first of all. */
		if (before.number > 0 || g.number == 1)
			show_changes(&changes, before.number > 0 ? &before : NULL, &g);
		add_row(l, &g, str_text(&changes));
		add_json(l, &g, str_text(&changes));
		generation_done(&before);
		before = g;
	}
	return 0;
}

static int generations(struct cli *c, struct err *e)
{
	static const char *const heads[] = {" NUMBER", "MADE",    "COMMIT",
					    "CAUSE",   "CHANGES", "SUBJECT"};
	auto_store struct store *s = NULL;
	auto_str struct str out = STR_INIT;
	auto_json cJSON *json = cJSON_CreateArray();
	struct listing l = {.table = {.heads = heads, .columns = COUNT_OF(heads)}, .json = json};
	int result;

	if (store_open(&c->config, false, &s, e) < 0)
		return -1;
	result = read_all(s, &l, e);
	if (result == 0 && c->json) {
		result = output_json(json, e);
	} else if (result == 0) {
		if (l.table.n > 0)
			table_show(&out, &l.table, &c->look);
		else
			str_add(&out, "no generations yet: `mdc-agent sync` makes the first\n");
		result = output_text(&out, e);
	}
	table_done(&l.table);
	return result;
}

const struct verb verb_generations = {
	.name = "generations",
	.args = "",
	.help = "list the generations that are kept",
	.details =
		"Oldest first; a star marks the current one. Changes are against the one before: "
		"+added, ~changed, -removed, !held at something older or missing. "
		"`retention.generations` says how many are kept.",
	.group = GROUP_LOOK,
	.needs_config = true,
	.run = generations,
};
