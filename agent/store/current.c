/*
 * current - the symbolic link that names the generation which holds. A file of its own: the daemon
 * reads it and must not pull in what generation records need.
 * Depends on: common.
 */
#include "agent/store/layout.h"

#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINK_MAX_BYTES = 64 };

static const char target_prefix[] = "generations/";

static bool parse_number(const char *text, int64_t *out)
{
	char *end = NULL;

	if (*text < '1' || *text > '9' || strlen(text) > 18)
		return false;
	*out = strtoll(text, &end, 10);
	return *end == '\0';
}

static int by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int generation_numbers(const struct store *s, int64_t **out, size_t *n, struct err *e)
{
	auto_free char *dir = store_path(s, "generations");
	auto_strv struct strv names = STRV_INIT;
	auto_free int64_t *v = NULL;
	size_t count = 0;

	if (file_exists(dir) && dir_list(dir, LAYOUT_MAX_NAMES, &names, e) < 0)
		return -1;
	v = xcalloc(names.n + 1, sizeof(*v));
	for (size_t i = 0; i < names.n; i++)
		if (parse_number(names.v[i], &v[count]))
			count++;
	qsort(v, count, sizeof(*v), by_number); /* names are in byte order: 10 before 9 */
	*out = TAKE(v);
	*n = count;
	return 0;
}

static int64_t newest_below(const struct store *s, int64_t number)
{
	auto_free int64_t *v = NULL;
	size_t n = 0;
	struct err ignored = ERR_INIT;

	if (generation_numbers(s, &v, &n, &ignored) < 0)
		return 0;
	while (n > 0 && v[n - 1] >= number)
		n--;
	return n > 0 ? v[n - 1] : 0;
}

static int broken_link(const struct store *s, const char *what, int64_t number, struct err *e)
{
	int64_t other = newest_below(s, number);

	if (other > 0)
		return err_set(e, ERR_BROKEN, 0,
			       "%s/current %s: `mdc-agent rollback %" PRId64
			       "` makes the newest generation before it the current one",
			       s->root, what, other);
	return err_set(
		e, ERR_BROKEN, 0,
		"%s/current %s and no older generation is left: remove that link, and the next "
		"sync starts from what is recorded for each project",
		s->root, what);
}

int current_read(const struct store *s, int64_t *number, struct err *e)
{
	auto_free char *path = store_path(s, "current");
	char target[LINK_MAX_BYTES];
	int64_t found = 0;
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n < 0 && errno == ENOENT) {
		*number = 0;
		return 0;
	}
	if (n < 0 && errno == EINVAL)
		return broken_link(s, "is not a symbolic link", INT64_MAX, e);
	if (n < 0)
		return err_set(e, ERR_RETRY, errno, "cannot read %s", path);
	target[n] = '\0';
	if (!str_starts(target, target_prefix) ||
	    !parse_number(target + strlen(target_prefix), &found))
		return broken_link(s, "does not name a generation", INT64_MAX, e);
	auto_free char *record = xasprintf("%s/%s/generation.json", s->root, target);
	if (!file_exists(record)) {
		auto_free char *what =
			xasprintf("names generation %" PRId64 ", whose record is gone", found);

		return broken_link(s, what, found, e);
	}
	*number = found;
	return 0;
}

int current_switch(const struct store *s, int64_t number, struct err *e)
{
	auto_free char *path = store_path(s, "current");
	auto_free char *next = store_path(s, FILE_TMP_PREFIX "current");
	auto_free char *target = xasprintf("%s%" PRId64, target_prefix, number);
	auto_free char *record = xasprintf("%s/%s/generation.json", s->root, target);

	if (!file_exists(record))
		return err_set(e, ERR_BROKEN, 0, "there is no generation %" PRId64, number);
	if (unlink(next) < 0 && errno != ENOENT)
		return err_set(e, ERR_RETRY, errno, "cannot remove %s", next);
	if (symlink(target, next) < 0)
		return err_set(e, ERR_RETRY, errno, "cannot make the link %s", next);
	if (rename(next, path) < 0) {
		int why = errno;

		(void)unlink(next);
		return err_set(e, ERR_RETRY, why, "cannot switch %s", path);
	}
	return path_sync(s->root, e);
}
