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

bool progress_row_set(struct progress_row *r, const struct progress_line *l)
{
	char *step = str_printable(l->step ? l->step : "", 32);
	bool moved = !r->step || strcmp(r->step, step) != 0;

	free(r->step);
	free(r->detail);
	r->step = step;
	r->detail = text_first(l->detail);
	r->failed = strcmp(step, "failed") == 0;
	r->over = r->failed || strcmp(step, "done") == 0;
	return moved;
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

void progress_row_plain(struct str *out, const struct progress_row *r, int64_t now_ms)
{
	char span[64];

	if (!r->over) {
		str_addf(out, "%s: %s", r->name, r->step);
		return;
	}
	(void)elapsed(r, now_ms, span, sizeof(span));
	if (r->failed)
		str_addf(out, "%s: failed after %s%s%s", r->name, span, *r->detail ? ": " : "",
			 r->detail);
	else
		str_addf(out, "%s: %s in %s", r->name, *r->detail ? r->detail : "done", span);
}

static void add_name(struct str *out, const struct progress_row *r, const struct look *k, int width)
{
	int used = text_cut(out, r->name, width, k->utf8);

	text_pad(out, width - used + 2);
}

void progress_row_end(struct str *out, const struct progress_row *r, const struct look *k,
		      int name_width, int64_t now_ms)
{
	char span[64];

	(void)elapsed(r, now_ms, span, sizeof(span));
	if (r->failed)
		look_addf(out, k, TONE_BAD, "%s ", k->utf8 ? "✗" : "x");
	else
		look_addf(out, k, TONE_GOOD, "%s ", k->utf8 ? "✓" : "+");
	add_name(out, r, k, name_width);
	if (r->failed)
		str_addf(out, "failed after %s%s%s\n", span, *r->detail ? ": " : "", r->detail);
	else
		str_addf(out, "%s in %s\n", *r->detail ? r->detail : "done", span);
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
	int width = c->name_width < c->columns - 2 ? c->name_width : c->columns - 2;
	/* The last column stays free: some terminals wrap when it is written. */
	int left = c->columns - width - 5;

	if (c->columns < 4)
		return;
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
