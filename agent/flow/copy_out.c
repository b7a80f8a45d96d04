/*
 * copy_out - a snapshot's trees copied to a directory, for a look or to take a file from.
 * Depends on: data.h, prune.h, snapshot.
 */
#include "agent/flow/data.h"
#include "agent/flow/prune.h"

#include "common/duration.h"
#include "common/file.h"
#include "common/lock.h"
#include "common/mem.h"
#include "common/path.h"

#include <string.h>

/* "data", or "srv_x" for /srv/x. */
static char *name_of(const struct snapshot_volume *v)
{
	const char *text = v->mount ? v->mount : v->name;
	char *name = xstrdup(text + strspn(text, "./"));

	for (char *p = name; *p != '\0'; p++)
		if (*p == '/')
			*p = '_';
	return name;
}

static const char *why_not(const struct snapshot_volume *v)
{
	if (v->absent)
		return "there was no such volume then";
	if (v->moved)
		return "its copy was put back earlier and is not kept any more";
	if (strcmp(v->driver, "zfs") == 0 || strcmp(v->driver, "command") == 0)
		return "its copy is kept by ZFS or by your own program, not as a directory";
	return NULL;
}

static int copy_one(const struct config *c, const struct snapshot_volume *v, const char *dir,
		    struct strv *done, struct err *e)
{
	auto_free char *name = name_of(v), *to = path_join(dir, name), *identity = NULL;
	auto_tree_choice struct tree_choice tree = {.driver = NULL};
	struct tree_where w = {.state_dir = c->state_dir, .store_dir = dir, .driver = "copy"};
	int64_t bytes = 0;
	char size[32];

	if (why_not(v)) {
		strv_pushf(done, "%s: left out: %s", v->mount ? v->mount : v->name, why_not(v));
		return 0;
	}
	if (file_exists(to))
		return err_set(e, ERR_USAGE, 0,
			       "%s is there already: name an empty directory or a new one", to);
	if (tree_choose(v->place, &w, false, &tree, e) < 0)
		return -1;
	if (!tree.driver)
		return err_set(e, ERR_RETRY, 0, "%s cannot be copied: %s", v->place,
			       tree.why ? tree.why : "no driver can");
	if (tree_take(&tree, to, NULL, &identity, &bytes, e) < 0)
		return err_wrap(e, "copy to %s", to);
	strv_pushf(done, "%s: %s (%s)", v->mount ? v->mount : v->name, to,
		   size_text(bytes > 0 ? (uint64_t)bytes : 0, size, sizeof(size)));
	return 0;
}

static bool asked(const struct strv *only, const struct snapshot_volume *v)
{
	return !only || only->n == 0 || strv_has(only, v->name) ||
	       (v->mount && strv_has(only, v->mount));
}

int flow_copy_out(const struct config *c, const struct data_options *o, const char *dir,
		  struct strv *done, struct err *e)
{
	auto_store struct store *s = NULL;
	auto_snapshot struct snapshot x = {.n = 0};
	int fd = -1, rc = 0;

	if (store_open(c, false, &s, e) < 0 || dir_make(dir, 0700, e) < 0 ||
	    snap_lock(s, o->lock_wait_ms, &fd, e) < 0)
		return -1;
	rc = snapshot_pick(s, o->snapshot, &x, e);
	for (size_t i = 0; rc == 0 && i < x.n; i++)
		if (asked(o->only, &x.v[i]))
			rc = copy_one(c, &x.v[i], dir, done, e);
	if (rc == 0 && done->n == 0)
		rc = err_set(e, ERR_USAGE, 0,
			     "snapshot %s has no such volume: `mdc-agent snapshots show %s` lists "
			     "them",
			     x.id, x.id);
	lock_drop(fd);
	return rc;
}
