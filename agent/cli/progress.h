/*
 * progress - what a sync shows while it works: on a terminal one line a project, redrawn in place,
 * finished ones left standing above; elsewhere plain lines. Depends on: flow, look.
 */
#pragma once

#include "agent/cli/look.h"
#include "agent/flow/flow.h"

enum progress_how {
	PROGRESS_LIVE,  /* redrawn in place */
	PROGRESS_PLAIN, /* a line for each step */
	PROGRESS_LOG,   /* ends only, through common/log: under the daemon */
};

struct progress_display;

/* fd: where it is drawn (standard error). look is copied. Free with progress_close(). */
struct progress_display *progress_open(int fd, enum progress_how how, const struct look *look);
/* Take the live lines away and free; what has ended stays on the screen. */
void progress_close(struct progress_display *d);
AUTO_PTR(progress_close, struct progress_display)
#define auto_progress AUTO(progress_close_at)

/* The calls for flow; valid as long as d. */
struct progress progress_calls(struct progress_display *d);

/* ---- the parts, for tests ---- */
/* Take a report in; now_ms is clock_ms(). */
void progress_note(struct progress_display *d, const struct progress_line *l, int64_t now_ms);
/* Lines that stay, since the last call: ends (live) or steps and ends (plain). */
void progress_fixed(struct progress_display *d, struct str *out);
/* The lines of what is under way, at most `rows`, each at most `columns` wide. */
void progress_frame(const struct progress_display *d, int columns, int rows, int64_t now_ms,
		    struct str *out);
/* One whole redraw for a terminal of this size: cursor up over the last one, erase, fixed lines,
 * frame. */
void progress_redraw(struct progress_display *d, int columns, int rows, int64_t now_ms,
		     struct str *out);
