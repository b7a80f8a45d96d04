/*
 * progress - see progress.h. A redraw goes up over what was drawn last and writes the new lines
 * over it with one write, so that nobody sees half a frame. The terminal's size is asked for at
 * each redraw. Depends on: flow, look, common.
 */
#include "agent/cli/progress.h"

#include "agent/cli/progress_row.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REDRAW_MS = 80 };
static const char SYNC_NAME[] =
	"(sync)"; /* the line of the sync itself; no project can be named so */

struct progress_display {
	int fd;
	enum progress_how how;
	struct look look;
	struct progress_row *rows; /* under way, in order of appearance */
	size_t n;
	struct str fixed;
	int name_width; /* of the longest name so far, for steady columns */
	int *drawn;     /* widths of the lines of the last frame */
	size_t n_drawn;
	int64_t drawn_ms;
	unsigned frame; /* counts redraws, for the spinner */
};

struct progress_display *progress_open(int fd, enum progress_how how, const struct look *look)
{
	struct progress_display *d = xcalloc(1, sizeof(*d));

	d->fd = fd;
	d->how = how;
	d->look = *look;
	d->name_width = 4;
	return d;
}

static struct progress_row *find_row(struct progress_display *d, const char *name)
{
	for (size_t i = 0; i < d->n; i++) {
		if (strcmp(d->rows[i].name, name) == 0)
			return &d->rows[i];
	}
	return NULL;
}

static struct progress_row *need_row(struct progress_display *d, const char *name, int64_t now_ms)
{
	struct progress_row *r = find_row(d, name);

	if (r)
		return r;
	d->rows = xreallocarray(d->rows, d->n + 1, sizeof(*d->rows));
	r = &d->rows[d->n++];
	*r = (struct progress_row){.name = xstrdup(name), .since_ms = now_ms};
	return r;
}

static void drop_row(struct progress_display *d, struct progress_row *r)
{
	size_t at = (size_t)(r - d->rows);

	progress_row_done(r);
	memmove(r, r + 1, (d->n - at - 1) * sizeof(*r));
	d->n--;
}

/* Under systemd the journal already has an entry of its own for each end: say it at debug only. */
static void log_row(const struct progress_row *r, int64_t now_ms, bool over)
{
	auto_str struct str line = STR_INIT;

	progress_row_plain(&line, r, now_ms);
	if (!over || getenv("JOURNAL_STREAM"))
		log_debug("%s", str_text(&line));
	else if (progress_row_failed(r))
		log_warn("%s", str_text(&line));
	else
		log_info("%s", str_text(&line));
}

static void say_row(struct progress_display *d, const struct progress_row *r, int64_t now_ms,
		    bool over)
{
	if (d->how == PROGRESS_LOG) {
		log_row(r, now_ms, over);
	} else if (d->how == PROGRESS_PLAIN) {
		progress_row_plain(&d->fixed, r, now_ms);
		str_addc(&d->fixed, '\n');
	} else if (over) {
		progress_row_end(&d->fixed, r, &d->look, d->name_width, now_ms);
	}
}

/* The sync goes on to its next step: what projects did in the last one is over, now they wait for
 * their turn. */
static void all_wait(struct progress_display *d)
{
	for (size_t i = 0; i < d->n; i++) {
		if (strcmp(d->rows[i].name, SYNC_NAME) != 0)
			(void)progress_row_set(&d->rows[i],
					       &(struct progress_line){.step = "waiting"});
	}
}

void progress_note(struct progress_display *d, const struct progress_line *l, int64_t now_ms)
{
	auto_free char *name = str_printable(l->project ? l->project : SYNC_NAME, 64);
	struct progress_row *r = need_row(d, name, now_ms);
	bool moved = progress_row_set(r, l);
	/* The sync's own end is told by the summary, and its steps are only worth a line of their
	 * own to who asks. */
	bool silent = !l->project && (r->over || (d->how != PROGRESS_LIVE && !log_verbose()));
	int width = text_width(name);

	if (width > d->name_width)
		d->name_width = width < PROGRESS_NAME_MAX ? width : PROGRESS_NAME_MAX;
	if (moved && !l->project)
		all_wait(d);
	if (moved && !silent)
		say_row(d, r, now_ms, r->over);
	if (r->over)
		drop_row(d, r);
}

void progress_fixed(struct progress_display *d, struct str *out)
{
	str_add(out, str_text(&d->fixed));
	str_reset(&d->fixed);
}

void progress_frame(const struct progress_display *d, int columns, int rows, int64_t now_ms,
		    struct str *out)
{
	size_t room = rows > 0 ? (size_t)rows : 0;
	size_t shown = d->n <= room ? d->n : room > 0 ? room - 1 : 0;
	size_t at = 0;

