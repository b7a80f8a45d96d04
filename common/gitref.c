/*
 * gitref - loose and packed refs of a local repository. A loose ref wins over a packed one of the
 * same name; git writes packed-refs before it removes the loose files, so reading loose first never
 * misses one. Depends on: err, mem, file, path, refpick, str.
 */
#include "common/gitref.h"

#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"
#include "common/strv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	LOOSE_MAX = 4096,
	PACKED_MAX = 256 * 1024 * 1024,
	TAGS_MAX = 100000, /* entries of one directory of tags */
	TAG_DEPTH = 12,
};

static bool is_git_dir(const char *dir)
{
	auto_free char *head = path_join(dir, "HEAD");
	auto_free char *objects = path_join(dir, "objects");

	return access(head, F_OK) == 0 && access(objects, F_OK) == 0;
}

int gitref_dir(const char *dir, char **git_dir, struct err *e)
{
	auto_free char *below = path_join(dir, ".git");
	struct stat st;

	if (is_git_dir(dir)) {
		*git_dir = xstrdup(dir);
		return 0;
	}
	if (is_git_dir(below)) {
		*git_dir = TAKE(below);
		return 0;
	}
	if (stat(dir, &st) < 0)
		return err_set(e, ERR_RETRY, errno, "cannot open the repository %s", dir);
	if (stat(below, &st) == 0 && S_ISREG(st.st_mode))
		return err_set(e, ERR_USAGE, 0,
			       "%s is a linked work tree or a submodule: put the directory of the "
			       "repository itself into source.url",
			       dir);
	if (access(dir, R_OK | X_OK) < 0)
		return err_set(e, ERR_RETRY, errno, "cannot open the repository %s", dir);
	return err_set(e, ERR_USAGE, 0, "%s is not a Git repository", dir);
}

/* The first line of a loose ref, trimmed, *text NULL if there is no such file. The caller frees. */
static int read_loose(const char *git_dir, const char *ref, char **text, struct err *e)
{
	auto_free char *path = path_join(git_dir, ref);
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char buf[LOOSE_MAX + 1];
	struct stat st;

	*text = NULL;
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, ERR_RETRY, errno, "cannot read %s", path);
	if (S_ISDIR(st.st_mode)) /* refs/heads/a while there is a refs/heads/a/b */
		return 0;
	ssize_t n = S_ISREG(st.st_mode) ? read(fd, buf, LOOSE_MAX) : 0;
	if (n < 0)
		return err_set(e, ERR_RETRY, errno, "cannot read %s", path);
	buf[n] = '\0';
	*text = xstrndup(buf, strcspn(buf, "\r\n"));
	return 0;
}

static int copy_id(const char *text, size_t len, const char *ref, const char *git_dir,
		   char id[GIT_HEX_SIZE], struct err *e)
{
	if (!refpick_is_id(text, len))
		return err_set(e, ERR_RETRY, 0, "the ref %s of %s is damaged", ref, git_dir);
	memcpy(id, text, len);
	id[len] = '\0';
	return 0;
}

/* packed-refs as text; "" if there is none. The caller frees. */
static int read_packed(const char *git_dir, char **text, size_t *len, struct err *e)
{
	auto_free char *path = path_join(git_dir, "packed-refs");

	if (access(path, F_OK) < 0 && errno == ENOENT) {
		*text = xstrdup("");
		*len = 0;
		return 0;
	}
	return file_read(path, PACKED_MAX, text, len, e);
}

struct line {
	const char *s; /* its start */
	size_t len;
	size_t id_len; /* of the id in front */
	const char *name;
	size_t name_len;
};

/* Split the line at s; false if it is no ref ("#..." and "^..." lines). */
static bool split(const char *s, const char *end, struct line *l)
{
	const char *stop = memchr(s, '\n', (size_t)(end - s));
	size_t len = (size_t)((stop ? stop : end) - s);
	const char *space = memchr(s, ' ', len);

	*l = (struct line){.s = s, .len = len};
	if (!space || s[0] == '#' || s[0] == '^')
		return false;
	l->id_len = (size_t)(space - s);
	l->name = space + 1;
	l->name_len = len - l->id_len - 1;
	return true;
}

