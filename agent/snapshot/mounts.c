/*
 * mounts - what is mounted at a directory and below it, by /proc/self/mountinfo.
 * Depends on: driver, err, mem, str.
 */
#include "agent/snapshot/driver.h"

#include "common/auto.h"
#include "common/mem.h"
#include "common/str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

AUTO_PTR(fclose, FILE)
#define auto_file AUTO(fclose_at)

#define MOUNTS "/proc/self/mountinfo"

enum { MOUNT_FIELD = 4 };

static bool is_octal(const char *s)
{
	return s[0] >= '0' && s[0] <= '3' && s[1] >= '0' && s[1] <= '7' && s[2] >= '0' &&
	       s[2] <= '7';
}

/* The kernel writes blanks, newlines and backslashes of paths as \040. In place. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++) {
		if (*s == '\\' && is_octal(s + 1)) {
			*to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

/* The n-th word of a line, from 0; the caller frees; NULL if there are not as many. */
static char *word_of(const char *line, int n)
{
	for (; n > 0; n--) {
		line += strcspn(line, " ");
		line += strspn(line, " ");
	}
	char *word = xstrndup(line, strcspn(line, " \n"));

	unescape(word);
	return word;
}

/* What was not read may be the very mount that was looked for. */
static int read_whole(FILE *f, struct err *e)
{
	return ferror(f) ? err_set(e, ERR_RETRY, errno, "cannot read " MOUNTS) : 0;
}

int mounts_look(const char *path, bool *root, char **below, struct err *e)
{
	auto_file FILE *f = fopen(MOUNTS, "re");
	auto_free char *line = NULL;
	size_t cap = 0, len = strlen(path);

	if (!f)
		return err_set(e, ERR_RETRY, errno, "cannot read " MOUNTS);
	*root = false;
	*below = NULL;
	while (getline(&line, &cap, f) > 0) {
		auto_free char *at = word_of(line, MOUNT_FIELD);

		if (strcmp(at, path) == 0)
			*root = true;
		else if (!*below && strncmp(at, path, len) == 0 && at[len] == '/')
			*below = xstrdup(at + len + 1);
	}
	return read_whole(f, e);
}

/* After " - " come the type and the source: the data set's name. */
int zfs_set_of(const char *path, char **out, struct err *e)
{
	auto_file FILE *f = fopen(MOUNTS, "re");
	auto_free char *line = NULL, *set = NULL;
	size_t cap = 0;

	*out = NULL;
	if (!f)
		return err_set(e, ERR_RETRY, errno, "cannot read " MOUNTS);
	while (getline(&line, &cap, f) > 0) {
		auto_free char *at = word_of(line, MOUNT_FIELD);
		const char *more = strstr(line, " - ");

		if (!more || strcmp(at, path) != 0)
			continue;
		auto_free char *type = word_of(more, 2), *source = word_of(more, 3);

		free(set); /* the last one mounted there counts */
		set = str_eq(type, "zfs") || str_eq(type, "fuse.zfs") ||
				      (str_eq(type, "fuse") && source[0] != '/' &&
				       strchr(source, '/'))
			      ? TAKE(source)
			      : NULL;
	}
	if (read_whole(f, e) < 0)
		return -1;
	*out = TAKE(set);
	return 0;
}
