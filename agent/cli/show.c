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

/* The kept one before this number; one that is damaged is as good as none. */
static void read_before(const struct store *s, int64_t number, struct generation *out)
{
	auto_free int64_t *numbers = NULL;
	struct err ignored = ERR_INIT;
	int64_t before = 0;
	size_t n = 0;

	if (generation_numbers(s, &numbers, &n, &ignored) < 0)
		return;
	for (size_t i = 0; i < n && numbers[i] < number; i++)
		before = numbers[i];
	if (before > 0)
		(void)generation_read(s, before, out, &ignored);
}

/*
 * A sync that failed as a whole made no generation, and the next one takes its number; one that was
 * made may not be kept any more. The history may know both. e is set: there is no such generation.
 */
static int show_unmade(const struct cli *c, const struct wanted *w, struct err *e)
{
	auto_str struct str out = STR_INIT;
	const cJSON *event;

	if (cJSON_GetArraySize(w->events) == 0 || e->kind != ERR_USAGE)
		return -1;
	err_clear(e);
	if (c->json) {
		auto_json cJSON *o = cJSON_CreateObject();

		json_set_int(o, "number", w->number);
		json_set_bool(o, "kept", false);
		cJSON_AddItemToObject(o, "events", cJSON_Duplicate(w->events, true));
		return output_json(o, e);
	}
	look_addf(&out, &c->look, TONE_BOLD, "generation %lld", (long long)w->number);
	str_add(&out,
		" is not there: it was never made, or is not kept any more. The history has:\n");
	cJSON_ArrayForEach (event, w->events) {
		show_event(&out, event, &c->look);
		show_event_details(&out, "    ", event, &c->look);
	}
	return output_text(&out, e);
}

static int show(struct cli *c, struct err *e)
{
	auto_store struct store *s = NULL;
	auto_generation struct generation g = {.number = 0}, before = {.number = 0};
	auto_json cJSON *events = cJSON_CreateArray();
	struct wanted w = {.events = events};
	int64_t current = 0;
	auto_str struct str out = STR_INIT;

	if (store_open(&c->config, false, &s, e) < 0 || pick(c, s, &w.number, &current, e) < 0)
		return -1;
	if (history_each(s, HISTORY_LOOK, keep, &w, e) < 0)
		return -1;
	if (pick_generation(s, w.number, &g, e) < 0)
		return show_unmade(c, &w, e);
	if (c->json) {
		auto_json cJSON *o = generation_to_json(&g);

		json_set_bool(o, "current", g.number == current);
		cJSON_AddItemToObject(o, "events", cJSON_Duplicate(events, true));
		return output_json(o, e);
	}
	read_before(s, w.number, &before);
	const struct shown_generation shown = {.g = &g,
					       .before = before.number > 0 ? &before : NULL,
					       .current = g.number == current,
					       .events = events};

	show_generation(&out, &shown, &c->look);
	return output_text(&out, e);
}

const struct verb verb_show = {
	.name = "show",
	.args = "[GENERATION]",
	.help = "show everything about a generation",
	.details =
		"Its commit and cause; each project with its status, content and pinned images. For "
		"those that changed against the generation before: what changed (images, files, "
		"environment by name, never values), how long each step took, what health saw; for "
		"those that failed the reason and log lines. And what else happened while it was "
		"made. Without a number: the current one. `generations` lists them.",
	.group = GROUP_LOOK,
	.max_args = 1,
	.needs_config = true,
	.run = show,
};
