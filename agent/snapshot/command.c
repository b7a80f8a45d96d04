/*
 * command - the driver that calls a program of the host's own (`snapshots.command`), for LVM, a
 * SAN, disks of a cloud. Absolute path, argument array, no shell, an hour's time. The contract:
 *   PROGRAM take PATH NAME             copy what is at PATH under NAME. Its writers are stopped.
 *   PROGRAM restore PATH NAME LEFT     PATH is to hold what NAME holds, and LEFT what PATH held.
 *                                      Called again after a crash: then LEFT stays as it is.
 *   PROGRAM drop NAME                  remove that copy. Success also when there is none.
 * NAME and LEFT: letters, digits, '.', '_' and '-', at most 200. Exit 0: done and on disk. Anything
 * else: it failed, and the last line of its stderr says why; after a failed take, drop follows.
 * Depends on: driver, proc.
 */
#include "agent/snapshot/driver.h"

#include "common/auto.h"
#include "common/mem.h"
#include "common/proc.h"

enum { COMMAND_MS = 60 * 60 * 1000 };

static int call(const char *const *argv, struct err *e)
{
	const struct proc p = {.argv = argv, .timeout_ms = COMMAND_MS};

	if (proc_need(&p, NULL, e) == 0)
		return 0;
	e->kind = ERR_RETRY;
	return err_wrap(e, "%s %s", argv[0], argv[1]);
}

static int take(const struct tree_choice *c, const char *place, const struct tree_progress *p,
		int64_t *bytes, struct err *e)
{
	auto_note struct note n = {
		.driver = xstrdup("command"),
		.program = xstrdup(c->command),
		.path = xstrdup(c->path),
		.name = note_name(place),
	};
	const char *const argv[] = {n.program, "take", n.path, n.name, NULL};

	(void)p;
	*bytes = -1;
	/* The note first: a copy that nobody knows of is never removed. */
	return note_write(place, &n, e) < 0 ? -1 : call(argv, e);
}

static int swap(struct note *n, struct err *e)
{
	const char *const argv[] = {n->program, "restore", n->path, n->restore, n->name, NULL};

	return call(argv, e);
}

static int drop(const struct note *n, struct err *e)
{
	const char *const argv[] = {n->program, "drop", n->name, NULL};

	return call(argv, e);
}

const struct snapshot_driver driver_command = {
	.name = "command", .take = take, .swap = swap, .drop = drop};
