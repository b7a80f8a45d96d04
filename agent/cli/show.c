/*
 * show - the verb `show`: everything about one generation.
 * Depends on: store, show.
 */
#include "agent/cli/pick.h"
#include "agent/cli/show.h"
#include "agent/cli/verb.h"
#include "agent/store/store.h"

enum { HISTORY_LOOK = 20000 };

struct wanted {
	int64_t number;
	cJSON *events;
};

static void keep(const cJSON *entry, void *arg)
{
	struct wanted *w = arg;

	if (json_int(entry, "generation", 0) == w->number)
		cJSON_AddItemToArray(w->events, cJSON_Duplicate(entry, true));
}

static int pick(const struct cli *c, const struct store *s, int64_t *number, int64_t *current,
		struct err *e)
{
	if (current_read(s, current, e) < 0)
		return -1;
	if (c->call.n_args > 0)
		return call_generation(&c->call, 0, number, e);
	if (*current == 0)
		return err_set(e, ERR_USAGE, 0,
			       "there is no generation yet: `mdc-agent sync` makes the first");
	*number = *current;
	return 0;
}

static int show(struct cli *c, struct err *e)
{
	auto_store struct store *s = NULL;
	auto_generation struct generation g = {.number = 0};
	auto_json cJSON *events = cJSON_CreateArray();
	struct wanted w = {.events = events};
	int64_t current = 0;
	auto_str struct str out = STR_INIT;

	if (store_open(&c->config, false, &s, e) < 0 || pick(c, s, &w.number, &current, e) < 0)
		return -1;
	if (pick_generation(s, w.number, &g, e) < 0)
		return -1;
	if (history_each(s, HISTORY_LOOK, keep, &w, e) < 0)
		return -1;
	if (c->json) {
		auto_json cJSON *o = generation_to_json(&g);

		json_set_bool(o, "current", g.number == current);
		cJSON_AddItemToObject(o, "events", cJSON_Duplicate(events, true));
		return output_json(o, e);
	}
	show_generation(&out, &g, g.number == current, &c->look);
	show_history(&out, events, &c->look);
	return output_text(&out, e);
}

const struct verb verb_show = {
	.name = "show",
	.args = "[GENERATION]",
	.help = "show everything about a generation",
	.details =
		"Its commit and cause; each project with its status, content and pinned images, "
		"and the reason where it is held or missing; and what happened while it was made. "
		"Without a number: the current one.",
	.group = GROUP_LOOK,
	.max_args = 1,
	.needs_config = true,
	.run = show,
};
