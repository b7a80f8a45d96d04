/*
 * metrics - at the end of a sync: what `metrics_file:` says. A sync that found nothing new writes
 * nothing, unless the file is gone. Depends on: sync.h, store.
 */
#include "agent/flow/sync.h"

#include "common/file.h"

void sync_metrics(struct sync *s, bool good)
{
	const char *path = s->config->metrics_file;
	bool offline = s->options->rollback || s->config->source.kind == SOURCE_NONE;
	const struct metrics_sync now = {
		.good = good, .asked = !offline, .answered = !offline && s->head[0] != '\0'};
	struct err e = ERR_INIT;

	if (!path || !s->store || s->lock_fd < 0 || s->dry)
		return;
	if (s->finished && good && file_exists(path))
		return;
	if (metrics_write(s->store, s->config, &now, &e) < 0)
		strv_pushf(&s->report->warnings, "metrics_file: %s", e.cause);
}
