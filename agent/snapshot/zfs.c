/*
 * zfs - the driver for directories on which a ZFS data set is mounted, by the program `zfs`.
 * A rollback would destroy what the failed version wrote, and every newer snapshot. So a restore
 * makes a clone with the data set's own properties, puts it in its place and promotes it; the data
 * set that was there stays, unmounted, under another name.
 * Depends on: driver, proc.
 */
#include "agent/snapshot/driver.h"

#include "common/auto.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/proc.h"
#include "common/str.h"

#include <string.h>

enum { ZFS_MS = 10 * 60 * 1000, BUSY_MS = 10000, BUSY_PAUSE_MS = 100 };

static int zfs(const char *const *argv, char **out, struct err *e)
{
	const struct proc p = {.argv = argv, .timeout_ms = ZFS_MS};

	if (proc_need(&p, out, e) == 0)
		return 0;
	e->kind = ERR_RETRY;
	return err_wrap(e, "zfs %s", argv[1]);
}

#define ZFS(e, ...) zfs((const char *const[]){"zfs", __VA_ARGS__, NULL}, NULL, e)

static bool exists(const char *name)
{
	struct err ignored = ERR_INIT;

	return ZFS(&ignored, "list", "-H", "-t", "filesystem,snapshot", "-o", "name", name) == 0;
}

/* A property's value, trimmed; the caller frees; NULL if it cannot be read. */
static char *value_of(const char *name, const char *property)
{
	struct err ignored = ERR_INIT;
	char *out = NULL;

	if (zfs((const char *const[]){"zfs", "get", "-H", "-o", "value", property, name, NULL},
		&out, &ignored) < 0)
		return NULL;
	out[strcspn(out, "\n")] = '\0';
	return out;
}

static int take(const struct tree_choice *c, const char *place, const struct tree_progress *p,
		int64_t *bytes, struct err *e)
{
	auto_note struct note n = {
		.driver = xstrdup("zfs"),
		.path = xstrdup(c->path),
		.name = note_name(place),
	};

	(void)p;
	*bytes = 0;
	if (zfs_set_of(c->path, &n.set, e) < 0)
		return -1;
	if (!n.set)
		return err_set(e, ERR_RETRY, 0, "no ZFS data set is mounted on %s any more",
			       c->path);
	auto_free char *snapshot = xasprintf("%s@%s", n.set, n.name);

	if (note_write(place, &n, e) < 0)
		return -1;
	return ZFS(e, "snapshot", snapshot);
}

/* Properties that a restore sets itself. */
static bool is_ours(const char *name, size_t len)
{
	return (len == strlen("canmount") && memcmp(name, "canmount", len) == 0) ||
	       (len == strlen("mountpoint") && memcmp(name, "mountpoint", len) == 0);
}

/* "-o name=value" for each property that was set on this data set itself. */
static int own_properties(const char *set, struct strv *argv, struct err *e)
{
	auto_free char *text = NULL;
	const char *const ask[] = {"zfs", "get", "-H", "-s", "local", "-o", "property,value",
				   "all", set,   NULL};

	if (zfs(ask, &text, e) < 0)
		return -1;
	for (const char *line = text; *line != '\0';
	     line += strcspn(line, "\n"), line += *line == '\n') {
		size_t len = strcspn(line, "\n"), name = strcspn(line, "\t\n");

		if (name == len || is_ours(line, name))
			continue;
		strv_push(argv, "-o");
		strv_pushf(argv, "%.*s=%.*s", (int)name, line, (int)(len - name - 1),
			   line + name + 1);
	}
	return 0;
}

/* A clone of the snapshot that is not mounted, with the properties of the data set. */
static int make_clone(const struct note *n, const char *clone, struct err *e)
{
	auto_strv struct strv argv = STRV_INIT;
	auto_free char *snapshot = xasprintf("%s@%s", n->set, n->restore);
	auto_free char *mountpoint = xasprintf("mountpoint=%s", n->path);

	strv_push(&argv, "zfs");
	strv_push(&argv, "clone");
	strv_push(&argv, "-o");
	strv_push(&argv, "canmount=off");
	if (own_properties(n->set, &argv, e) < 0)
		return -1;
	strv_push(&argv, "-o");
	strv_push(&argv, mountpoint);
	strv_push(&argv, snapshot);
	strv_push(&argv, clone);
	return zfs((const char *const *)argv.v, NULL, e);
}

/* The data set goes aside: unmounted first, so that it never lies over its successor. */
static int put_aside(const char *set, const char *left, struct err *e)
{
	auto_free char *mounted = value_of(set, "mounted");

	if (ZFS(e, "set", "canmount=noauto", set) < 0)
		return -1;
	if (str_eq(mounted, "yes") && ZFS(e, "unmount", set) < 0)
		return -1;
	/* It is busy for a moment after it was unmounted. */
	for (struct deadline end = deadline_in(BUSY_MS);; clock_pause_ms(BUSY_PAUSE_MS)) {
		err_clear(e);
		if (ZFS(e, "rename", set, left) == 0)
			return 0;
		if (deadline_over(end) || !strstr(e->cause, "busy"))
			return -1;
	}
}

static char *left_of(const struct note *n)
{
	return xasprintf("%s.%s", n->set, n->name);
}

/* Each step is found done by what is there. */
static int swap(struct note *n, struct err *e)
{
	auto_free char *left = left_of(n);
	auto_free char *clone = xasprintf("%s.new", left);

	if (!strchr(n->set, '/'))
		return err_set(e, ERR_RETRY, 0,
			       "%s is a whole pool: only a data set in a pool can be put back",
			       n->set);
	if (!exists(left)) {
		if (!exists(clone) && make_clone(n, clone, e) < 0)
			return -1;
		if (put_aside(n->set, left, e) < 0)
			return -1;
	}
	if (!exists(n->set) && ZFS(e, "rename", clone, n->set) < 0)
		return -1;
	auto_free char *origin = value_of(n->set, "origin");

	if (origin && str_starts(origin, left) && ZFS(e, "promote", n->set) < 0)
		return -1;
	if (ZFS(e, "set", "canmount=on", n->set) < 0)
		return -1;
	auto_free char *mounted = value_of(n->set, "mounted");

	return str_eq(mounted, "yes") ? 0 : ZFS(e, "mount", n->set);
}

/* A snapshot, or the data set that a restore put aside. */
static int drop(const struct note *n, struct err *e)
{
	auto_free char *snapshot = xasprintf("%s@%s", n->set, n->name);
	auto_free char *left = left_of(n);
	auto_free char *clone = xasprintf("%s.new", left);

	if (exists(clone) && ZFS(e, "destroy", clone) < 0)
		return -1;
	if (exists(left) && ZFS(e, "destroy", "-r", left) < 0)
		return -1;
	/* -d: what was put aside may still depend on it; then it goes with that. */
	return exists(snapshot) ? ZFS(e, "destroy", "-d", snapshot) : 0;
}

const struct snapshot_driver driver_zfs = {
	.name = "zfs", .atomic = true, .take = take, .swap = swap, .drop = drop};
