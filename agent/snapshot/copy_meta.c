/*
 * copy_meta - what the tree copier keeps of a file besides its data: owner, mode, extended
 * attributes (ACLs, capabilities, labels), times. A call that would change nothing is not made.
 * Depends on: copy_parts.
 */
#include "agent/snapshot/copy_parts.h"

#include "common/str.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { MODE_SPECIAL = 07000, MODE_ALL = 07777, PROC_PATH_MAX = 320 };

bool copy_flags(int from, int to)
{
	const unsigned ours = FS_NOCOW_FL; /* compression is an extended attribute */
	unsigned a = 0, b = 0;

	if (ioctl(from, FS_IOC_GETFLAGS, &a) < 0 || ioctl(to, FS_IOC_GETFLAGS, &b) < 0 ||
	    ((a ^ b) & ours) == 0)
		return false;
	b = (b & ~ours) | (a & ours);
	return ioctl(to, FS_IOC_SETFLAGS, &b) == 0;
}

/* Set one attribute; those of btrfs are hints that the other side may not know. */
static int set_failed(const char *name)
{
	return errno == EOPNOTSUPP && str_starts(name, "btrfs.") ? 0 : -1;
}

static int copy_xattrs(struct hand *h, const struct node *n, const char *entry, const int fd[2])
{
	char *names = h->buffer, *value = h->buffer + COPY_XATTR_MAX;
	ssize_t len = flistxattr(fd[0], names, COPY_XATTR_MAX);

	if (len == 0 || (len < 0 && errno == EOPNOTSUPP))
		return 0;
	if (len < 0)
		return copy_failed(h, n, entry, errno, "list the attributes of");
	for (const char *a = names; a < names + len; a += strlen(a) + 1) {
		ssize_t size = fgetxattr(fd[0], a, value, COPY_XATTR_MAX);

		if (size < 0 && errno == ENODATA)
			continue;
		if (size < 0)
			return copy_failed(h, n, entry, errno, "read an attribute of");
		if (fsetxattr(fd[1], a, value, (size_t)size, 0) < 0 && set_failed(a) < 0)
			return copy_failed(h, n, entry, errno, "set an attribute of");
	}
	return 0;
}

int copy_meta(struct hand *h, const struct node *n, const char *name, const int fd[2],
	      const struct stat *st)
{
	const struct timespec times[2] = {st->st_atim, st->st_mtim};
	bool directory = S_ISDIR(st->st_mode);

	if ((st->st_uid != h->c->uid || st->st_gid != h->c->gid) &&
	    fchown(fd[1], st->st_uid, st->st_gid) < 0)
		return copy_failed(h, n, name, errno, "set the owner of");
	/* Files are made with their mode; chown takes the special bits away, so they come here. */
	if ((directory || (st->st_mode & MODE_SPECIAL) != 0) &&
	    fchmod(fd[1], st->st_mode & MODE_ALL) < 0)
		return copy_failed(h, n, name, errno, "set the mode of");
	if (copy_xattrs(h, n, name, fd) < 0)
		return -1;
	if (futimens(fd[1], times) < 0)
		return copy_failed(h, n, name, errno, "set the times of");
	return 0;
}

/* They cannot be opened: their directory is, and the last part of a path is not followed. */
static int special_xattrs(struct hand *h, const struct node *n, const char *entry)
{
	char *names = h->buffer, *value = h->buffer + COPY_XATTR_MAX;
	char from[PROC_PATH_MAX], to[PROC_PATH_MAX];

	(void)snprintf(from, sizeof(from), "/proc/self/fd/%d/%s", n->from, entry);
	(void)snprintf(to, sizeof(to), "/proc/self/fd/%d/%s", n->to, entry);
	ssize_t len = llistxattr(from, names, COPY_XATTR_MAX);

	if (len == 0 || (len < 0 && errno == EOPNOTSUPP))
		return 0;
	if (len < 0)
		return copy_failed(h, n, entry, errno, "list the attributes of");
	for (const char *a = names; a < names + len; a += strlen(a) + 1) {
		ssize_t size = lgetxattr(from, a, value, COPY_XATTR_MAX);

		if (size < 0 && errno == ENODATA)
			continue;
		if (size < 0)
			return copy_failed(h, n, entry, errno, "read an attribute of");
		if (lsetxattr(to, a, value, (size_t)size, 0) < 0 && set_failed(a) < 0)
			return copy_failed(h, n, entry, errno, "set an attribute of");
	}
	return 0;
}

int copy_special_meta(struct hand *h, const struct node *n, const char *name, const struct stat *st)
{
	const struct timespec times[2] = {st->st_atim, st->st_mtim};

	if ((st->st_uid != h->c->uid || st->st_gid != h->c->gid) &&
	    fchownat(n->to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return copy_failed(h, n, name, errno, "set the owner of");
	if (!S_ISLNK(st->st_mode) && (st->st_mode & MODE_SPECIAL) != 0 &&
	    fchmodat(n->to, name, st->st_mode & MODE_ALL, 0) < 0)
		return copy_failed(h, n, name, errno, "set the mode of");
	if (special_xattrs(h, n, name) < 0)
		return -1;
	if (utimensat(n->to, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return copy_failed(h, n, name, errno, "set the times of");
	return 0;
}
