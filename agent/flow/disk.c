/*
 * disk - is there room on the file systems that a sync needs: the state directory's, and, when
 * there is work, the engine's. Told by the rule of repeats, and once more when there is room again.
 * Depends on: sync.h.
 */
#include "agent/flow/sync.h"
#include "agent/snapshot/snapshot.h"

#include "common/duration.h"
#include "common/file.h"
#include "common/mem.h"

#include <string.h>

enum { SHORT_PERCENT = 2, FULL_PERCENT = 1 };
static const unsigned long long SHORT_FLOOR = 256ULL * 1024 * 1024;
static const unsigned long long FULL_FLOOR = 64ULL * 1024 * 1024;

static void look(struct sync *s, const char *path)
{
	unsigned long long left = 0, all = 0, low = 0;
	struct err ignored = ERR_INIT;
	char is[32], of[32];

	/* Where the engine says its data are may be on another host, or nowhere. */
	if (path[0] != '/' || disk_space(path, &left, &all, &ignored) < 0 || all == 0)
		return;
	low = all / 100 * SHORT_PERCENT;
	if (low < SHORT_FLOOR)
		low = SHORT_FLOOR;
	if (low > all / 4) /* a small file system is not short from the start */
		low = all / 4;
	auto_free char *text =
		xasprintf("%s has %s left of %s", path, size_text(left, is, sizeof(is)),
			  size_text(all, of, sizeof(of)));
	const struct event_fields f = {.path = path, .bytes = (int64_t)left, .reason = text};

	if (left < low)
		report_failure(s, EVENT_DISK_SHORT, &f, text);
	else if (left - low > low / 4) /* else it would be told again with each file */
		report_recovery(s, EVENT_DISK_SHORT, EVENT_DISK_ENOUGH, &f, text);
}

void disk_look(struct sync *s)
{
	if (!s->dry)
		look(s, s->config->state_dir);
}

void disk_look_engine(struct sync *s)
{
	struct err ignored = ERR_INIT;
	auto_free char *root = NULL;

	if (!s->dry && engine_root(s->engine, &root, &ignored) == 0)
		look(s, root);
}

static bool is_full_now(const char *path)
{
	unsigned long long left = 0, all = 0;
	struct err ignored = ERR_INIT;

	return disk_space(path, &left, &all, &ignored) == 0 && left < FULL_FLOOR &&
	       left < all / 100 * FULL_PERCENT;
}

bool disk_is_full(const char *path)
{
	if (!is_full_now(path))
		return false;
	snapshot_settle(path); /* some count what was removed only after a while */
	return is_full_now(path);
}

bool disk_is_reason(const char *why)
{
	return why && strcasestr(why, "no space left on device");
}
