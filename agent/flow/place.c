/*
 * place - make live/<project> hold the tracked files of one record instead of another's, one rename
 * each. What containers wrote beside them is never touched, and a symbolic link that one of them
 * made is never followed. Depends on: trial.h, staging.h (reads the object store in a worker).
 */
#include "agent/flow/staging.h"

#include "common/fault.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { SYNC_EACH = 8 }; /* more changed files than this: one syncfs instead */

struct place {
	struct bench *bench;
	const struct active *to;
	char *temp; /* where changed files are exported to first, named by their place in the list
		       of `to`: same file system */
	int live_fd, elsewhere_fd, temp_fd;
	bool names; /* files or directories came or went: one syncfs at the end */
};

static int by_path(const void *key, const void *file)
{
	return strcmp(key, ((const struct live_file *)file)->path);
}

/* Files of a record are sorted by path (export.c). */
static const struct live_file *find(const struct active *a, const char *path)
{
	return a && a->n_files ? bsearch(path, a->files, a->n_files, sizeof(*a->files), by_path)
			       : NULL;
}

/* Which directory a recorded path lies below, and the rest of it. */
static int base_of(const struct place *p, const char **path)
{
	static const char mark[] = "../.elsewhere/";

	if (strncmp(*path, mark, sizeof(mark) - 1) != 0)
		return p->live_fd;
	const char *rest = strchr(*path + sizeof(mark) - 1, '/');

	*path = rest ? rest + 1 : *path;
	return p->elsewhere_fd;
}

/* Open the directory that holds `path`, part by part, following no link. *leaf is its last part
 * (borrowed). */
