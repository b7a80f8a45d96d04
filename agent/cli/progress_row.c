/*
 * progress_row - see progress_row.h.
 * Depends on: flow, look, common.
 */
#include "agent/cli/progress_row.h"

#include "common/duration.h"
#include "common/mem.h"

#include <stdlib.h>
#include <string.h>

enum { STEP_WIDTH = 9, TIME_WIDTH = 8 };

void progress_row_done(struct progress_row *r)
{
	free(r->name);
	free(r->step);
	free(r->detail);
}

/* The last step of a project is how it ended, by outcome_name(). */
static bool find_end(const char *step, enum outcome_kind *kind)
{
	for (int k = 0; k <= OUTCOME_DEGRADED; k++) {
		if (strcmp(step, outcome_name((enum outcome_kind)k)) == 0) {
			*kind = (enum outcome_kind)k;
			return true;
		}
	}
	*kind = OUTCOME_DEPLOYED;
	return strcmp(step, "done") == 0;
}

bool progress_row_set(struct progress_row *r, const struct progress_line *l)
{
	char *step = str_printable(l->step ? l->step : "", 32);
	bool moved = !r->step || strcmp(r->step, step) != 0;

	free(r->step);
	free(r->detail);
	r->step = step;
	r->detail = text_first(l->detail);
	r->over = find_end(step, &r->kind);
	return moved;
}

bool progress_row_failed(const struct progress_row *r)
{
	return r->over && (r->kind == OUTCOME_FAILED || r->kind == OUTCOME_DEGRADED);
}

bool progress_row_waits(const struct progress_row *r)
{
	return str_starts(r->step, "wait");
}

static const char *elapsed(const struct progress_row *r, int64_t now_ms, char *buf, size_t size)
{
	int64_t ms = now_ms > r->since_ms ? now_ms - r->since_ms : 0;

	return duration_text(ms, buf, size);
}

/* "deployed in 3.2 s", "failed after 12 s: app exited with 1", "held: suspended" */
static void add_end(struct str *out, const struct progress_row *r, int64_t now_ms)
{
	char span[64];

	(void)elapsed(r, now_ms, span, sizeof(span));
	str_add(out, r->step);
	if (progress_row_failed(r))
		str_addf(out, " after %s", span);
	else if (r->kind == OUTCOME_DEPLOYED || r->kind == OUTCOME_REPAIRED ||
		 r->kind == OUTCOME_REMOVED)
		str_addf(out, " in %s", span);
	if (*r->detail)
		str_addf(out, ": %s", r->detail);
}

void progress_row_plain(struct str *out, const struct progress_row *r, int64_t now_ms)
{
	str_addf(out, "%s: ", r->name);
	if (r->over)
		add_end(out, r, now_ms);
	else
		str_add(out, r->step);
}

static void add_name(struct str *out, const struct progress_row *r, const struct look *k, int width)
{
	int used = text_cut(out, r->name, width, k->utf8);

	text_pad(out, width - used + 2);
}

void progress_row_end(struct str *out, const struct progress_row *r, const struct look *k,
		      int name_width, int64_t now_ms)
{
	static const struct {
		enum tone tone;
		const char *rich, *plain;
	} signs[] = {
		[OUTCOME_DEPLOYED] = {TONE_GOOD, "✓", "+"},
		[OUTCOME_REPAIRED] = {TONE_GOOD, "✓", "+"},
		[OUTCOME_REMOVED] = {TONE_GOOD, "✓", "+"},
		[OUTCOME_FAILED] = {TONE_BAD, "✗", "x"},
		[OUTCOME_HELD] = {TONE_WARN, "•", "!"},
		[OUTCOME_BLOCKED] = {TONE_WARN, "•", "!"},
		[OUTCOME_RETRY] = {TONE_WARN, "•", "!"},
		[OUTCOME_DEGRADED] = {TONE_BAD, "✗", "x"},
	};

	auto_str struct str end = STR_INIT;

	look_addf(out, k, signs[r->kind].tone, "%s ",
		  k->utf8 ? signs[r->kind].rich : signs[r->kind].plain);
	add_name(out, r, k, name_width);
	add_end(&end, r, now_ms);
	/* The report at the end has all of it. */
	if (k->columns > 0)
		(void)text_cut(out, str_text(&end), k->columns - name_width - 5, k->utf8);
	else
		str_add(out, str_text(&end));
	str_addc(out, '\n');
}

static const char *spinner(const struct look *k, unsigned frame, bool waits)
{
	static const char *const round[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
	static const char *const plain[] = {"|", "/", "-", "\\"};

	if (waits)
		return k->utf8 ? "·" : ".";
	return k->utf8 ? round[frame % COUNT_OF(round)] : plain[frame % COUNT_OF(plain)];
}

void progress_row_live(struct str *out, const struct progress_row *r, const struct progress_cell *c,
		       int64_t now_ms)
{
	auto_str struct str rest = STR_INIT;
	char span[64];
	/* The last column stays free: some terminals wrap when it is written. */
	int most = c->columns - 5;
	int width = c->name_width < most ? c->name_width : most;
	int left = most - width;

	(void)elapsed(r, now_ms, span, sizeof(span));
	str_addf(&rest, "%-*s %*s", STEP_WIDTH, r->step, TIME_WIDTH, span);
	if (*r->detail)
		str_addf(&rest, "  %s", r->detail);
	look_addf(out, c->look, TONE_BOLD, "%s", spinner(c->look, c->frame, progress_row_waits(r)));
	str_addc(out, ' ');
	add_name(out, r, c->look, width);
	if (left > 0)
		(void)text_cut(out, str_text(&rest), left, c->look->utf8);
	str_addc(out, '\n');
}