static int compare_name(const struct line *l, const char *ref, size_t ref_len)
{
	size_t n = l->name_len < ref_len ? l->name_len : ref_len;
	int d = memcmp(l->name, ref, n);

	return d != 0 ? d : (l->name_len > ref_len) - (l->name_len < ref_len);
}

/* Start of the ref line that holds or precedes `at`; not before `low`. */
static const char *line_start(const char *low, const char *at)
{
	for (;;) {
		const char *nl = at > low ? memrchr(low, '\n', (size_t)(at - low)) : NULL;
		const char *s = nl ? nl + 1 : low;

		if (*s != '^' || s == low)
			return s;
		at = s - 1; /* a peeled line belongs to the ref before it */
	}
}

/* Sorted file: halve. low and high are starts of lines (or the end). */
static bool find_sorted(const char *low, const char *high, const char *ref, struct line *l)
{
	const char *end = high;
	size_t ref_len = strlen(ref);

	while (low < high) {
		const char *s = line_start(low, low + (high - low) / 2);

		if (!split(s, end, l))
			return false;
		int d = compare_name(l, ref, ref_len);
		if (d == 0)
			return true;
		if (d > 0) {
			high = s;
			continue;
		}
		low = s + l->len + (s + l->len < end);
		while (low < high && *low == '^') {
			const char *nl = memchr(low, '\n', (size_t)(end - low));

			low = nl ? nl + 1 : end;
		}
	}
	return false;
}

static bool find_packed(const char *text, size_t size, const char *ref, struct line *l)
{
	const char *end = text + size, *first = memchr(text, '\n', size);
	size_t ref_len = strlen(ref);

	if (text[0] == '#' && first && memmem(text, (size_t)(first - text), " sorted", 7))
		return find_sorted(first + 1, end, ref, l);
	for (const char *s = text; s < end; s += l->len + 1) {
		if (split(s, end, l) && compare_name(l, ref, ref_len) == 0)
			return true;
	}
	return false;
}

static int read_ref(const char *git_dir, const char *ref, int levels, char id[GIT_HEX_SIZE],
		    struct err *e)
{
	auto_free char *text = NULL;
	struct line l;
	size_t len;

	if (!path_is_clean(ref))
		return err_set(e, ERR_USAGE, 0, "\"%.200s\" is no name of a ref", ref);
	if (read_loose(git_dir, ref, &text, e) < 0)
		return -1;
	if (text && str_starts(text, "ref: ")) {
		if (levels == 0)
			return err_set(e, ERR_RETRY, 0,
				       "the ref %s of %s is a chain of symbolic refs", ref,
				       git_dir);
		return read_ref(git_dir, text + 5, levels - 1, id, e);
	}
	if (text)
		return copy_id(text, strlen(text), ref, git_dir, id, e);
	if (read_packed(git_dir, &text, &len, e) < 0)
		return -1;
	if (find_packed(text, len, ref, &l))
		return copy_id(l.s, l.id_len, ref, git_dir, id, e);
	id[0] = '\0';
	return 0;
}

/* A repository with the newer "reftable" storage looks empty here: say so instead. */
static int refuse_reftable(const char *git_dir, struct err *e)
{
	auto_free char *head = NULL;

	if (read_loose(git_dir, "HEAD", &head, e) < 0)
		return -1;
	if (head && strcmp(head, "ref: refs/heads/.invalid") == 0)
		return err_set(e, ERR_USAGE, 0,
			       "%s stores its refs as a reftable, which this version cannot read; "
			       "convert it with git refs migrate --ref-format=files",
			       git_dir);
	return 0;
}

int gitref_read(const char *dir, const char *ref, char id[GIT_HEX_SIZE], struct err *e)
{
	auto_free char *git_dir = NULL;
	char found[GIT_HEX_SIZE] = "";

	if (gitref_dir(dir, &git_dir, e) < 0 || read_ref(git_dir, ref, 1, found, e) < 0)
		return -1;
	if (found[0] == '\0' && refuse_reftable(git_dir, e) < 0)
		return -1;
	memcpy(id, found, GIT_HEX_SIZE);
	return 0;
}

