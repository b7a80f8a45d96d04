/*
 * history_read - reading history.jsonl: from its end for people, from a cursor for receivers. A
 * line that was cut by a power cut is skipped; the next one is whole again. Depends on: common.
 */
#include "agent/store/layout.h"

#include "common/file.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	READ_MAX_BYTES = 2 * HISTORY_ROTATE_BYTES, /* one line may go over the limit, not more */
	LOOK_BYTES = 2 * EVENT_LINE_MAX_BYTES,     /* holds a whole line, wherever it begins */
};

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

/* ---- from a cursor ---- */
/* What the line says, or -1 if it does not parse. */
static int64_t seq_of(const char *line, size_t n)
{
	auto_json cJSON *j = NULL;
	struct err ignored = ERR_INIT;

	if (n == 0 || json_parse(line, n, &j, &ignored) < 0 || !cJSON_IsObject(j))
		return -1;
	return json_int(j, "seq", 0);
}

/* The seq of the first (or last) whole line of a file's bytes from `at` on; -1: there is none. */
static int64_t seq_near(int fd, off_t at, bool last, char *buf)
{
	ssize_t got = pread(fd, buf, LOOK_BYTES, at);
	char *p = buf, *end = buf + (got > 0 ? got : 0);
	int64_t found = -1;

	if (at > 0) { /* most likely in the middle of a line */
		p = memchr(p, '\n', (size_t)(end - p));
		if (!p)
			return -1;
		p++;
	}
	for (char *nl; p < end && (nl = memchr(p, '\n', (size_t)(end - p))); p = nl + 1) {
		int64_t seq = seq_of(p, (size_t)(nl - p));

		found = seq >= 0 ? seq : found;
		if (found >= 0 && !last)
			break;
	}
	return found;
}

/* From where on lines with a seq above `after` can stand: a cursor is mostly near the end. */
static off_t start_after(int fd, int64_t after)
{
	off_t size = lseek(fd, 0, SEEK_END);
	auto_free char *buf = xmalloc(LOOK_BYTES);

	for (off_t back = LOOK_BYTES; back < size; back *= 4) {
		int64_t seq = seq_near(fd, size - back, false, buf);

		if (seq >= 0 && seq <= after)
			return size - back;
	}
	return 0;
}

struct cursor {
	int64_t after;
	size_t left;
	int (*each)(const cJSON *entry, void *arg);
	void *arg;
};

/* True: go on with the next file. */
static bool walk(int fd, struct cursor *c)
{
	auto_free char *line = NULL;
	size_t room = 0;
	FILE *f = fdopen(fd, "re");
	off_t from = f ? start_after(fd, c->after) : 0;
	bool more = true;

	if (!f) {
		(void)close(fd);
		return true;
	}
	(void)fseeko(f, from, SEEK_SET);
	while (more && c->left > 0) {
		ssize_t n = getline(&line, &room, f);
		auto_json cJSON *j = NULL;
		struct err ignored = ERR_INIT;

		if (n <= 0)
			break;
		if (line[n - 1] != '\n' || json_parse(line, (size_t)n, &j, &ignored) < 0 ||
		    json_int(j, "seq", 0) <= c->after)
			continue;
		c->left--;
		more = c->each(j, c->arg) == 0;
	}
	(void)fclose(f);
	return more && c->left > 0;
}

static int open_history(const struct store *s, const char *name, int *fd, struct err *e)
{
	auto_free char *path = store_path(s, name);

	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (*fd < 0 && errno != ENOENT)
		return err_set(e, ERR_RETRY, errno, "cannot open %s", path);
	return 0;
}

static bool same_file(int a, int b)
{
	struct stat x, y;

	return a >= 0 && b >= 0 && fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino &&
	       x.st_dev == y.st_dev;
}

/* Is everything in the newer file too new, so that the older one has to be looked at? */
static bool goes_back(int newer, int64_t after)
{
	auto_free char *buf = xmalloc(LOOK_BYTES);
	int64_t first = seq_near(newer, 0, false, buf);

	return first < 0 || first > after;
}

int history_from(const struct store *s, int64_t after_seq, size_t max,
		 int (*each)(const cJSON *entry, void *arg), void *arg, struct err *e)
{
	struct cursor c = {.after = after_seq, .left = max, .each = each, .arg = arg};
	auto_close int now = -1;
	int old = -1;

	/* In this order: a rotation in between gives the same file twice, and loses nothing. */
	if (open_history(s, "history.jsonl", &now, e) < 0 ||
	    open_history(s, "history.jsonl.1", &old, e) < 0)
		return -1;
	if (old >= 0 && (same_file(now, old) || (now >= 0 && !goes_back(now, after_seq)))) {
		(void)close(old);
		old = -1;
	}
	if (old >= 0 && !walk(old, &c))
		return 0;
	if (now >= 0)
		(void)walk(TAKE_FD(now), &c);
	return 0;
}

int history_last_seq(const struct store *s, int64_t *seq, struct err *e)
{
	static const char *const names[] = {"history.jsonl", "history.jsonl.1"};
	auto_free char *buf = xmalloc(LOOK_BYTES);
	int64_t last = -1;

	for (size_t i = 0; i < COUNT_OF(names) && last < 0; i++) {
		auto_close int fd = -1;

		if (open_history(s, names[i], &fd, e) < 0)
			return -1;
		off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
		/* The last few lines, then the last many: a small read is mostly enough. */
		for (off_t back = 4096; fd >= 0 && last < 0; back *= 32) {
			off_t at = size > back ? size - back : 0;

			last = seq_near(fd, at, true, buf);
			if (at == 0 || back >= LOOK_BYTES)
				break;
		}
	}
	*seq = last > 0 ? last : 0;
	return 0;
}
