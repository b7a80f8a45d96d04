/*
 * alternates - reading a `file` source's objects in place. libgit2 takes relative lines only in the
 * first alternates file, so the source's own alternates are followed here and written out as
 * absolute paths. Depends on: common.
 */
#include "agent/git/repo_internal.h"

#include "common/file.h"
#include "common/path.h"
#include "common/str.h"
#include "common/strv.h"

#include <string.h>

enum { ALTERNATES_MAX_BYTES = 64 * 1024, ALTERNATES_MAX = 32, DEPTH_MAX = 5 };

static const char inside[] = "info/alternates";

/* Add an objects directory and what it refers to. What is missing is left out, as git does. */
static void gather(const char *objects, int depth, struct strv *out)
{
	auto_free char *path = path_join(objects, inside);
	auto_free char *text = NULL;
	struct err ignored = ERR_INIT;

	if (out->n >= ALTERNATES_MAX || strchr(objects, '\n') || !strv_add_once(out, objects) ||
	    depth == 0 || !file_exists(path) ||
	    file_read(path, ALTERNATES_MAX_BYTES, &text, NULL, &ignored) < 0)
		return;
	for (char *s = text, *end; *s != '\0'; s = end) {
		end = s + strcspn(s, "\n");
		if (*end == '\n')
			*end++ = '\0';
		if (*s == '\0' || *s == '#')
			continue;
		auto_free char *full = s[0] == '/' ? path_join(s, "") : path_join(objects, s);

		full[strlen(full) - (str_ends(full, "/") ? 1 : 0)] = '\0';
		gather(full, depth - 1, out);
	}
}

int alternates_update(struct repo *r, bool *changed, struct err *e)
{
	auto_free char *path = path_join(r->objects, inside);
	auto_free char *have = NULL;
	auto_str struct str want = STR_INIT;
	auto_strv struct strv list = STRV_INIT;
	struct err ignored = ERR_INIT;

	/* The source is away: it will be back under the same path. */
	if (repo_from_file(r) && !r->source_dir)
		return 0;
	if (r->source_dir) {
		auto_free char *objects = path_join(r->source_dir, "objects");

		gather(objects, DEPTH_MAX, &list);
	}
	/* A scratch repository (the plan's) names the one whose objects it may read. */
	auto_free char *base = path_join(r->objects, "info/base"), *line = NULL;

	if (file_exists(base) && file_read(base, ALTERNATES_MAX_BYTES, &line, NULL, &ignored) == 0)
		gather(line, DEPTH_MAX, &list);
	for (size_t i = 0; i < list.n; i++)
		str_addf(&want, "%s\n", list.v[i]);
	if (file_exists(path))
		(void)file_read(path, ALTERNATES_MAX_BYTES, &have, NULL, &ignored);
	*changed = !str_eq(have ? have : "", str_text(&want));
	if (!*changed)
		return 0;
	if (want.len == 0)
		return file_remove(path, e);
	return file_replace_unsynced(path, want.s, want.len, 0600, e);
}
