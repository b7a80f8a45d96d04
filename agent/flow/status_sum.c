/*
 * status_sum - the conclusion of `status`: is all well, what is the worst of it, what to do next.
 * Depends on: flow.h.
 */
#include "agent/flow/sync.h"

#include "common/clock.h"
#include "common/duration.h"
#include "common/mem.h"

#include <string.h>

/* A poll or two may get lost; after these many without an answer somebody should know. */
enum { POLLS_MISSED = 5, SEEN_MIN_MS = 15 * 60 * 1000, NAMED_MAX = 5 };

bool status_project_runs(const struct project_status *p)
{
	return str_eq(p->state, "healthy") || str_eq(p->state, "running") ||
	       str_eq(p->state, "starting");
}

bool status_project_well(const struct project_status *p)
{
	return !p->held && status_project_runs(p);
}

static bool is_degraded(const struct project_status *p)
{
	return str_eq(p->state, "degraded");
}

/* Deployed, and does not run as it should. */
static bool is_down(const struct project_status *p)
{
	return p->generation > 0 && !status_project_runs(p) && !is_degraded(p) &&
	       !str_eq(p->state, "unknown");
}

/* Never came up, or something newer is not applied. */
static bool is_behind(const struct project_status *p)
{
	return p->held || (str_eq(p->state, "missing") && p->generation == 0);
}

/* The first of the worst stays. */
static void __attribute__((format(printf, 3, 4)))
worse(struct status *s, enum status_code code, const char *fmt, ...)
{
	auto_str struct str text = STR_INIT;
	va_list ap;

	if (code <= s->code)
		return;
	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	s->code = code;
	free(s->problem);
	s->problem = str_take(&text);
}

/* "web is degraded", "web, mail and 3 more are degraded" */
static void worse_projects(struct status *s, enum status_code code,
			   bool (*is)(const struct project_status *p), const char *what)
{
	auto_str struct str names = STR_INIT;
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (is(&s->v[i]) && n++ < NAMED_MAX)
			str_addf(&names, "%s%s", n > 1 ? ", " : "", s->v[i].name);
	}
	if (n > NAMED_MAX)
		str_addf(&names, " and %zu more", n - NAMED_MAX);
	if (n > 0)
		worse(s, code, "%s %s %s", str_text(&names), n == 1 ? "is" : "are", what);
}

static void judge_source(struct status *s, const struct config *c)
{
	int64_t limit_ms = c->source.poll_ms * POLLS_MISSED;
	int64_t silent_ms = (clock_wall() - s->source_seen) * 1000;
	char span[40];

	auto_free char *old = source_age_text(&s->source, c);

	if (s->source_error)
		worse(s, STATUS_WARNING, "the source: %s", s->source_error);
	if (limit_ms < SEEN_MIN_MS)
		limit_ms = SEEN_MIN_MS;
	/* Without a daemon nobody notes when the source answered and had nothing new. */
	if (s->daemon && c->source.kind != SOURCE_NONE && s->source_seen > 0 &&
	    silent_ms > limit_ms)
		worse(s, STATUS_WARNING, "the source was not seen for %s",
		      duration_text(silent_ms, span, sizeof(span)));
	if (old)
		worse(s, STATUS_WARNING, "%s", old);
}

static void judge_all(struct status *s, const struct config *c)
{
	if (s->safe_mode)
		worse(s, STATUS_CRITICAL,
		      "safe mode: the agent died %d times while it finished a sync that was cut off",
		      s->recoveries);
	worse_projects(s, STATUS_CRITICAL, is_degraded, "degraded");
	if (!s->engine_answers)
		worse(s, STATUS_CRITICAL, "the engine does not answer: %s",
		      s->engine_error ? s->engine_error : "no reason given");
	worse_projects(s, STATUS_CRITICAL, is_down, "not running as deployed");
	if (s->recovery_open && !s->busy)
		worse(s, STATUS_WARNING, "a sync was cut off and waits to be finished");
	worse_projects(s, STATUS_WARNING, is_behind, "held");
	if (s->control.mode != CONTROL_AUTO)
		worse(s, STATUS_WARNING, "nothing is applied: %s",
		      control_mode_name(s->control.mode));
	judge_source(s, c);
}

static const struct project_status *first(const struct status *s,
					  bool (*is)(const struct project_status *p))
{
	for (size_t i = 0; i < s->n; i++)
		if (is(&s->v[i]))
			return &s->v[i];
	return NULL;
}

static char *advice_for(const struct status *s)
{
	const struct project_status *down = first(s, is_down), *behind = first(s, is_behind);

	if (behind && behind->held && str_starts(behind->held, "will be tried again"))
		return xasprintf("see why above: %s is tried again by itself", behind->name);
	if (behind)
		return xasprintf("see why above; push a fix, or `mdc-agent retry %s`",
				 behind->name);
	if (down)
		return xasprintf(
			"look at %s: `docker compose -p %s ps` and `logs`; `mdc-agent sync "
			"--drift` compares it with its record",
			down->name, down->name);
	return NULL;
}

static char *advice(const struct status *s)
{
	const struct project_status *degraded = first(s, is_degraded);
	char *text;

	if (s->safe_mode)
		return xstrdup("see the journal and what runs (docker ps), then `mdc-agent retry`; "
			       "`rollback` and `resume` go on too");
	if (degraded)
		return xasprintf(
			"look at %s (docker compose -p %s ps; logs), then `mdc-agent retry %s` or "
			"`mdc-agent rollback --project %s N`; `mdc-agent restore` puts data back",
			degraded->name, degraded->name, degraded->name, degraded->name);
	if (s->recovery_open && !s->busy)
		return xstrdup("an earlier sync was cut off: `mdc-agent sync` finishes it");
	if (!s->engine_answers)
		return xstrdup("the engine does not answer: see `systemctl status docker`");
	if (!s->synced)
		return xstrdup(s->busy ? "wait: the first sync is running"
				       : "`mdc-agent plan` shows what would be deployed, "
					 "`mdc-agent sync` deploys it");
	if (s->control.mode != CONTROL_AUTO)
		return xstrdup("`mdc-agent resume` lifts the hold");
	text = advice_for(s);
	if (text)
		return text;
	if (s->source.refused[0])
		return xasprintf("see why the commit is refused above; `mdc-agent accept %s` takes "
				 "it as it is",
				 s->source.refused);
	if (s->source_error)
		return xstrdup("see the source above: check the network, its URL and credentials");
	return xstrdup("nothing");
}

void status_sum_up(struct status *s, const struct config *c)
{
	s->code = STATUS_OK;
	free(TAKE(s->problem));
	free(TAKE(s->next));
	judge_all(s, c);
	if (!s->synced && s->code == STATUS_OK) {
		s->code = STATUS_UNKNOWN;
		s->problem = xstrdup("no sync yet: nothing was deployed here");
	}
	s->next = advice(s);
}

const char *status_code_name(enum status_code c)
{
	static const char *const names[] = {[STATUS_OK] = "OK",
					    [STATUS_WARNING] = "WARNING",
					    [STATUS_CRITICAL] = "CRITICAL",
					    [STATUS_UNKNOWN] = "UNKNOWN"};

	return names[c];
}
