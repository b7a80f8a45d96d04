/*
 * metrics - after a poll: whether the source answers, in the file of `metrics_file:`; at most once
 * a minute. All else in it is written by syncs. Depends on: daemon.h, store.
 */
#include "agent/daemon/daemon.h"

#include "common/clock.h"
#include "common/log.h"

enum { METRICS_GAP_MS = 60 * 1000 };

void metrics_polled(struct daemon *d)
{
	struct err e = ERR_INIT;
	int64_t now = clock_ms();

	if (!d->config.metrics_file || d->config.source.kind == SOURCE_NONE || d->work.running)
		return;
	if (d->poll.metrics_ms != 0 && now - d->poll.metrics_ms < METRICS_GAP_MS)
		return;
	d->poll.metrics_ms = now;
	if (metrics_note_source(&d->config, d->poll.failures == 0, d->poll.seen, &e) < 0)
		log_debug("metrics_file: %s", e.cause);
}
