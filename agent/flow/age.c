/*
 * age - how long there was no new commit: a server that keeps commits back looks like one where
 * nobody pushes. Told once, and its end once; between syncs the daemon tells it (daemon/report.c).
 * Depends on: sync.h.
 */
#include "agent/flow/sync.h"

#include "common/clock.h"
#include "common/duration.h"
#include "common/mem.h"

void age_look(struct sync *s)
{
	static const struct repeat_key key = {.event = EVENT_SOURCE_STALE};
	struct repeat_state st = {.tell = true, .times = 1};
	struct err ignored = ERR_INIT;
	auto_free char *text = source_age_text(&s->source, s->config);
	const struct event_fields f = {.commit = s->source.id, .reason = text};

	if (s->dry)
		return;
	if (!text) {
		(void)report_recovery(s, EVENT_SOURCE_STALE, EVENT_SOURCE_MOVES,
				      &(struct event_fields){.commit = s->head},
				      "the repository has new commits again");
		return;
	}
	(void)repeat_failed(s->store, &key, text, &st, &ignored);
	if (st.times == 1)
		report_event(s, EVENT_SOURCE_STALE, &f, text);
}
