/*
 * lock - flock on a file that stays. The kernel lets go when the last descriptor is closed, so a
 * killed holder never leaves a lock behind; a child that inherited the descriptor keeps it on
 * purpose. Depends on: err, clock.
 */
#include "common/lock.h"

#include "common/auto.h"
#include "common/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

enum {
	POLL_MS = 20,
	LOOK_MS = 2000, /* how long somebody who only looks may be in the way */
	TEXT_SIZE = 256,
};

static void read_text(int fd, char *buf, size_t size)
{
	ssize_t n = pread(fd, buf, size - 1, 0);

	buf[n > 0 ? n : 0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
}

static int held_by_other(int fd, const char *path, struct err *e)
{
	char text[TEXT_SIZE], what[TEXT_SIZE] = "";
	long pid = 0;

	read_text(fd, text, sizeof(text));
	/* A holder that was killed just before it wrote leaves the text of the one before it. */
	if (sscanf(text, "%ld %*s %200[^\n]", &pid, what) >= 1 && pid > 0)
		return err_set(e, ERR_RETRY, 0, "%s is held by process %ld%s%s%s", path, pid,
			       what[0] != '\0' ? " (" : "", what, what[0] != '\0' ? ")" : "");
	return err_set(e, ERR_RETRY, 0, "%s is held by another process", path);
}

static int write_text(int fd, const char *what)
{
	char text[TEXT_SIZE];
	int n = snprintf(text, sizeof(text), "%ld %s %s\n", (long)getpid(), clock_boot_id(), what);
	size_t len = n > 0 && (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;

	return ftruncate(fd, 0) == 0 && pwrite(fd, text, len, 0) == (ssize_t)len ? 0 : -1;
}

/* lock_holder() shares the lock for an instant to look. That must not make a take fail. */
static bool only_looked_at(int fd)
{
	if (flock(fd, LOCK_SH | LOCK_NB) < 0)
		return false;
	(void)flock(fd, LOCK_UN);
	return true;
}

int lock_take(const char *path, const char *what, int wait_ms, int *fd, struct err *e)
{
	struct deadline until = deadline_in(wait_ms), looked = deadline_in(wait_ms + LOOK_MS);
	auto_close int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (lock < 0)
		return err_set(e, ERR_RETRY, errno, "cannot open the lock %s", path);
	while (flock(lock, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return err_set(e, ERR_RETRY, errno, "cannot lock %s", path);
		bool looker = only_looked_at(lock);
		if (deadline_over(looker ? looked : until))
			return held_by_other(lock, path, e);
		clock_pause_ms(looker ? 1 : POLL_MS);
	}
	/* The text is only for people: a full disk must not keep us from rolling back. */
	(void)write_text(lock, what);
	*fd = TAKE_FD(lock);
	return 0;
}

void lock_drop(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

const char *lock_holder(const char *path, char *buf, unsigned long size)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (size == 0)
		return buf;
	buf[0] = '\0';
	if (fd < 0)
		return buf;
	if (flock(fd, LOCK_SH | LOCK_NB) == 0)
		return buf; /* closing lets go again */
	if (errno == EWOULDBLOCK)
		read_text(fd, buf, size);
	return buf;
}
