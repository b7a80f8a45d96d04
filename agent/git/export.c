/*
 * export - writing blobs out as files, beneath a directory descriptor and never through a symbolic
 * link. Depends on: libgit2.
 */
#include "agent/git/repo_internal.h"

#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static int write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

int repo_blob_to_fd(struct repo *r, const char *id, int fd, struct err *e)
{
	git_odb_object *o = NULL;
	git_oid oid;

	if (repo_parse_id(id, &oid, e) < 0)
		return -1;
	if (git_odb_read(&o, r->odb, &oid) < 0)
		return repo_fail_object(r, &oid, e);
	int result = 0;
	if (git_odb_object_type(o) != GIT_OBJECT_BLOB)
		result = err_set(e, ERR_BROKEN, 0, "object %s is no file", id);
	else if (write_all(fd, git_odb_object_data(o), git_odb_object_size(o)) < 0)
		result = err_set(e, ERR_RETRY, errno, "cannot write a file");
	git_odb_object_free(o);
	return result;
}

/* The directory that holds the last part of path; made where it is missing. -1 with errno. */
static int open_parent(int root, const char *path)
{
	auto_close int at = fcntl(root, F_DUPFD_CLOEXEC, 0);
	const char *s = path, *slash;

	for (; at >= 0 && (slash = strchr(s, '/')) != NULL; s = slash + 1) {
		auto_free char *part = xstrndup(s, (size_t)(slash - s));

		if (mkdirat(at, part, 0755) < 0 && errno != EEXIST)
			return -1;
		int below = openat(at, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (below < 0)
			return -1;
		(void)close(at);
		at = below;
	}
	return TAKE_FD(at);
}

static int export_one(struct repo *r, int root, const char *dir, const struct export_file *f,
		      struct err *e)
{
	mode_t mode = f->executable ? 0755 : 0644;

	if (!path_is_clean(f->path))
		return err_set(e, ERR_REJECTED, 0, "a file's name cannot be used here: \"%.300s\"",
			       f->path);
	auto_close int parent = open_parent(root, f->path);
	auto_close int fd =
		parent < 0 ? -1
			   : openat(parent, path_base(f->path),
				    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, ERR_RETRY, errno, "cannot create %s in %s", f->path, dir);
	if (repo_blob_to_fd(r, f->id, fd, e) < 0)
		return err_wrap(e, "%s/%s", dir, f->path);
	if (fchmod(fd, mode) < 0) /* whatever the umask says */
		return err_set(e, ERR_RETRY, errno, "cannot set the mode of %s in %s", f->path,
			       dir);
	int held = TAKE_FD(fd);
	if (close(held) < 0) /* some file systems report a full disk only here */
		return err_set(e, ERR_RETRY, errno, "cannot write %s in %s", f->path, dir);
	return 0;
}

int repo_export(struct repo *r, const char *dir, const struct export_file *files, size_t n,
		struct err *e)
{
	if (dir_make(dir, 0755, e) < 0)
		return -1;
	auto_close int root = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (root < 0)
		return err_set(e, ERR_RETRY, errno, "cannot open %s", dir);
	for (size_t i = 0; i < n; i++) {
		if (export_one(r, root, dir, &files[i], e) < 0)
			return -1;
	}
	return 0;
}
