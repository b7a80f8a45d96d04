/*
 * history - history.jsonl: what happened on this host, a line each, for `events` and `status`.
 * Depends on: common, model/event.
 */
#include "agent/store/layout.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
	ROTATE_BYTES = 8 * 1024 * 1024,
	READ_MAX_BYTES = 2 * ROTATE_BYTES, /* one line may go over the limit, not more */
};

static cJSON *entry_of(enum event ev, const struct event_fields *f)
{
	cJSON *j = cJSON_CreateObject();

	json_set_int(j, "time", clock_wall());
	json_set_str(j, "event", event_kind(ev)->name);
	if (!f)
		return j;
	json_set_str(j, "project", f->project);
	if (f->generation != 0)
		json_set_int(j, "generation", f->generation);
	json_set_str(j, "commit", f->commit);
	json_set_str(j, "previous", f->previous);
	json_set_str(j, "reason", f->reason);
	if (f->duration_ms != 0)
		json_set_int(j, "duration_ms", f->duration_ms);
	return j;
}

static int rotate(const struct store *s, const char *path, bool *is_new, struct err *e)
{
	auto_free char *old = store_path(s, "history.jsonl.1");
	struct stat st;

	*is_new = stat(path, &st) < 0;
	if (*is_new || st.st_size < ROTATE_BYTES)
		return 0;
	if (rename(path, old) < 0)
		return err_set(e, ERR_RETRY, errno, "cannot rotate %s", path);
	*is_new = true;
	return 0;
}

int history_add(const struct store *s, enum event ev, const struct event_fields *f, struct err *e)
{
	auto_free char *path = store_path(s, "history.jsonl");
	auto_json cJSON *j = entry_of(ev, f);
	auto_free char *line = json_text(j);
	bool is_new = false;

	if (rotate(s, path, &is_new, e) < 0 || file_append_line(path, line, e) < 0)
		return err_wrap(e, "write the history");
	return is_new ? path_sync(s->root, e) : 0;
}

static int read_lines(const struct store *s, const char *name, char **text, size_t *len,
		      struct err *e)
{
	auto_free char *path = store_path(s, name);
	struct err why = ERR_INIT;

	if (file_read(path, READ_MAX_BYTES, text, len, &why) == 0)
		return 0;
	if (why.errnum != ENOENT) {
		*e = why;
		return -1;
	}
	*text = xstrdup("");
	*len = 0;
	return 0;
}

/* Where the last `want` lines of text begin; *have is how many there are, at most want. */
static const char *tail_of(const char *text, size_t len, size_t want, size_t *have)
{
	const char *p = text + len;

	for (*have = 0; *have < want && p > text; (*have)++) {
		const char *newline = memrchr(text, '\n', (size_t)(p - 1 - text));

		p = newline ? newline + 1 : text;
	}
	return p;
}

static void visit(const char *p, void (*each)(const cJSON *entry, void *arg), void *arg)
{
	while (*p != '\0') {
		size_t n = strcspn(p, "\n");
		auto_json cJSON *j = NULL;
		struct err ignored = ERR_INIT;

		/* A line that was cut by a power cut is skipped; the next one is whole again. */
		if (n > 0 && json_parse(p, n, &j, &ignored) == 0 && cJSON_IsObject(j))
			each(j, arg);
		p += n + (p[n] == '\n');
	}
}

int history_each(const struct store *s, size_t limit, void (*each)(const cJSON *entry, void *arg),
		 void *arg, struct err *e)
{
	auto_free char *text = NULL, *old = NULL;
	size_t len = 0, old_len = 0, have = 0, have_old = 0;

	if (read_lines(s, "history.jsonl", &text, &len, e) < 0)
		return -1;
	const char *from = tail_of(text, len, limit, &have);
	if (have < limit) {
		if (read_lines(s, "history.jsonl.1", &old, &old_len, e) < 0)
			return -1;
		visit(tail_of(old, old_len, limit - have, &have_old), each, arg);
	}
	visit(from, each, arg);
	return 0;
}
