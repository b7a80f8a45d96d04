/*
 * show_generation - everything about one generation.
 * Depends on: flow, look, table.
 */
#include "agent/cli/show.h"

#include "agent/cli/table.h"
#include "common/clock.h"

static void label(struct str *out, const struct look *k, const char *name)
{
	look_addf(out, k, TONE_DIM, "%-9s", name);
}

static void safe(struct str *out, const char *text)
{
	auto_free char *line = text_first(text);

	str_add(out, *line ? line : "-");
}

static void head(struct str *out, const struct generation *g, bool current, const struct look *k)
{
	char when[CLOCK_ISO_SIZE];

	look_addf(out, k, TONE_BOLD, "generation %lld", (long long)g->number);
	str_addf(out, "%s\n", current ? " (current)" : "");
	label(out, k, "made");
	str_addf(out, "%s, by ", clock_local(g->made, when));
	safe(out, g->cause);
	str_addc(out, '\n');
	label(out, k, "commit");
	show_commit(out, &g->commit);
	if (g->commit.author) {
		str_add(out, ", ");
		safe(out, g->commit.author);
	}
	if (g->commit.time > 0)
		str_addf(out, ", %s", clock_local(g->commit.time, when));
	str_addc(out, '\n');
	if (*g->commit.id) {
		label(out, k, "");
		str_addf(out, "%s\n", g->commit.id);
	}
	label(out, k, "source");
	safe(out, g->source);
	str_addc(out, '\n');
}

static enum tone status_tone(enum entry_status s)
{
	return s == ENTRY_GOOD ? TONE_GOOD : s == ENTRY_HELD ? TONE_WARN : TONE_BAD;
}

static void images(struct str *out, const struct active *a)
{
	for (size_t i = 0; i < a->n_images; i++) {
		auto_free char *service = str_printable(a->images[i].service, 64);
		auto_free char *pin = str_printable(a->images[i].pin, 300);

		auto_free char *ref = str_printable(a->images[i].ref ? a->images[i].ref : "", 300);

		str_addf(out, "    %s: %s", service, pin);
		/* A bare id says nothing to a person. */
		if (*ref && !str_starts(pin, ref))
			str_addf(out, " (%s)", ref);
		str_addc(out, '\n');
	}
}

static void entry(struct str *out, const struct generation_entry *g, const struct look *k)
{
	char when[CLOCK_ISO_SIZE];
	auto_free char *name = str_printable(g->name, 64);
	auto_free char *path = str_printable(g->active.want.path ? g->active.want.path : "-", 300);

	str_addc(out, '\n');
	look_addf(out, k, TONE_BOLD, "%s", name);
	str_add(out, ": ");
	look_addf(out, k, status_tone(g->status), "%s", entry_status_name(g->status));
	str_addc(out, '\n');
	if (g->why)
		text_lines(out, "    ", g->why);
	if (g->status == ENTRY_MISSING)
		return;
	str_addf(out, "    from %s, ", path);
	text_count(out, g->active.n_files, "file");
	str_addf(out, "; since %s, generation %lld, commit ", clock_local(g->active.since, when),
		 (long long)g->active.generation);
	show_commit(out, &g->active.commit);
	str_addc(out, '\n');
	images(out, &g->active);
}

void show_generation(struct str *out, const struct generation *g, bool current,
		     const struct look *k)
{
	head(out, g, current, k);
	for (size_t i = 0; i < g->n; i++)
		entry(out, &g->v[i], k);
	if (g->n == 0)
		str_add(out, "\nno projects\n");
}

void show_history(struct str *out, const cJSON *events, const struct look *k)
{
	const cJSON *item;
	char when[CLOCK_ISO_SIZE];

	if (cJSON_GetArraySize(events) == 0)
		return;
	str_addc(out, '\n');
	look_addf(out, k, TONE_BOLD, "what happened");
	str_addc(out, '\n');
	cJSON_ArrayForEach (item, events) {
		auto_free char *event = str_printable(json_str(item, "event", "?"), 64);
		auto_free char *project = str_printable(json_str(item, "project", ""), 64);
		const char *reason = json_str(item, "reason", NULL);

		look_addf(out, k, TONE_DIM, "%s", clock_local(json_int(item, "time", 0), when));
		str_addf(out, "  %s%s%s\n", event, *project ? " " : "", project);
		if (reason)
			text_lines(out, "    ", reason);
	}
}
