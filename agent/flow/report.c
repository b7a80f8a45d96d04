/*
 * report - every end that matters, into the history and the journal, before the record that closes
 * it (promise 9). Depends on: sync.h, notify, store.
 */
#include "agent/flow/sync.h"

#include "agent/notify/journal.h"
#include "common/clock.h"
#include "common/mem.h"

void report_event(struct sync *s, enum event ev, const struct event_fields *f, const char *message)
{
	struct err ignored = ERR_INIT;

	if (s->dry)
		return;
	/* A full disk must not keep a report from the journal, nor an undo from going on. */
	(void)history_add(s->store, ev, f, &ignored);
	journal_send(ev, f, message);
}

static enum event event_of(const struct trial *t)
{
	switch (t->outcome) {
	case OUTCOME_DEPLOYED:
		return EVENT_PROJECT_DEPLOYED;
	case OUTCOME_REPAIRED:
		return EVENT_DRIFT_REPAIRED;
	case OUTCOME_REMOVED:
		return EVENT_PROJECT_REMOVED;
	case OUTCOME_FAILED:
		return t->has_old && t->action != PLAN_REMOVE ? EVENT_PROJECT_ROLLED_BACK
							      : EVENT_PROJECT_FAILED;
	case OUTCOME_DEGRADED:
		return EVENT_PROJECT_DEGRADED;
	default:
		return EVENT_PROJECT_HELD;
	}
}

void report_trial(struct sync *s, const struct trial *t)
{
	auto_free char *reasons = strv_join(&t->reasons, "; ");
	const char *why = t->why ? t->why : reasons;
	struct event_fields f = {
		.project = t->name,
		.commit = s->commit.id,
		.generation = s->number,
		.duration_ms = t->took_ms,
		.reason = why,
	};
	auto_free char *message =
		xasprintf("%s: %s%s%s", t->name, outcome_name(t->outcome), why[0] ? ": " : "", why);

	sync_show(s, t->name, outcome_name(t->outcome), t->why);
	report_event(s, event_of(t), &f, message);
}
