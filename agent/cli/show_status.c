/*
 * show_status - how things stand: in ten lines for a host of a few projects, and with hundreds only
 * those that need a look. Depends on: flow, look, table.
 */
#include "agent/cli/show.h"

#include "agent/cli/table.h"
#include "common/clock.h"
#include "common/mem.h"

#include <string.h>

/* Up to so many projects are always all shown; that many lines of a reason. */
enum { FEW = 10, SUBJECT_COLUMNS = 32, REASON_LINES = 12, REASON_COLUMNS = 100 };

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
	if (s->generation == 0) {
		str_add(out, s->synced ? "none yet: nothing was deployed\n" : "no sync yet\n");
		return;
	}
	str_addf(out, "%lld, since %s (%lld kept)\n", (long long)s->generation,
		 clock_local(s->made, when), (long long)s->generations);
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
	auto_free char *url = text_first(s->source_url);

	label(out, k, "source");
	if (!*url) {
		str_add(out, "none: projects of agent.yaml only\n");
		return;
	}
	str_add(out, url);
	if (s->source_seen > 0)
		str_addf(out, ", %s %s", s->daemon ? "seen" : "something new came",
			 look_ago(s->source_seen, k->now, ago, sizeof(ago)));
	if (s->daemon && s->source.moved > 0)
		str_addf(out, ", last new commit %s",
			 look_ago(s->source.moved, k->now, ago, sizeof(ago)));
	/* The commit line says it already when it is the same. */
	if (*s->source.id && strcmp(s->source.id, s->commit.id) != 0)
		str_addf(out, ", head %s", show_short_id(s->source.id, id));
	str_addc(out, '\n');
	if (s->source_error) {
		label(out, k, "");
		look_addf(out, k, TONE_WARN, s->source.refused[0] ? "refused: " : "failed: ");
		safe_line(out, s->source_error);
	}
}

static void control(struct str *out, const struct status *s, const struct look *k)
{
	char ago[80];
	auto_free char *why = text_first(s->control.why);

	if (s->control.mode == CONTROL_AUTO)
		return;
	label(out, k, "control");
	look_addf(out, k, TONE_WARN, "%s", control_mode_name(s->control.mode));
	if (s->control.since > 0)
		str_addf(out, " %s", look_ago(s->control.since, k->now, ago, sizeof(ago)));
	str_addf(out, "%s%s%s\n", s->control.pinned ? ", pinned" : "", *why ? ": " : "", why);
}

static void condition(struct str *out, const struct status *s, const struct look *k)
{
	if (!s->engine_answers) {
		label(out, k, "engine");
		look_addf(out, k, TONE_BAD, "does not answer: ");
		safe_line(out, s->engine_error ? s->engine_error : "no reason given");
	}
	if (s->busy && *s->busy) {
		label(out, k, "busy");
		show_holder(out, s->busy);
		str_addc(out, '\n');
	}
	if (s->safe_mode) {
		label(out, k, "safe mode");
		look_addf(out, k, TONE_BAD,
			  "the agent died %d times while it finished a sync that was cut off; "
			  "nothing is touched any more",
			  s->recoveries);
		str_addc(out, '\n');
	} else if (s->recovery_open && !(s->busy && *s->busy)) {
		label(out, k, "unfinished");
		look_addf(out, k, TONE_WARN,
			  "a sync was cut off; the next start finishes or undoes it");
		str_addc(out, '\n');
	}
}

static enum tone state_tone(const struct project_status *p)
{
	if (status_project_runs(p))
		return str_eq(p->state, "starting") ? TONE_WARN : TONE_GOOD;
	return str_eq(p->state, "unknown") ? TONE_WARN : TONE_BAD;
}

static bool needs_look(const struct project_status *p)
{
	return !status_project_well(p) || p->detail;
}

