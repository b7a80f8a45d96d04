/*
 * file - reading files with a cap and replacing them whole. Directories and trees are in tree.c.
 * Depends on: err, mem, path.
 */
#include "common/file.h"

#include "common/auto.h"
#include "common/mem.h"
#include "common/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { READ_STEP = 16 * 1024 };

static int read_all(int fd, const char *path, size_t max, size_t expect, char **out, size_t *len,
		    struct err *e)
{
	/* One byte more than expected, so that the end of the file shows without growing. */
	size_t cap = expect > 0 ? expect + 1 : READ_STEP, have = 0;
	auto_free char *buf = xmalloc(cap + 1);

	for (;;) {
		ssize_t n = read(fd, buf + have, cap - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, ERR_RETRY, errno, "cannot read %s", path);
		if (n == 0)
			break;
		have += (size_t)n;
		if (have > max)
			return err_set(e, ERR_REJECTED, 0, "%s is larger than %zu bytes", path,
				       max);
		if (have == cap) {
			cap += cap / 2 + READ_STEP;
			buf = xrealloc(buf, cap + 1);
		}
	}
	buf[have] = '\0';
	*out = TAKE(buf);
	if (len)
		*len = have;
	return 0;
}

int file_read(const char *path, size_t max, char **out, size_t *len, struct err *e)
{
	struct stat st;
	/* O_NONBLOCK: a FIFO in the place of the file must not hold us up. */
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return err_set(e, ERR_RETRY, errno, "cannot open %s", path);
	if (fstat(fd, &st) < 0)
		return err_set(e, ERR_RETRY, errno, "cannot stat %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_REJECTED, 0, "%s is not a regular file", path);
	if ((uintmax_t)st.st_size > max)
		return err_set(e, ERR_REJECTED, 0, "%s has %jd bytes, more than the %zu allowed",
			       path, (intmax_t)st.st_size, max);
	return read_all(fd, path, max, (size_t)st.st_size, out, len, e);
}

static int write_all(int fd, const char *path, const char *data, size_t len, struct err *e)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, ERR_RETRY, errno, "cannot write %s", path);
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Fill the new file; close() is checked because some file systems report a full disk only there. */
static int fill(int fd, const char *path, const void *data, size_t len, mode_t mode, bool synced,
		struct err *e)
{
	int failed = write_all(fd, path, data, len, e);

	if (failed == 0 && fchmod(fd, mode) < 0)
		failed = err_set(e, ERR_RETRY, errno, "cannot set the mode of %s", path);
	if (failed == 0 && synced && fsync(fd) < 0)
		failed = err_set(e, ERR_RETRY, errno, "cannot sync %s", path);
	if (close(fd) < 0 && failed == 0)
		failed = err_set(e, ERR_RETRY, errno, "cannot close %s", path);
	return failed;
}

static int replace(const char *path, const void *data, size_t len, mode_t mode, bool synced,
		   struct err *e)
{
	auto_free char *dir = path_dir(path);
	/* A random name: two writers never share one, and nobody can have put a link in its place.
	 */
	auto_free char *name =
		xasprintf("%s%s%sXXXXXX", dir, strcmp(dir, "/") == 0 ? "" : "/", FILE_TMP_PREFIX);
	int fd = mkostemp(name, O_CLOEXEC);

	if (fd < 0)
		return err_set(e, ERR_RETRY, errno, "cannot create a file in %s", dir);
	if (fill(fd, path, data, len, mode, synced, e) < 0) {
		(void)unlink(name);
		return -1;
	}
	if (rename(name, path) < 0) {
		int why = errno;

		(void)unlink(name);
		return err_set(e, ERR_RETRY, why, "cannot put %s in place", path);
	}
	return synced ? path_sync(dir, e) : 0;
}

int file_replace(const char *path, const void *data, size_t len, mode_t mode, struct err *e)
{
	return replace(path, data, len, mode, true, e);
}

int file_replace_unsynced(const char *path, const void *data, size_t len, mode_t mode,
			  struct err *e)
{
	return replace(path, data, len, mode, false, e);
}

/* A power cut may have left half a line without its newline: the next line must not be glued to it.
 */
static bool ends_in_line(int fd)
{
	char last = '\n';
	off_t end = lseek(fd, 0, SEEK_END);

	return end <= 0 || pread(fd, &last, 1, end - 1) != 1 || last == '\n';
}

static int append_line(const char *path, const char *line, bool synced, struct err *e)
{
	auto_close int fd =
		open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);

	if (fd < 0)
		return err_set(e, ERR_RETRY, errno, "cannot open %s", path);
	auto_free char *text = xasprintf("%s%s\n", ends_in_line(fd) ? "" : "\n", line);
	size_t len = strlen(text);
	ssize_t n = write(fd, text, len);

	if (n < 0)
		return err_set(e, ERR_RETRY, errno, "cannot append to %s", path);
	if ((size_t)n != len)
		return err_set(e, ERR_RETRY, ENOSPC, "cannot append to %s", path);
	if (synced && fdatasync(fd) < 0)
		return err_set(e, ERR_RETRY, errno, "cannot sync %s", path);
	return 0;
}

int file_append_line(const char *path, const char *line, struct err *e)
{
	return append_line(path, line, true, e);
}

int file_append_line_unsynced(const char *path, const char *line, struct err *e)
{
	return append_line(path, line, false, e);
}

int file_remove(const char *path, struct err *e)
{
	auto_free char *dir = path_dir(path);

	if (unlink(path) < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return 0;
		return err_set(e, ERR_RETRY, errno, "cannot remove %s", path);
	}
	return path_sync(dir, e);
}

int path_sync(const char *path, struct err *e)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return err_set(e, ERR_RETRY, errno, "cannot open %s to sync it", path);
	/* EINVAL: this file system has nothing to sync for a directory. */
	if (fsync(fd) < 0 && errno != EINVAL)
		return err_set(e, ERR_RETRY, errno, "cannot sync %s", path);
	return 0;
}

bool file_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}
