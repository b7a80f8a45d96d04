/*
 * show_generation - everything about one generation.
 * Depends on: flow, look, table.
 */
#include "agent/cli/show.h"

#include "agent/cli/table.h"
#include "common/clock.h"
#include "common/json.h"

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
	if (g->host_config) {
		label(out, k, "agent.yaml");
		safe(out, g->host_config);
		str_addc(out, '\n');
	}
	if (g->host_system) {
		label(out, k, "system");
		safe(out, g->host_system);
		str_addc(out, '\n');
	}
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

/* What runs now: from where, since when. */
static void content(struct str *out, const struct active *a)
{
	char when[CLOCK_ISO_SIZE];
	auto_free char *path = str_printable(a->want.path ? a->want.path : "-", 300);

	str_addf(out, "    from %s, ", path);
	text_count(out, a->n_files, "file");
	str_addf(out, "; since %s, generation %lld, commit ", clock_local(a->since, when),
		 (long long)a->generation);
	show_commit(out, &a->commit);
	str_addc(out, '\n');
	images(out, a);
}

/* The project's own events: a change, and every attempt that failed. */
static bool is_of(const cJSON *event, const char *project)
{
	return str_eq(json_str(event, "project", NULL), project) && json_obj(event, "details");
}

static bool why(struct str *out, const struct shown_generation *s, const char *project,
		const struct look *k)
{
	const cJSON *event;
	bool any = false;

	cJSON_ArrayForEach (event, s->events) {
		if (!is_of(event, project))
			continue;
		show_event_details(out, "    ", event, k);
		any = true;
	}
	return any;
}

static const char *change_word(enum change c)
{
	static const char *const words[] = {[CHANGE_NONE] = "",
					    [CHANGE_ADD] = ", added",
					    [CHANGE_CONTENT] = ", changed",
					    [CHANGE_REMOVE] = ", removed"};

	return words[c];
}

/* Against the one before; without it the record itself says which generation brought it. */
static enum change change_of(const struct shown_generation *s, const struct generation_entry *x)
{
	if (s->before)
		return show_change_of(generation_find(s->before, x->name), x);
	return x->status != ENTRY_MISSING && x->active.generation == s->g->number ? CHANGE_ADD
										  : CHANGE_NONE;
}

static void head_line(struct str *out, const char *project, enum tone tone, const char *status,
		      const struct look *k)
{
	auto_free char *name = str_printable(project, 64);

	str_addc(out, '\n');
	look_addf(out, k, TONE_BOLD, "%s", name);
	str_add(out, ": ");
	look_addf(out, k, tone, "%s", status);
}

static void entry(struct str *out, const struct shown_generation *s,
		  const struct generation_entry *x, const struct look *k)
{
	enum change c = change_of(s, x);

	head_line(out, x->name, status_tone(x->status), entry_status_name(x->status), k);
	str_addf(out, "%s\n", s->before ? change_word(c) : "");
	if (x->why)
		text_lines(out, "    ", x->why);
	if (!why(out, s, x->name, k) && c != CHANGE_NONE)
		str_add(out, "    the history of this has been rotated away; the record has:\n");
	if (x->status != ENTRY_MISSING)
		content(out, &x->active);
}

static void removed(struct str *out, const struct shown_generation *s, const struct look *k)
{
	for (size_t i = 0; s->before && i < s->before->n; i++) {
		const struct generation_entry *was = &s->before->v[i];

		if (generation_find(s->g, was->name) || was->status == ENTRY_MISSING)
			continue;
		head_line(out, was->name, TONE_WARN, "removed", k);
		str_addc(out, '\n');
		(void)why(out, s, was->name, k);
	}
}

static void history(struct str *out, const struct shown_generation *s, const struct look *k)
{
	const cJSON *event;

	if (cJSON_GetArraySize(s->events) == 0)
		return;
	str_addc(out, '\n');
	look_addf(out, k, TONE_BOLD, "what happened");
	str_addc(out, '\n');
	cJSON_ArrayForEach (event, s->events)
		show_event(out, event, k);
}

void show_generation(struct str *out, const struct shown_generation *s, const struct look *k)
{
	const struct generation *g = s->g;

	head(out, g, s->current, k);
	/* What changed first: that is what one looks for. */
	for (int unchanged = 0; unchanged < 2; unchanged++)
		for (size_t i = 0; i < g->n; i++) {
			bool quiet = change_of(s, &g->v[i]) == CHANGE_NONE &&
				     g->v[i].status == ENTRY_GOOD;

			if (quiet == (unchanged == 1))
				entry(out, s, &g->v[i], k);
		}
	removed(out, s, k);
	if (g->n == 0)
		str_add(out, "\nno projects\n");
	history(out, s, k);
}
