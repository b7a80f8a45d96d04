/*
 * intents - the records that say what is open: a project's trial, and the sync itself. The one
 * before the last is kept as a hard link, so that a damaged one does not leave us without a way
 * back. Cost of a write: two fsyncs, as for any record; the link becomes durable with the record
 * that follows it.
 * Depends on: common.
 */
#include "agent/store/layout.h"

#include "common/file.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The previous record's path: "intent.json" has "intent.prev". */
static char *prev_of(const char *path)
{
	return xasprintf("%.*sprev", (int)(strlen(path) - strlen("json")), path);
}

static int read_open(const char *path, cJSON **out, struct err *e)
{
	auto_free char *prev = prev_of(path);
	struct err why = ERR_INIT;

	if (record_read(path, out, e) == 0)
		return 0;
	if (e->kind != ERR_BROKEN)
		return -1;
	cJSON *before = NULL;
	if (record_read(prev, &before, &why) == 0 && before) {
		err_clear(e);
		*out = before;
		return 0;
	}
	return layout_damaged(e,
			      "the agent does not know what was under way: compare what runs with "
			      "`mdc-agent status`, then remove that file");
}

static int keep_previous(const char *path, struct err *e)
{
	auto_free char *prev = prev_of(path);
	auto_json cJSON *now = NULL;
	struct err ignored = ERR_INIT;

	if (record_read(path, &now, &ignored) < 0 || !now)
		return 0; /* nothing worth keeping; an older one stays */
	if (unlink(prev) < 0 && errno != ENOENT)
		return err_set(e, ERR_RETRY, errno, "cannot remove %s", prev);
	/* Best effort: a file system without hard links costs the second copy only. */
	if (link(path, prev) < 0 && errno == ENOSPC)
		return err_set(e, ERR_RETRY, errno, "cannot link %s", prev);
	return 0;
}

static int remove_open(const char *path, struct err *e)
{
	auto_free char *prev = prev_of(path);

	/* First the old one: without intent.json it means nothing, before it it would be a second
	 * way to be open. */
	if (unlink(prev) < 0 && errno != ENOENT && errno != ENOTDIR)
		return err_set(e, ERR_RETRY, errno, "cannot remove %s", prev);
	return file_remove(path, e);
}

int intent_read(const struct store *s, const char *project, cJSON **out, struct err *e)
{
	auto_free char *path = layout_project(s, project, "intent.json");

	return read_open(path, out, e);
}

int intent_write(const struct store *s, const char *project, const cJSON *intent, struct err *e)
{
	auto_free char *path = layout_project(s, project, "intent.json");

	if (keep_previous(path, e) < 0)
		return -1;
	return layout_project_write(s, project, "intent.json", intent, e);
}

int intent_remove(const struct store *s, const char *project, struct err *e)
{
	auto_free char *path = layout_project(s, project, "intent.json");

	return remove_open(path, e);
}

int sync_intent_read(const struct store *s, cJSON **out, struct err *e)
{
	auto_free char *path = store_path(s, "sync.json");

	return read_open(path, out, e);
}

int sync_intent_write(const struct store *s, const cJSON *intent, struct err *e)
{
	auto_free char *path = store_path(s, "sync.json");

	if (keep_previous(path, e) < 0)
		return -1;
	return record_write(path, intent, e);
}

int sync_intent_remove(const struct store *s, struct err *e)
{
	auto_free char *path = store_path(s, "sync.json");

	return remove_open(path, e);
}
