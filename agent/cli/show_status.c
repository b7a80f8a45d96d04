/*
 * show_status - how things stand, in some ten lines and a row for each project.
 * Depends on: flow, look, table.
 */
#include "agent/cli/show.h"

#include "agent/cli/table.h"
#include "common/clock.h"

#include <string.h>

static void label(struct str *out, const struct look *k, const char *name)
{
	look_addf(out, k, TONE_DIM, "%-12s", name);
}

static void safe_line(struct str *out, const char *text)
{
	auto_free char *safe = text_first(text);

	str_addf(out, "%s\n", safe);
}

static void generation(struct str *out, const struct status *s, const struct look *k)
{
	auto_free char *author = text_first(s->commit.author);
	char when[CLOCK_ISO_SIZE];

	label(out, k, "generation");
	if (s->generation > 0)
		str_addf(out, "%lld (%lld kept)\n", (long long)s->generation,
			 (long long)s->generations);
	else
		str_add(out, "none yet: nothing was deployed\n");
	if (!*s->commit.id)
		return;
	label(out, k, "commit");
	show_commit(out, &s->commit);
	if (*author)
		str_addf(out, ", %s", author);
	if (s->commit.time > 0)
		str_addf(out, ", %s", clock_local(s->commit.time, when));
	str_addc(out, '\n');
}

static void source(struct str *out, const struct status *s, const struct look *k)
{
	char ago[80], id[SHORT_ID_SIZE];

	label(out, k, "source");
	if (!s->source_url || !*s->source_url) {
		str_add(out, "none: projects of agent.yaml only\n");
		return;
	}
	safe_line(out, s->source_url);
	label(out, k, "");
	if (*s->source.id)
		str_addf(out, "head %s, something new came %s\n", show_short_id(s->source.id, id),
			 look_ago(s->source.fetched, k->now, ago, sizeof(ago)));
	else
		str_add(out, "nothing was fetched yet\n");
	if (s->source.failures == 0 && !s->source.last_error)
		return;
	label(out, k, "");
	look_addf(out, k, TONE_WARN, "%d failed in a row: ", s->source.failures);
	safe_line(out, s->source.last_error ? s->source.last_error : "no reason recorded");
}

static void control(struct str *out, const struct status *s, const struct look *k)
{
	char ago[80];
	auto_free char *why = text_first(s->control.why);

	label(out, k, "control");
	if (s->control.mode == CONTROL_AUTO) {
		str_add(out, "automatic\n");
		return;
	}
	look_addf(out, k, TONE_WARN, "%s", control_mode_name(s->control.mode));
	if (s->control.since > 0)
		str_addf(out, " %s", look_ago(s->control.since, k->now, ago, sizeof(ago)));
	str_addf(out, "%s%s%s\n", s->control.pinned ? ", pinned" : "", *why ? ": " : "", why);
}

static void condition(struct str *out, const struct status *s, const struct look *k)
{
	label(out, k, "engine");
	if (s->engine_answers) {
		str_add(out, "answers\n");
	} else {
		look_addf(out, k, TONE_BAD, "does not answer: ");
		safe_line(out, s->engine_error ? s->engine_error : "no reason given");
	}
	if (s->busy && *s->busy) {
		label(out, k, "busy");
		show_holder(out, s->busy);
		str_addc(out, '\n');
	}
	if (s->recovery_open && !(s->busy && *s->busy)) {
		label(out, k, "unfinished");
		look_addf(out, k, TONE_WARN,
			  "a sync was cut off; the next start finishes or undoes it");
		str_addc(out, '\n');
	}
}

static enum tone state_tone(const char *state)
{
	static const char *const good[] = {"healthy", "running"};
	static const char *const bad[] = {"unhealthy", "degraded", "missing", "stopped", "partly"};

	for (size_t i = 0; i < COUNT_OF(good); i++) {
		if (str_eq(state, good[i]))
			return TONE_GOOD;
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		if (str_eq(state, bad[i]))
			return TONE_BAD;
	}
	return TONE_WARN;
}

static void project_row(struct table *t, const struct project_status *p)
{
	char when[CLOCK_ISO_SIZE], id[SHORT_ID_SIZE];
	auto_str struct str note = STR_INIT;
	auto_free char *held = text_first(p->held);
	auto_free char *detail = text_first(p->detail);

	if (*detail)
		str_add(&note, detail);
	if (*held)
		str_addf(&note, "%sheld: %s", note.len > 0 ? "; " : "", held);
	table_add(t, TONE_BOLD, p->name);
	table_add(t, state_tone(p->state), p->state);
	table_addf(t, TONE_PLAIN, "%zu/%zu", p->running, p->containers);
	table_add(t, TONE_PLAIN, show_short_id(p->commit.id, id));
	table_add(t, TONE_PLAIN, p->since > 0 ? clock_local(p->since, when) : NULL);
	table_add(t, *held ? TONE_WARN : TONE_PLAIN, str_text(&note));
}

void show_status(struct str *out, const struct status *s, const struct look *k)
{
	static const char *const heads[] = {"PROJECT", "STATE", "RUNNING",
					    "COMMIT",  "SINCE", "NOTE"};
	auto_table struct table t = {.heads = heads, .columns = COUNT_OF(heads)};

	generation(out, s, k);
	source(out, s, k);
	control(out, s, k);
	condition(out, s, k);
	if (s->n > 0) {
		str_addc(out, '\n');
		for (size_t i = 0; i < s->n; i++)
			project_row(&t, &s->v[i]);
		table_show(out, &t, k);
	}
	str_addc(out, '\n');
	label(out, k, "next");
	safe_line(out, s->next ? s->next : "nothing");
}

void show_status_line(struct str *out, const struct status *s)
{
	static const char *const words[] = {"ok", "attention", "attention", "degraded"};
	size_t good = 0, held = 0;
	auto_free char *next = text_first(s->next);

	for (size_t i = 0; i < s->n; i++) {
		good += state_tone(s->v[i].state) == TONE_GOOD;
		held += s->v[i].held != NULL;
	}
	str_addf(out, "%s: generation %lld, %zu of ", words[s->code & 3], (long long)s->generation,
		 good);
	text_count(out, s->n, "project");
	str_add(out, " well");
	if (held > 0)
		str_addf(out, ", %zu held", held);
	if (s->control.mode != CONTROL_AUTO)
		str_addf(out, ", everything %s", control_mode_name(s->control.mode));
	if (s->code != 0 && *next)
		str_addf(out, "; next: %s", next);
	str_addc(out, '\n');
}