static void project_row(struct table *t, const struct project_status *p)
{
	char when[CLOCK_ISO_SIZE], id[SHORT_ID_SIZE];
	auto_free char *subject = text_first(p->commit.subject);
	auto_str struct str shown = STR_INIT;

	text_cut(&shown, subject, SUBJECT_COLUMNS, true);
	table_add(t, TONE_BOLD, p->name);
	table_add(t, state_tone(p), p->state);
	table_addf(t, TONE_PLAIN, "%zu/%zu", p->running, p->containers);
	table_add(t, TONE_PLAIN, p->since > 0 ? clock_local(p->since, when) : NULL);
	table_addf(t, TONE_PLAIN, "%s%s%s", show_short_id(p->commit.id, id),
		   shown.len > 0 ? " " : "", str_text(&shown));
}

/* A reason with its log lines, as much of it as a person reads here; `show` has the rest. */
static void reason(struct str *out, const char *text)
{
	auto_str struct str all = STR_INIT;
	const char *p = text;

	for (int n = 0; *p && n < REASON_LINES; n++) {
		size_t len = strcspn(p, "\n");

		str_addn(&all, p, len);
		str_addc(&all, '\n');
		p += len + (p[len] == '\n');
	}
	if (*p)
		str_add(&all, "...\n");
	text_lines(out, "    ", str_text(&all));
}

static void attention(struct str *out, const struct project_status *p, const struct look *k)
{
	if (!needs_look(p))
		return;
	look_addf(out, k, TONE_BOLD, "%s", p->name);
	look_addf(out, k, p->held && status_project_runs(p) ? TONE_WARN : state_tone(p), " %s\n",
		  p->held && status_project_runs(p) ? "held" : p->state);
	if (p->detail)
		reason(out, p->detail);
	if (p->held && !str_eq(p->held, p->detail))
		reason(out, p->held);
}

static void projects(struct str *out, const struct status *s, const struct look *k, bool all)
{
	static const char *const heads[] = {"PROJECT", "STATE", "RUNNING", "SINCE", "COMMIT"};
	auto_table struct table t = {.heads = heads, .columns = COUNT_OF(heads)};
	size_t hidden = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (all || s->n <= FEW || needs_look(&s->v[i]))
			project_row(&t, &s->v[i]);
		else
			hidden++;
	}
	if (s->n > 0)
		str_addc(out, '\n');
	if (t.n > 0)
		table_show(out, &t, k);
	if (hidden > 0) {
		str_add(out, t.n > 0 ? "and " : "");
		text_count(out, hidden, t.n > 0 ? "other project" : "project");
		str_add(out, " well; `mdc-agent status --all` shows each\n");
	}
	for (size_t i = 0; i < s->n; i++)
		attention(out, &s->v[i], k);
}

void show_status(struct str *out, const struct status *s, const struct look *k, bool all)
{
	generation(out, s, k);
	source(out, s, k);
	control(out, s, k);
	condition(out, s, k);
	projects(out, s, k, all);
	str_addc(out, '\n');
	label(out, k, "next");
	safe_line(out, s->next ? s->next : "nothing");
}

/* As monitoring plugins say it: the state, a dash, the rest. */
void show_status_line(struct str *out, const struct status *s, const struct look *k)
{
	size_t well = 0;
	char ago[80];
	auto_free char *problem = text_first(s->problem), *next = text_first(s->next);

	for (size_t i = 0; i < s->n; i++)
		well += status_project_well(&s->v[i]);
	str_addf(out, "%s - ", status_code_name(s->code));
	if (*problem)
		str_addf(out, "%s; ", problem);
	str_addf(out, "generation %lld, ", (long long)s->generation);
	if (well < s->n)
		str_addf(out, "%zu of ", well);
	text_count(out, s->n, "project");
	str_add(out, well < s->n ? " well" : "");
	if (s->source_seen > 0)
		str_addf(out, ", source seen %s",
			 look_ago(s->source_seen, k->now, ago, sizeof(ago)));
	if (s->code != STATUS_OK && *next)
		str_addf(out, "; next: %s", next);
	str_addc(out, '\n');
}
