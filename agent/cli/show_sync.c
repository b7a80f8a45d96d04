/*
 * show_sync - the end of a sync in words.
 * Depends on: flow, look.
 */
#include "agent/cli/show.h"

#include "common/duration.h"

static enum tone tone_of(enum outcome_kind k)
{
	switch (k) {
	case OUTCOME_DEPLOYED:
	case OUTCOME_REPAIRED:
	case OUTCOME_REMOVED:
		return TONE_GOOD;
	case OUTCOME_FAILED:
	case OUTCOME_DEGRADED:
		return TONE_BAD;
	default:
		return TONE_WARN;
	}
}

static const char *words_of(enum outcome_kind k)
{
	static const char *const words[] = {
		[OUTCOME_DEPLOYED] = "deployed",       [OUTCOME_REPAIRED] = "repaired",
		[OUTCOME_REMOVED] = "removed",         [OUTCOME_FAILED] = "failed",
		[OUTCOME_HELD] = "held back",          [OUTCOME_BLOCKED] = "not tried",
		[OUTCOME_RETRY] = "to be tried again", [OUTCOME_DEGRADED] = "degraded",
	};

	return (size_t)k < COUNT_OF(words) ? words[k] : "unknown";
}

static void one_outcome(struct str *out, const struct outcome *o, const struct look *k)
{
	auto_free char *name = str_printable(o->project, 64);
	char span[64];

	look_addf(out, k, TONE_BOLD, "%s", name);
	str_add(out, ": ");
	look_addf(out, k, tone_of(o->kind), "%s", words_of(o->kind));
	if (o->ms > 0 && tone_of(o->kind) != TONE_WARN)
		str_addf(out, " in %s", duration_text(o->ms, span, sizeof(span)));
	str_addc(out, '\n');
	if (o->why)
		text_lines(out, "    ", o->why);
}

static void counts(struct str *out, const struct sync_report *r)
{
	size_t n[OUTCOME_DEGRADED + 1] = {0};
	const char *comma = "";

	for (size_t i = 0; i < r->n; i++)
		n[r->v[i].kind]++;
	for (size_t i = 0; i < COUNT_OF(n); i++) {
		if (n[i] == 0)
			continue;
		str_addf(out, "%s%zu %s", comma, n[i], words_of((enum outcome_kind)i));
		comma = ", ";
	}
	if (r->kept > 0 || r->n == 0)
		str_addf(out, "%s%zu unchanged", comma, r->kept);
}

static void last_line(struct str *out, const struct sync_report *r)
{
	if (r->nothing_new)
		str_add(out, "nothing new");
	else
		counts(out, r);
	if (r->generation > 0)
		str_addf(out, "; generation %lld%s", (long long)r->generation,
			 r->made ? "" : " still holds");
	else
		str_add(out, "; no generation yet");
	if (*r->commit.id) {
		str_add(out, ", commit ");
		show_commit(out, &r->commit);
	}
	str_addc(out, '\n');
}

static void notes(struct str *out, const struct strv *l, const char *head, const struct look *k)
{
	for (size_t i = 0; i < l->n; i++) {
		look_addf(out, k, TONE_WARN, "%s:", head);
		text_lines(out, " ", l->v[i]);
	}
}

void show_sync(struct str *out, const struct sync_report *r, const struct look *k, bool brief)
{
	notes(out, &r->recovered, "recovered", k);
	notes(out, &r->warnings, "warning", k);
	for (size_t i = 0; i < r->n; i++) {
		if (!brief || tone_of(r->v[i].kind) != TONE_GOOD)
			one_outcome(out, &r->v[i], k);
	}
	if (r->stopped)
		str_add(out, "stopped: what is left goes on at the next start\n");
	last_line(out, r);
}