static void offer_packed(const char *text, size_t size, struct refpick *pick)
{
	const char *end = text + size;
	struct line l, next;

	for (const char *s = text; s < end; s += l.len + 1) {
		if (!split(s, end, &l) || l.id_len >= GIT_HEX_SIZE || l.name_len > PATH_LEN_MAX)
			continue;
		auto_free char *id = xstrndup(l.s, l.id_len);
		auto_free char *name = xstrndup(l.name, l.name_len);
		auto_free char *peeled = NULL;
		const char *after = l.s + l.len + 1;

		if (after < end && *after == '^') {
			(void)split(after, end, &next);
			peeled = xstrndup(next.s + 1, next.len - 1);
		}
		refpick_offer(pick, name, id, peeled);
	}
}

static int offer_loose(const char *git_dir, const char *below, int depth, struct refpick *pick,
		       struct err *e);

/* A file or directory below refs/tags. */
static int offer_entry(const char *git_dir, const char *ref, int depth, struct refpick *pick,
		       struct err *e)
{
	auto_free char *path = path_join(git_dir, ref);
	auto_free char *text = NULL;
	struct stat st;

	if (str_ends(ref, ".lock") || stat(path, &st) < 0)
		return 0; /* being written, or packed or removed while we look */
	if (S_ISDIR(st.st_mode))
		return offer_loose(git_dir, ref, depth - 1, pick, e);
	if (read_loose(git_dir, ref, &text, e) < 0)
		return -1;
	if (text)
		refpick_offer(pick, ref, text, NULL);
	return 0;
}

/* Offer the loose tags below `below` ("refs/tags"). */
static int offer_loose(const char *git_dir, const char *below, int depth, struct refpick *pick,
		       struct err *e)
{
	auto_free char *dir = path_join(git_dir, below);
	auto_strv struct strv names = STRV_INIT;
	struct stat st;
	int bad = 0;

	if (depth == 0 || (stat(dir, &st) < 0 && (errno == ENOENT || errno == ENOTDIR)))
		return 0;
	if (dir_list(dir, TAGS_MAX, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n && bad == 0; i++) {
		auto_free char *ref = path_join(below, names.v[i]);

		bad = offer_entry(git_dir, ref, depth, pick, e);
	}
	return bad;
}

int gitref_newest_tag(const char *dir, const char *glob, char id[GIT_HEX_SIZE], char **name,
		      struct err *e)
{
	auto_free char *git_dir = NULL;
	auto_free char *packed = NULL;
	auto_refpick struct refpick pick;
	size_t len;

	refpick_init(&pick, NULL, glob);
	/* Packed last would be wrong (loose wins), packed first could miss a tag that is packed in
	 * between: offer both ways; an equal name is replaced by the later offer. */
	if (gitref_dir(dir, &git_dir, e) < 0 ||
	    offer_loose(git_dir, "refs/tags", TAG_DEPTH, &pick, e) < 0 ||
	    read_packed(git_dir, &packed, &len, e) < 0)
		return -1;
	offer_packed(packed, len, &pick);
	if (pick.name) {
		auto_free char *text = NULL;

		if (read_loose(git_dir, pick.name, &text, e) < 0)
			return -1;
		if (text && refpick_is_id(text, strlen(text)))
			refpick_offer(&pick, pick.name, text, NULL);
	}
	memcpy(id, pick.id, GIT_HEX_SIZE);
	if (name)
		*name = TAKE(pick.name);
	return 0;
}

int gitref_ask(const char *dir, const char *branch, const char *tag, char id[GIT_HEX_SIZE],
	       struct err *e)
{
	if (tag)
		return gitref_newest_tag(dir, tag, id, NULL, e);
	auto_free char *ref = xasprintf("refs/heads/%s", branch);
	return gitref_read(dir, ref, id, e);
}
