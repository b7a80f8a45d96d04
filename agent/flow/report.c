/*
 * report - every end that matters, into the history and the journal, before the record that closes
 * it (promise 9). What goes on failing is told by the rule of repeats (store/repeats.c).
 * Depends on: sync.h, notify, store.
 */
#include "agent/flow/sync.h"

#include "agent/notify/journal.h"
#include "common/clock.h"
#include "common/duration.h"
#include "common/log.h"
#include "common/mem.h"

#include <string.h>

void report_event(struct sync *s, enum event ev, const struct event_fields *f, const char *message)
{
	struct event_fields all = f ? *f : (struct event_fields){.host = NULL};
	struct err ignored = ERR_INIT;

	if (s->dry)
		return;
	all.host = s->config->host;
	if (!all.subject && all.commit && all.commit[0] && str_eq(all.commit, s->commit.id)) {
		all.subject = s->commit.subject;
		all.author = s->commit.author;
	}
	/* A full disk must not keep a report from the journal, nor an undo from going on. */
	if (history_add(s->store, ev, &all, message, &ignored) < 0)
		s->untold |= !event_kind(ev)->may_wait;
	journal_send(ev, &all, message);
}

int report_settled(const struct sync *s, struct err *e)
{
	if (!s->untold)
		return 0;
	return err_set(e, ERR_RETRY, 0,
		       "what was done could not be written into %s/history.jsonl; the next sync "
		       "tells it",
		       s->config->state_dir);
}

static struct repeat_key key_of(enum event ev, const struct event_fields *f)
{
	return (struct repeat_key){
		.event = ev, .project = f->project, .subject = f->receiver ? f->receiver : f->path};
}

/* "; 41 times in 3h 12m" */
static char *with_count(const char *text, const char *between, const struct repeat_state *st,
			int64_t *ms)
{
	char span[32];

	*ms = (clock_wall() - st->since) * 1000;
	if (*ms < 1000)
		*ms = 1000;
	return xasprintf("%s%s%lld time%s in %s", text, between, (long long)st->times,
			 st->times == 1 ? "" : "s", duration_text(*ms, span, sizeof(span)));
}

void report_failure(struct sync *s, enum event ev, const struct event_fields *f,
		    const char *message)
{
	struct repeat_key k = key_of(ev, f);
	struct repeat_state st = {.tell = true, .times = 1};
	struct err ignored = ERR_INIT;
	int64_t ms = 0;

	if (s->dry)
		return;
	(void)repeat_failed(s->store, &k, f->reason, &st, &ignored);
	if (!st.tell)
		return;
	auto_free char *again = with_count(message, "; this has failed ", &st, &ms);

	report_event(s, ev, f, st.times > 1 ? again : message);
}

bool report_recovery(struct sync *s, enum event was, enum event ev, const struct event_fields *f,
		     const char *message)
{
	struct repeat_key k = key_of(was, f);
	struct repeat_state st = {.tell = false};
	struct err ignored = ERR_INIT;
	struct event_fields all = *f;

	if (s->dry || repeat_over(s->store, &k, &st, &ignored) < 0 || !st.tell)
		return false;
	auto_free char *text = with_count(message, "; it had failed ", &st, &all.duration_ms);

	all.reason = text;
	report_event(s, ev, &all, text);
	return true;
}

/* ---- projects ---- */
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

/* A project that waited does so no more, whatever came of it: what to add to its report. */
static char *waited(struct sync *s, const struct trial *t)
{
	const struct repeat_key k = {.event = EVENT_PROJECT_HELD, .project = t->name};
	struct repeat_state st = {.tell = false};
	struct err ignored = ERR_INIT;
	int64_t ms = 0;

	if (s->dry || repeat_over(s->store, &k, &st, &ignored) < 0 || !st.tell)
		return NULL;
	return with_count("", "it had been held ", &st, &ms);
}

static void report_space(struct sync *s, const struct trial *t)
{
	const struct event_fields f = {.project = t->name, .reason = t->why};

	if (disk_is_reason(t->why))
		report_failure(s, EVENT_DISK_SHORT, &f, t->why);
	else if (t->outcome == OUTCOME_DEPLOYED)
		(void)report_recovery(s, EVENT_DISK_SHORT, EVENT_DISK_ENOUGH, &f,
				      "there was room for it");
}

static void tell(struct sync *s, const struct trial *t, struct event_fields *f)
{
	enum event ev = event_of(t);
	const char *why = f->reason;
	auto_free char *before = ev == EVENT_PROJECT_HELD ? NULL : waited(s, t);
	auto_free char *reason =
		before ? xasprintf("%s%s%s", why, why[0] ? "; " : "", before) : xstrdup(why);
	auto_free char *message = xasprintf("%s: %s%s%s", t->name, outcome_name(t->outcome),
					    reason[0] ? ": " : "", reason);

	f->reason = reason;
	if (ev == EVENT_PROJECT_HELD)
		report_failure(s, ev, f, message);
	else
		report_event(s, ev, f, message);
}

void report_trial(struct sync *s, struct trial *t)
{
	auto_free char *reasons = strv_join(&t->reasons, "; ");
	auto_free char *why = reason_short(t->why ? t->why : reasons);

	details_finish(t);
	struct event_fields f = {
		.project = t->name,
		.commit = s->commit.id,
		.previous = t->has_old ? t->old.commit.id : NULL,
		.generation = s->number,
		.duration_ms = t->took_ms,
		.reason = why,
		.details = t->details,
	};

	t->reported = true;
	sync_show(s, t->name, outcome_name(t->outcome), t->why);
	report_space(s, t);
	/* A stop is no end: the next start goes on with it. */
	if (t->outcome != OUTCOME_RETRY || !stop_asked(&s->stop))
		tell(s, t, &f);
}

/* ---- the sync ---- */
void report_started(struct sync *s)
{
	static const char *const verbs[] = {[PLAN_ADD] = "add",
					    [PLAN_CHANGE] = "change",
					    [PLAN_REMOVE] = "remove",
					    [PLAN_REPAIR] = "repair"};
	auto_str struct str text = {.max = 1024};
	const struct event_fields f = {.commit = s->commit.id,
				       .previous = s->options->rollback ? s->current.commit.id
									: s->source.id,
				       .generation = s->number};

	for (size_t i = 0; i < s->n_trials; i++) {
		const struct trial *t = &s->trials[i];

		if (t->state == TRIAL_STAGED)
			str_addf(&text, "%s%s %s", text.len ? ", " : "",
				 (size_t)t->action < COUNT_OF(verbs) && verbs[t->action]
					 ? verbs[t->action]
					 : "deploy",
				 t->name);
	}
	struct event_fields all = f;

	all.reason = str_text(&text);
	auto_free char *message =
		xasprintf("generation %lld: %s", (long long)s->number, str_text(&text));

	report_event(s, EVENT_SYNC_STARTED, &all, message);
}

void report_unchanged(struct sync *s, const char *project, const char *why)
{
	const struct event_fields f = {.project = project,
				       .commit = s->head,
				       .generation = s->current.number,
				       .reason = why};
	auto_free char *message = xasprintf("%s: unchanged: %s", project, why);

	if (!log_verbose())
		return;
	sync_show(s, project, "unchanged", why);
	report_event(s, EVENT_PROJECT_UNCHANGED, &f, message);
}
