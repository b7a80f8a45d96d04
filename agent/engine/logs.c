/*
 * logs - the last lines of a container's log. Without a terminal the engine sends frames: a byte
 * for the stream, three zeros, the length, big endian; with one it sends the bytes as they are.
 * Depends on: common, api.
 */
#include "agent/engine/demux.h"

#include "agent/engine/api.h"
#include "common/mem.h"

#include <string.h>

enum { LINES_MAX = 1000, LINE_SHOWN = 2048, READ_MAX = 8 * 1024 * 1024 };

/* Only the end is kept. */
static void keep(struct demux *d, const char *data, size_t n)
{
	for (size_t i = 0; i < n; i++)
		str_addc(&d->text, data[i] != '\0' ? data[i] : ' ');
	if (d->text.len <= 2 * d->keep)
		return;
	size_t drop = d->text.len - d->keep;

	memmove(d->text.s, d->text.s + drop, d->keep);
	d->text.len = d->keep;
	d->text.s[d->keep] = '\0';
}

static bool is_head(const unsigned char *h)
{
	return h[0] <= 2 && h[1] == 0 && h[2] == 0 && h[3] == 0;
}

/* One byte of a frame's header. What does not look like one is a terminal's bytes. */
static void add_head(struct demux *d, char c)
{
	d->head[d->have++] = (unsigned char)c;
	if (d->have < DEMUX_HEAD)
		return;
	d->have = 0;
	if (!is_head(d->head)) {
		d->raw = true;
		keep(d, (const char *)d->head, DEMUX_HEAD);
		return;
	}
	d->left = (uint32_t)d->head[4] << 24 | (uint32_t)d->head[5] << 16 |
		  (uint32_t)d->head[6] << 8 | (uint32_t)d->head[7];
}

int demux_take(const char *data, size_t len, void *arg)
{
	struct demux *d = arg;

	d->read += len;
	while (len > 0) {
		if (!d->raw && d->left == 0) {
			add_head(d, *data);
			data++;
			len--;
			continue;
		}
		size_t n = d->raw || len < d->left ? len : d->left;

		keep(d, data, n);
		d->left -= d->raw ? 0 : (uint32_t)n;
		data += n;
		len -= n;
	}
	return d->read > READ_MAX && !d->endless ? -1 : 0;
}

/* Line by line, as line breaks are to stay; from the end, as the last ones matter. */
static char *printable(const char *text, size_t max)
{
	struct strv lines = STRV_INIT;
	struct str out = {.max = max > 0 ? max : 1};

	for (const char *at = text; *at != '\0';) {
		size_t len = strcspn(at, "\n");
		size_t shown = len > 0 && at[len - 1] == '\r' ? len - 1 : len;
		auto_free char *line = xstrndup(at, shown);

		if (shown > 0)
			strv_push_own(&lines, str_printable(line, LINE_SHOWN));
		at += at[len] == '\n' ? len + 1 : len;
	}
	size_t first = lines.n;

	for (size_t bytes = 0; first > 0; first--) {
		bytes += strlen(lines.v[first - 1]) + 1;
		if (bytes > max + 1)
			break;
	}
	if (first == lines.n && lines.n > 0) /* one line longer than all we may show: its begin */
		str_add(&out, lines.v[lines.n - 1]);
	for (size_t i = first; i < lines.n; i++)
		str_addf(&out, "%s%s", i > first ? "\n" : "", lines.v[i]);
	strv_done(&lines);
	return str_take(&out);
}

char *demux_text(struct demux *d, size_t max)
{
	if (d->have > 0) /* fewer bytes than a header: a terminal's */
		keep(d, (const char *)d->head, d->have);
	d->have = 0;
	return printable(str_text(&d->text), max);
}

int engine_logs(struct engine *g, const char *id, int lines, size_t max, char **out, struct err *e)
{
	int tail = lines > 0 && lines < LINES_MAX ? lines : LINES_MAX;
	auto_free char *escaped = api_path_escape(id);
	auto_free char *path =
		xasprintf("/containers/%s/logs?stdout=1&stderr=1&tail=%d", escaped, tail);
	struct demux d = {.keep = max > 0 ? 2 * max : 1};
	long status = 0;
	int bad = api_stream(g, path, demux_take, &d, &status, e);

	/* A container that is gone, or a log driver that cannot be read, has no lines. */
	if (bad == 0)
		*out = status == 200 ? demux_text(&d, max) : xstrdup("");
	str_done(&d.text);
	return bad;
}
