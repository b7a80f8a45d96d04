/*
 * path - joining, splitting and checking names. Nothing here touches the disk.
 * Depends on: mem.
 */
#include "common/path.h"

#include "common/mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { PROJECT_NAME_MAX = 63 };

char *path_join(const char *a, const char *b)
{
	size_t len = strlen(a);
	const char *slash = len > 0 && a[len - 1] == '/' ? "" : "/";

	return xasprintf("%s%s%s", a, slash, b);
}

char *path_join3(const char *a, const char *b, const char *c)
{
	char *ab = path_join(a, b);
	char *abc = path_join(ab, c);

	free(ab);
	return abc;
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

char *path_dir(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return xstrdup(".");
	while (slash > path && slash[-1] == '/')
		slash--;
	return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

/* ".git" in any case, and what some file systems take for it: ".git.", ".git ", ".git::$INDEX",
 * "git~1". */
static bool is_git(const char *part, size_t len)
{
	size_t n = 4;

	if (len == 5 && strncasecmp(part, "git~1", 5) == 0)
		return true;
	if (len < 4 || strncasecmp(part, ".git", 4) != 0)
		return false;
	while (n < len && (part[n] == '.' || part[n] == ' '))
		n++;
	return n == len || part[n] == ':';
}

static bool part_is_clean(const char *part, size_t len)
{
	if (len == 0 || len > PATH_NAME_MAX)
		return false;
	if ((len == 1 && part[0] == '.') || (len == 2 && memcmp(part, "..", 2) == 0))
		return false;
	if (is_git(part, len))
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)part[i];

		if (c < 0x20 || c == 0x7f)
			return false;
	}
	return true;
}

bool path_is_clean(const char *path)
{
	if (strnlen(path, PATH_LEN_MAX + 1) > PATH_LEN_MAX)
		return false;
	for (int depth = 1; depth <= PATH_DEPTH_MAX; depth++) {
		size_t len = strcspn(path, "/");

		if (!part_is_clean(path, len))
			return false;
		if (path[len] == '\0')
			return true;
		path += len + 1;
	}
	return false;
}

/* Add the parts of `from` to the folded path in buf of length *len. False if it climbs out. */
static bool fold(char *buf, size_t *len, const char *from)
{
	while (*from != '\0') {
		size_t n = strcspn(from, "/");
		const char *part = from;

		from += from[n] == '/' ? n + 1 : n;
		if (n == 0 || (n == 1 && part[0] == '.'))
			continue;
		if (n == 2 && memcmp(part, "..", 2) == 0) {
			if (*len == 0)
				return false;
			while (*len > 0 && buf[*len - 1] != '/')
				(*len)--;
			if (*len > 0)
				(*len)--; /* the slash itself */
			continue;
		}
		if (*len > 0)
			buf[(*len)++] = '/';
		memcpy(buf + *len, part, n);
		*len += n;
	}
	return true;
}

int path_resolve(const char *dir, const char *ref, char **out)
{
	if (ref[0] == '/')
		return -1;
	char *buf = xmalloc(strlen(dir) + strlen(ref) + 3);
	size_t len = 0;

	if (!fold(buf, &len, dir) || !fold(buf, &len, ref)) {
		free(buf);
		return -1;
	}
	if (len == 0)
		buf[len++] = '.';
	buf[len] = '\0';
	*out = buf;
	return 0;
}

bool path_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	if (strcmp(dir, ".") == 0 || strcmp(dir, "/") == 0)
		return true;
	return strncmp(path, dir, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

char *path_project_name(const char *name)
{
	char *out = xstrdup(name);
	size_t n = 0;

	for (const char *p = name; *p != '\0'; p++) {
		char c = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
		bool inner = c == '_' || c == '-';

		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (inner && n > 0))
			out[n++] = c;
	}
	out[n] = '\0';
	return out;
}

bool path_is_project_name(const char *name)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	static const char rest[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";

	if (name[0] == '\0' || !strchr(first, name[0]))
		return false;
	size_t len = strspn(name, rest);
	return len <= PROJECT_NAME_MAX && name[len] == '\0';
}
