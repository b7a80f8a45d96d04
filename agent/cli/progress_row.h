/*
 * progress_row - one project under way and the lines that tell of it.
 * Depends on: flow, look.
 */
#pragma once

#include "agent/cli/look.h"
#include "agent/flow/flow.h"

enum { PROGRESS_NAME_MAX = 28 };

struct progress_row {
	char *name, *step, *detail; /* printable */
	int64_t since_ms;
	bool over;
	enum outcome_kind kind; /* once over */
};

void progress_row_done(struct progress_row *r);
/* True if it came to another step. */
bool progress_row_set(struct progress_row *r, const struct progress_line *l);
bool progress_row_failed(const struct progress_row *r);
bool progress_row_waits(const struct progress_row *r); /* for its turn */

struct progress_cell { /* where a live line goes */
	const struct look *look;
	int name_width, columns;
	unsigned frame;
};
/* "web: apply", "web: deployed in 3.2 s"; no newline. */
void progress_row_plain(struct str *out, const struct progress_row *r, int64_t now_ms);
/* The line that stays when a project has ended, with its newline. */
void progress_row_end(struct str *out, const struct progress_row *r, const struct look *k,
		      int name_width, int64_t now_ms);
/* The line while it works, with its newline. */
void progress_row_live(struct str *out, const struct progress_row *r, const struct progress_cell *c,
		       int64_t now_ms);
