/*
 * metrics_note - the source's part of `metrics_file:`, for the daemon: it reads no records and
 * needs nothing of what reading them is linked with. Depends on: common, model/metrics.
 */
#include "agent/store/store.h"

#include "agent/model/metrics.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/str.h"

enum { METRICS_MODE = 0644, METRICS_MAX_BYTES = 4 * 1024 * 1024 };

static int replace(const char *path, const struct str *text, struct err *e)
{
	return file_replace_unsynced(path, str_text(text), text->len, METRICS_MODE, e);
}

int metrics_note_source(const struct config *c, bool up, int64_t seen, struct err *e)
{
	auto_free char *text = NULL;
	auto_str struct str one = STR_INIT, both = STR_INIT;
	struct err why = ERR_INIT;

	/* Not there yet, or gone: the next sync writes it whole. */
	if (file_read(c->metrics_file, METRICS_MAX_BYTES, &text, NULL, &why) < 0 ||
	    !metrics_change(&one, text, METRIC_SOURCE_UP, up))
		return 0;
	if (seen > 0 && metrics_change(&both, str_text(&one), METRIC_SOURCE_SEEN, seen))
		return replace(c->metrics_file, &both, e);
	return replace(c->metrics_file, &one, e);
}