	/* What works comes before what waits for its turn: the cut must not hide it. */
	for (int waiting = 0; waiting < 2; waiting++) {
		for (size_t i = 0; i < d->n && at < shown; i++) {
			struct progress_cell cell = {.look = &d->look,
						     .name_width = d->name_width,
						     .columns = columns,
						     .frame = d->frame};

			if (progress_row_waits(&d->rows[i]) != (waiting == 1))
				continue;
			progress_row_live(out, &d->rows[i], &cell, now_ms);
			at++;
		}
	}
	if (shown < d->n && room > 0)
		look_addf(out, &d->look, TONE_DIM, "  and %zu more", d->n - shown);
	if (shown < d->n && room > 0)
		str_addc(out, '\n');
}

/* Lines the last frame takes on a terminal of this width: a narrower one has wrapped them. */
static int drawn_lines(const struct progress_display *d, int columns)
{
	int lines = 0;

	for (size_t i = 0; i < d->n_drawn; i++)
		lines += d->drawn[i] > columns ? (d->drawn[i] + columns - 1) / columns : 1;
	return lines;
}

/* Remember the width of each line of a frame; escape sequences take none. */
static void remember(struct progress_display *d, const char *frame)
{
	d->n_drawn = 0;
	for (const char *p = frame; *p;) {
		size_t n = strcspn(p, "\n");
		auto_str struct str bare = STR_INIT;

		for (size_t i = 0; i < n; i++) {
			if (p[i] == '\033')
				i += strcspn(p + i, "m");
			else
				str_addc(&bare, p[i]);
		}
		d->drawn = xreallocarray(d->drawn, d->n_drawn + 1, sizeof(*d->drawn));
		d->drawn[d->n_drawn++] = text_width(str_text(&bare));
		p += n + (p[n] == '\n');
	}
}

/* Lines over old ones: each erases what it does not cover. */
static void add_over(struct str *out, const char *lines)
{
	for (const char *p = lines; *p;) {
		size_t n = strcspn(p, "\n");

		str_addn(out, p, n);
		str_add(out, "\033[K\n");
		p += n + (p[n] == '\n');
	}
}

void progress_redraw(struct progress_display *d, int columns, int rows, int64_t now_ms,
		     struct str *out)
{
	auto_str struct str frame = STR_INIT;
	int up = drawn_lines(d, columns);

	if (up > 0)
		str_addf(out, "\r\033[%dA", up < rows ? up : rows);
	add_over(out, str_text(&d->fixed));
	str_reset(&d->fixed);
	/* One line is left for the cursor: a frame as high as the screen would scroll. */
	progress_frame(d, columns, rows - 1, now_ms, &frame);
	add_over(out, str_text(&frame));
	/* Erasing below comes last: at the top of a screen tmux would take it for a clear and keep
	 * a copy. */
	str_add(out, "\033[J");
	remember(d, str_text(&frame));
	d->drawn_ms = now_ms;
	d->frame++;
}

static void put(int fd, const struct str *text)
{
	const char *p = str_text(text);
	size_t left = text->len;

	while (left > 0) {
		ssize_t n = write(fd, p, left);

		if (n <= 0)
			return; /* progress is never worth an error */
		p += n;
		left -= (size_t)n;
	}
}

static void draw(struct progress_display *d, int64_t now_ms)
{
	auto_str struct str out = STR_INIT;
	int columns, rows;

	if (d->how == PROGRESS_LIVE) {
		look_size(d->fd, &columns, &rows);
		progress_redraw(d, columns, rows, now_ms, &out);
	} else {
		progress_fixed(d, &out);
	}
	put(d->fd, &out);
}

static void show(const struct progress_line *l, void *arg)
{
	struct progress_display *d = arg;
	int64_t now_ms = clock_ms();

	progress_note(d, l, now_ms);
	/* A thousand projects report faster than anybody reads; the next tick draws what is left
	 * out here. */
	if (d->how != PROGRESS_LIVE || now_ms - d->drawn_ms >= REDRAW_MS)
		draw(d, now_ms);
}

static void tick(void *arg)
{
	struct progress_display *d = arg;
	int64_t now_ms = clock_ms();

	if (d->how == PROGRESS_LIVE && now_ms - d->drawn_ms >= REDRAW_MS)
		draw(d, now_ms);
}

struct progress progress_calls(struct progress_display *d)
{
	return (struct progress){.show = show, .tick = tick, .arg = d};
}

void progress_close(struct progress_display *d)
{
	while (d->n > 0)
		drop_row(d, &d->rows[d->n - 1]);
	draw(d, clock_ms());
	free(d->rows);
	free(d->drawn);
	str_done(&d->fixed);
	free(d);
}
