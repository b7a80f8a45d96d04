/*
 * report - what the daemon itself has to tell: that it started and stopped, and a source that
 * cannot be reached. Same history, same journal, same rule of repeats as a sync's. Depends on:
 * daemon.h, store, notify.
 */
#include "agent/daemon/daemon.h"

#include "agent/notify/journal.h"
#include "common/clock.h"
#include "common/duration.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/str.h"

void daemon_report(struct daemon *d, enum event ev, const struct event_fields *f,
		   const char *message)
{
	struct event_fields all = f ? *f : (struct event_fields){.host = NULL};
	struct err e = ERR_INIT;

	all.host = d->config.host;
	if (history_add(d->store, ev, &all, message, &e) < 0)
		log_warn("%s", e.cause);
	journal_send(ev, &all, message);
}

static const struct repeat_key source = {.event = EVENT_SOURCE_UNREACHABLE};

static char *with_count(const char *text, const struct repeat_state *st, int64_t *ms)
{
	char span[32];

	*ms = (clock_wall() - st->since) * 1000;
	if (*ms < 1000)
		*ms = 1000;
	return xasprintf("%s; it has failed %lld times in %s", text, (long long)st->times,
			 duration_text(*ms, span, sizeof(span)));
}

void daemon_source_failed(struct daemon *d, const char *why)
{
	struct repeat_state st = {.tell = true, .times = 1};
	struct err ignored = ERR_INIT;
	int64_t ms = 0;

	(void)repeat_failed(d->store, &source, why, &st, &ignored);
	if (!st.tell)
		return;
	auto_free char *again = with_count(why, &st, &ms);

	daemon_report(d, EVENT_SOURCE_UNREACHABLE, &(struct event_fields){.reason = why},
		      st.times > 1 ? again : why);
}

void daemon_source_answers(struct daemon *d)
{
	struct repeat_state st = {.tell = false};
	struct event_fields f = {.reason = NULL};
	struct err ignored = ERR_INIT;

	if (repeat_over(d->store, &source, &st, &ignored) < 0 || !st.tell)
		return;
	auto_free char *text = with_count("the source answers again", &st, &f.duration_ms);

	f.reason = text;
	daemon_report(d, EVENT_SOURCE_REACHABLE, &f, text);
}

void daemon_source_age(struct daemon *d)
{
	static const struct repeat_key key = {.event = EVENT_SOURCE_STALE};
	auto_free char *text = source_age_text(&d->source, &d->config);
	struct repeat_state st = {.times = 0};
	struct err ignored = ERR_INIT;

	if (!text || d->poll.stale || d->config.source.kind == SOURCE_NONE) {
		d->poll.stale = text != NULL;
		return;
	}
	d->poll.stale = true;
	/* Before this daemon's life a sync or another daemon may have told it. */
	(void)repeat_failed(d->store, &key, text, &st, &ignored);
	if (st.times == 1)
		daemon_report(d, EVENT_SOURCE_STALE,
			      &(struct event_fields){.commit = d->source.id, .reason = text}, text);
}
