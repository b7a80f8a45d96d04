/*
 * verify - may this commit be applied here? With `verify: off` a head that does not descend from
 * the last one is followed, and reported. (Signatures and the anchor belong here: design part 11.)
 * Depends on: sync.h.
 */
#include "agent/flow/sync.h"

#include "common/mem.h"

int flow_verify(struct sync *s, struct err *e)
{
	(void)e;
	if (!s->forced)
		return 0;
	auto_free char *text = xasprintf(
		"the source was force-pushed: %.12s does not descend from %.12s; followed "
		"(verify.mode is off)",
		s->head, s->source.id);

	strv_push(&s->report->warnings, text);
	report_event(
		s, EVENT_SOURCE_FORCED,
		&(struct event_fields){.commit = s->head, .previous = s->source.id, .reason = text},
		text);
	return 0;
}