static int open_parent(int base, const char *path, bool make, const char **leaf, struct err *e)
{
	int fd = fcntl(base, F_DUPFD_CLOEXEC, 0);

	while (fd >= 0) {
		size_t n = strcspn(path, "/");
		char part[PATH_NAME_MAX + 1];

		if (path[n] == '\0') {
			*leaf = path;
			return fd;
		}
		snprintf(part, sizeof(part), "%.*s", (int)n, path);
		if (make && mkdirat(fd, part, 0755) < 0 && errno != EEXIST) {
			err_set(e, ERR_RETRY, errno, "cannot make directory %s", part);
			(void)close(fd);
			return -1;
		}
		int next = openat(fd, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		int error = errno;

		(void)close(fd);
		fd = next;
		errno = error;
		path += n + 1;
	}
	if (errno == ENOENT && !make)
		return -1; /* not there: nothing to remove; e stays clear */
	return err_set(e, ERR_FAILED, errno,
		       "%s in the live directory is not a plain directory any more", path);
}

static bool in_place(const struct place *p, const char *path)
{
	struct err ignored = ERR_INIT;
	const char *leaf = NULL;
	struct stat st;
	int base = base_of(p, &path);
	auto_close int fd = open_parent(base, path, false, &leaf, &ignored);

	return fd >= 0 && fstatat(fd, leaf, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

static int remove_one(const struct place *p, const char *path, struct err *e)
{
	const char *leaf = NULL, *whole = path;
	int base = base_of(p, &path);
	auto_free char *parent = path_dir(path);
	auto_close int fd = open_parent(base, path, false, &leaf, e);

	if (fd < 0 || !leaf)
		return e->kind == ERR_NONE ? 0 : -1;
	if (unlinkat(fd, leaf, 0) < 0 && errno != ENOENT && errno != EISDIR)
		return err_set(e, ERR_RETRY, errno, "cannot remove %s", whole);
	/* Directories that only held tracked files go too; one that holds anything else stays. */
	while (strcmp(parent, ".") != 0 && unlinkat(base, parent, AT_REMOVEDIR) == 0) {
		char *up = path_dir(parent);

		free(parent);
		parent = up;
	}
	return 0;
}

static const char *temp_name(const struct place *p, const struct live_file *f, char name[24])
{
	snprintf(name, 24, "%zu", (size_t)(f - p->to->files));
	return name;
}

static int move_in(const struct place *p, const struct live_file *f, bool sync, struct err *e)
{
	char number[24];
	const char *leaf = NULL, *path = f->path, *name = temp_name(p, f, number);
	int base = base_of(p, &path);
	auto_close int to = open_parent(base, path, true, &leaf, e);

	if (to < 0)
		return -1;
	if (sync) {
		auto_close int fd = openat(p->temp_fd, name, O_RDONLY | O_CLOEXEC);

		if (fd < 0 || fsync(fd) < 0)
			return err_set(e, ERR_RETRY, errno, "cannot write %s to disk", f->path);
	}
	/* Docker makes an empty directory where a mounted file was missing. */
	if (unlinkat(to, leaf, AT_REMOVEDIR) < 0 &&
	    (errno == ENOTEMPTY || errno == EEXIST || errno == EBUSY))
		return err_set(e, ERR_FAILED, errno,
			       "%s is a directory with files in it: move it away", f->path);
	/* Not ours to write (a sandbox without power over files): waiting alone changes nothing. */
	if (renameat(p->temp_fd, name, to, leaf) < 0)
		return err_set(e, errno == EACCES || errno == EPERM ? ERR_FAILED : ERR_RETRY, errno,
			       "cannot put %s in place", f->path);
	return 0;
}

/* Those that do not lie ready. */
static int export_changed(struct place *p, const struct live_file **changed, size_t n,
			  struct err *e)
{
	auto_free struct export_file *x = xcalloc(n + 1, sizeof(*x));
	auto_strv struct strv names = STRV_INIT;
	size_t missing = 0;

	for (size_t i = 0; i < n; i++) {
		char name[24];

		strv_push(&names, temp_name(p, changed[i], name));
	}
	for (size_t i = 0; i < n; i++)
		if (faccessat(p->temp_fd, names.v[i], F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			x[missing++] = (struct export_file){.path = names.v[i],
							    .id = changed[i]->id,
							    .executable = changed[i]->executable};
	return missing > 0 ? export_files(p->bench->sync, p->temp, x, missing, e) : 0;
}

static bool same_dir(const char *a, const char *b)
{
	const char *x = strrchr(a, '/'), *y = strrchr(b, '/');
	size_t n = x ? (size_t)(x - a) : 0, m = y ? (size_t)(y - b) : 0;

	return n == m && strncmp(a, b, n) == 0;
}

/* A power cut must not take a rename back after active.json says that it was made. */
static int sync_parent(const struct place *p, const char *path, struct err *e)
{
	const char *leaf = NULL, *whole = path;
	int base = base_of(p, &path);
	auto_close int parent = open_parent(base, path, false, &leaf, e);
	auto_close int fd =
		parent < 0 ? -1 : openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && fsync(fd) == 0)
		return 0;
	return e->kind != ERR_NONE ? -1
				   : err_set(e, ERR_RETRY, errno, "cannot write %s to disk", whole);
}

static int sync_names(const struct place *p, struct err *e)
{
	if (syncfs(p->live_fd) < 0)
		return err_set(e, ERR_RETRY, errno, "cannot write %s to disk", p->bench->live);
	return 0;
}

static int put_changed(struct place *p, const struct live_file **changed, size_t n, struct err *e)
{
	bool each = n <= SYNC_EACH && !p->names;

	if (export_changed(p, changed, n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (move_in(p, changed[i], each, e) < 0)
			return -1;
		if (i == 0 && fault_hit(FAULT_files_half, e) < 0)
			return -1;
		if (each && (i + 1 == n || !same_dir(changed[i]->path, changed[i + 1]->path)) &&
		    sync_parent(p, changed[i]->path, e) < 0)
			return -1;
	}
	return each ? 0 : sync_names(p, e);
}

static int open_dir(const char *path, int *fd, struct err *e)
{
	*fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *fd < 0 ? err_set(e, ERR_RETRY, errno, "cannot open %s", path) : 0;
}

static char *temp_dir_of(const struct bench *b)
{
	auto_free char *stage = store_stage_dir(b->sync->store, b->trial->name);

	return path_join(stage, "place");
}

static int place_open(struct bench *b, const struct active *to, struct place *p, struct err *e)
{
	bool ready = b->ahead && b->ahead == to;

	*p = (struct place){.bench = b, .to = to, .live_fd = -1, .elsewhere_fd = -1, .temp_fd = -1};
	p->temp = temp_dir_of(b);
	b->ahead = NULL;
	if ((!ready && tree_remove(p->temp, e) < 0) || dir_make(p->temp, 0700, e) < 0 ||
	    dir_make(b->live, 0755, e) < 0 || dir_make(b->elsewhere, 0755, e) < 0 ||
	    open_dir(b->live, &p->live_fd, e) < 0 ||
	    open_dir(b->elsewhere, &p->elsewhere_fd, e) < 0)
		return -1;
	return open_dir(p->temp, &p->temp_fd, e);
}

static void place_close(struct place *p)
{
	struct err ignored = ERR_INIT;

	if (!p->bench->ahead)
		(void)tree_remove(p->temp, &ignored);
	free(p->temp);
	if (p->live_fd >= 0)
		(void)close(p->live_fd);
	if (p->elsewhere_fd >= 0)
		(void)close(p->elsewhere_fd);
	if (p->temp_fd >= 0)
		(void)close(p->temp_fd);
}

/* Files of `to` that are not in place; the caller frees. */
static const struct live_file **find_changed(struct place *p, const struct active *from, size_t *n)
{
	const struct active *to = p->to;
	const struct live_file **changed = xcalloc(to->n_files + 1, sizeof(*changed));

	*n = 0;
	for (size_t i = 0; i < to->n_files; i++) {
		const struct live_file *f = &to->files[i], *was = find(from, f->path);
		bool there = was && in_place(p, f->path);

		p->names = p->names || !there;
		if (!there || strcmp(was->id, f->id) != 0 || was->executable != f->executable)
			changed[(*n)++] = f;
	}
	return changed;
}

static int swap(struct place *p, const struct active *from, struct err *e)
{
	size_t n = 0;

	for (size_t i = 0; from && i < from->n_files; i++)
		if (!find(p->to, from->files[i].path)) {
			p->names = true;
			if (remove_one(p, from->files[i].path, e) < 0)
				return -1;
		}
	auto_free const struct live_file **changed = find_changed(p, from, &n);

	return put_changed(p, changed, n, e);
}

int place_ahead(struct bench *b, const struct active *from, const struct active *to, struct err *e)
{
	struct place p;
	size_t n = 0;
	int rc = place_open(b, to, &p, e);

	if (rc == 0) {
		auto_free const struct live_file **changed = find_changed(&p, from, &n);

		rc = export_changed(&p, changed, n, e);
	}
	if (rc == 0)
		rc = fault_hit(FAULT_files_ready, e);
	b->ahead = rc == 0 ? to : NULL;
	place_close(&p);
	return rc < 0 ? err_wrap(e, "live files") : 0;
}

int place_files(struct bench *b, const struct active *from, const struct active *to, struct err *e)
{
	struct place p;
	int rc = place_open(b, to, &p, e);

	if (rc == 0)
		rc = swap(&p, from, e);
	place_close(&p);
	return rc < 0 ? err_wrap(e, "live files") : 0;
}

void place_forget(struct bench *b)
{
	struct err ignored = ERR_INIT;

	if (!b->ahead)
		return;
	auto_free char *temp = temp_dir_of(b);

	(void)tree_remove(temp, &ignored);
	b->ahead = NULL;
}

int place_nothing(struct bench *b, const struct active *from, struct err *e)
{
	struct place p;
	int rc = place_open(b, NULL, &p, e);

	for (size_t i = 0; rc == 0 && i < from->n_files; i++)
		rc = remove_one(&p, from->files[i].path, e);
	if (rc == 0) { /* gone if nothing else is in them */
		(void)rmdir(b->live);
		(void)rmdir(b->elsewhere);
		rc = sync_names(&p, e);
	}
	place_close(&p);
	return rc < 0 ? err_wrap(e, "live files") : 0;
}
