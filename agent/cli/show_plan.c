/*
 * show_plan - what a sync would do, in words.
 * Depends on: flow, look.
 */
#include "agent/cli/show.h"

static const struct {
	const char *sign, *verb, *count;
	enum tone tone;
} actions[] = {
	[PLAN_KEEP] = {"=", "keep", "unchanged", TONE_DIM},
	[PLAN_ADD] = {"+", "add", "to add", TONE_GOOD},
	[PLAN_CHANGE] = {"~", "change", "to change", TONE_WARN},
	[PLAN_REMOVE] = {"-", "remove", "to remove", TONE_BAD},
	[PLAN_REPAIR] = {"~", "repair", "to repair", TONE_WARN},
	[PLAN_HELD] = {"!", "held", "held", TONE_WARN},
	[PLAN_BLOCKED] = {"!", "blocked", "blocked", TONE_BAD},
};

static void one_item(struct str *out, const struct plan_item *p, const struct look *k)
{
	auto_free char *name = str_printable(p->project, 64);

	look_addf(out, k, actions[p->action].tone, "%s %-7s", actions[p->action].sign,
		  actions[p->action].verb);
	str_addc(out, ' ');
	look_addf(out, k, TONE_BOLD, "%s", name);
	str_addc(out, '\n');
	for (size_t i = 0; i < p->reasons.n; i++)
		text_lines(out, "    ", p->reasons.v[i]);
	if (p->services.n > 0) {
		auto_free char *list = strv_join(&p->services, ", ");
		auto_str struct str line = STR_INIT;

		str_addf(&line, "services: %s", list);
		text_lines(out, "    ", str_text(&line));
	}
	for (size_t i = 0; i < p->notes.n; i++) {
		auto_str struct str line = STR_INIT;

		str_addf(&line, "note: %s", p->notes.v[i]);
		text_lines(out, "    ", str_text(&line));
	}
}

static void counts(struct str *out, const struct plan *p)
{
	size_t n[COUNT_OF(actions)] = {0};
	const char *comma = "";

	for (size_t i = 0; i < p->n; i++)
		n[p->v[i].action]++;
	for (size_t i = 0; i < COUNT_OF(n); i++) {
		/* Unchanged ones come last. */
		size_t a = (i + 1) % COUNT_OF(n);

		if (n[a] == 0)
			continue;
		str_addf(out, "%s%zu %s", comma, n[a], actions[a].count);
		comma = ", ";
	}
	str_add(out, p->n == 0 ? "no projects for this host\n" : "\n");
}

void show_plan(struct str *out, const struct plan_view *v, const struct look *k)
{
	for (size_t i = 0; i < v->warnings.n; i++) {
		look_addf(out, k, TONE_WARN, "warning:");
		text_lines(out, " ", v->warnings.v[i]);
	}
	if (*v->commit.id) {
		str_add(out, "commit ");
		show_commit(out, &v->commit);
		str_addc(out, '\n');
	}
	if (v->held) {
		look_addf(out, k, TONE_WARN, "nothing would be applied:");
		text_lines(out, " ", v->why ? v->why : "held");
	}
	for (size_t i = 0; i < v->plan.n; i++) {
		/* Of what stays only the notes are worth a line. */
		if (v->plan.v[i].action != PLAN_KEEP || v->plan.v[i].notes.n > 0)
			one_item(out, &v->plan.v[i], k);
	}
	counts(out, &v->plan);
}
