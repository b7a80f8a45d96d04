/*
 * history - history.jsonl: what happened on this host, a line each. `events` and `status` read it,
 * and it is what receivers of reports are sent from: see history_read.c.
 * Depends on: common, model/event.
 */
#include "agent/store/layout.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/json.h"
#include "common/lock.h"
#include "common/mem.h"
#include "common/str.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

/* Some hundred entries, or a dozen of the largest. */
enum { LOCK_WAIT_MS = 2000, RESERVE_BYTES = 256 * 1024 };

static int rotate(const struct store *s, const char *path, off_t limit, bool *is_new, struct err *e)
{
	auto_free char *old = store_path(s, "history.jsonl.1");
	struct stat st;

	*is_new = stat(path, &st) < 0;
	if (*is_new || st.st_size < limit)
		return 0;
	if (rename(path, old) < 0)
		return err_set(e, ERR_RETRY, errno, "cannot rotate %s", path);
	*is_new = true;
	return 0;
}

static void random_id(char out[EVENT_ID_SIZE])
{
	unsigned char bytes[(EVENT_ID_SIZE - 1) / 2] = {0};

	/* Small requests never fail once the kernel has started up. */
	(void)!getrandom(bytes, sizeof(bytes), 0);
	for (size_t i = 0; i < sizeof(bytes); i++)
		(void)snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

/*
 * The time, so that it goes on growing when a power cut took lines that were not yet durable, or
 * somebody removed the file: receivers would otherwise wait for numbers that they have had.
 */
static int stamp(const struct store *s, struct event_stamp *at, struct err *e)
{
	int64_t last = 0;

	if (history_last_seq(s, &last, e) < 0)
		return -1;
	at->time_ms = clock_wall_ms();
	at->seq = at->time_ms > last ? at->time_ms : last + 1;
	random_id(at->id);
	return 0;
}

int history_lock(const struct store *s, int *fd)
{
	auto_free char *path = store_path(s, "history.lock");
	struct err ignored = ERR_INIT;

	return lock_take(path, "history", LOCK_WAIT_MS, fd, &ignored);
}

static int add(const struct store *s, enum event ev, const struct event_fields *f,
	       const char *message, struct err *e)
{
	auto_free char *path = store_path(s, "history.jsonl");
	struct event_stamp at = {.seq = 0};
	bool is_new = false;

	if (stamp(s, &at, e) < 0 || rotate(s, path, HISTORY_ROTATE_BYTES, &is_new, e) < 0)
		return -1;
	auto_json cJSON *j = event_to_json(ev, f, message, &at);
	auto_free char *line = json_text(j);
	int rc = event_kind(ev)->may_wait ? file_append_line_unsynced(path, line, e)
					  : file_append_line(path, line, e);

	return rc == 0 && is_new ? path_sync(s->root, e) : rc;
}

int history_add(const struct store *s, enum event ev, const struct event_fields *f,
		const char *message, struct err *e)
{
	int lock = -1;

	/* A writer that was stopped while it held the lock must not keep reports away: a line is
	 * one write, and the time in seq makes it unlikely that two are equal. */
	(void)history_lock(s, &lock);
	int rc = add(s, ev, f, message, e);

	lock_drop(lock);
	return rc < 0 ? err_wrap(e, "write the history") : 0;
}

static int reserve(const struct store *s, struct err *e)
{
	auto_free char *path = store_path(s, "history.jsonl");
	bool is_new = false;
	struct stat st;

	/* So that it is not rotated before the reserve is used up. */
	if (rotate(s, path, HISTORY_ROTATE_BYTES - RESERVE_BYTES, &is_new, e) < 0)
		return -1;
	auto_close int fd =
		open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, ERR_RETRY, errno, "cannot open %s", path);
	if (fallocate(fd, FALLOC_FL_KEEP_SIZE, st.st_size, RESERVE_BYTES) < 0 &&
	    errno != EOPNOTSUPP && errno != ENOSYS)
		return err_set(e, ERR_RETRY, errno, "no room for the history in %s", path);
	return is_new ? path_sync(s->root, e) : 0;
}

int history_reserve(const struct store *s, struct err *e)
{
	int lock = -1;

	(void)history_lock(s, &lock);
	int rc = reserve(s, e);

	lock_drop(lock);
	return rc;
}
