/*
 * verify - may this commit be applied here? With `verify: off` a head that does not descend from
 * the last one is followed, and reported. Otherwise it must descend from the anchor, the last
 * commit that was accepted, and be signed. What is refused is refused again at every sync until
 * something changes (the source, the keys, a person's word), and told by the rule of repeats.
 * Depends on: staging.h, git, store.
 */
#include "agent/flow/staging.h"

#include "common/clock.h"
#include "common/mem.h"

#include <string.h>

/* See SHOWN_DIGITS in git/verify.c. */
enum { SHOWN_DIGITS = 10 };

struct judging {
	struct sync *sync;
	const char *anchor; /* or NULL: none */
};

/* ---- off ---- */
static void follow(struct sync *s)
{
	if (!s->forced)
		return;
	auto_free char *text = xasprintf(
		"the source was force-pushed: %.12s does not descend from %.12s; followed "
		"(verify.mode is off)",
		s->head, s->source.id);

	strv_push(&s->report->warnings, text);
	report_event(
		s, EVENT_SOURCE_FORCED,
		&(struct event_fields){.commit = s->head, .previous = s->source.id, .reason = text},
		text);
}

/* ---- from which commit on ---- */
static int never_accepted(const struct sync *s, bool deployed, struct err *e)
{
	if (deployed)
		return err_set(
			e, ERR_REJECTED, 0,
			"commit %.*s: verify is on, and which commit was accepted here last is "
			"not known: look at what the repository has, then run `mdc-agent accept "
			"%s`",
			SHOWN_DIGITS, s->head, s->head);
	return err_set(
		e, ERR_REJECTED, 0,
		"commit %.*s: no commit was accepted on this host yet: set "
		"verify.initial_commit, or look at what the repository has and run `mdc-agent "
		"sync --trust-first`",
		SHOWN_DIGITS, s->head);
}

/* The first time, or the record is lost: *out is NULL where any signed commit will do. */
static int without_anchor(struct sync *s, const char **out, struct err *e)
{
	const struct verify_config *v = &s->config->verify;
	auto_free int64_t *numbers = NULL;
	size_t n = 0;

	if (generation_numbers(s->store, &numbers, &n, e) < 0)
		return -1;
	bool deployed = n > 0 || s->current.number > 0;

	*out = deployed ? NULL : v->initial_commit;
	if (!deployed && (*out || s->options->trust_first))
		return 0;
	if (never_accepted(s, deployed, e) < 0 && (!s->dry || deployed))
		return -1;
	strv_push(&s->report->warnings, e->cause); /* a plan may look ahead */
	err_clear(e);
	return 0;
}

/* ---- the judgement ---- */
static int judge_history(struct repo *r, const struct judging *j, struct err *e)
{
	const struct sync *s = j->sync;
	bool descends = true;

	if (j->anchor && repo_is_ancestor(r, j->anchor, s->head, &descends, e) < 0)
		return -1;
	if (descends)
		return 0;
	return err_set(
		e, ERR_REJECTED, 0,
		"commit %.*s does not descend from %.12s, the last accepted one: the history "
		"was rewritten, or an old commit is shown again. If that is meant, run "
		"`mdc-agent accept %s`",
		SHOWN_DIGITS, s->head, j->anchor, s->head);
}

static int verify_work(struct repo *r, void *arg, cJSON **out, struct err *e)
{
	const struct judging *j = arg;
	const struct sync *s = j->sync;
	auto_free char *scratch =
		s->dry ? xasprintf("%s/gnupg", s->scratch) : store_path(s->store, "stage/.gnupg");
	auto_free char *who = NULL;
	const struct repo_question q = {.config = &s->config->verify,
					.scratch = scratch,
					.head = &s->commit,
					.anchor = j->anchor,
					.tag = s->tag,
					.tag_object = s->tag_object};

	if (judge_history(r, j, e) < 0 || repo_verify(r, &q, &who, e) < 0) {
		if (e->kind == ERR_BROKEN) /* an object is missing: it is not ours to mend */
			e->kind = ERR_REJECTED;
		return -1;
	}
	*out = cJSON_CreateString(who);
	return 0;
}

/* Tags only go up: a signed one of long ago is no new one. */
static int judge_tag(const struct sync *s, const struct anchor *a, struct err *e)
{
	if (s->config->verify.mode != VERIFY_TAG || !a->tag || strverscmp(s->tag, a->tag) >= 0)
		return 0;
	auto_free char *now = str_printable(s->tag, 200), *before = str_printable(a->tag, 200);

	return err_set(e, ERR_REJECTED, 0,
		       "tag %s is older than %s, the last accepted one. If that is meant, run "
		       "`mdc-agent accept %s`",
		       now, before, s->head);
}

static void note_accepted(struct sync *s, const char *who)
{
	s->accept = (struct anchor){
		.tag = xstrdup_null(s->tag), .who = xstrdup_null(who), .since = clock_wall()};
	memcpy(s->accept.id, s->head, sizeof(s->accept.id));
}

static int judge(struct sync *s, const struct anchor *a, struct err *e)
{
	struct judging j = {.sync = s, .anchor = a->id[0] ? a->id : NULL};
	auto_json cJSON *who = NULL;

	if (!j.anchor && without_anchor(s, &j.anchor, e) < 0)
		return -1;
	if (str_eq(j.anchor, s->head)) { /* accepted already, or by agent.yaml's own word */
		if (!a->id[0])
			note_accepted(s, "verify.initial_commit");
		return 0;
	}
	if (judge_tag(s, a, e) < 0 || with_repo(s, "verify", verify_work, &j, &who, e) < 0)
		return -1;
	note_accepted(s, cJSON_GetStringValue(who));
	return 0;
}

/* ---- telling ---- */
static int refuse(struct sync *s, const struct err *why)
{
	struct err ignored = ERR_INIT;
	const struct event_fields f = {.commit = s->head, .reason = why->cause};

	if (s->dry || (why->kind != ERR_REJECTED && why->kind != ERR_USAGE))
		return -1;
	report_failure(s, EVENT_SOURCE_REJECTED, &f, why->cause);
	if (str_eq(s->source.refused, s->head) && str_eq(s->source.refused_why, why->cause))
		return -1;
	memcpy(s->source.refused, s->head, sizeof(s->source.refused));
	free(s->source.refused_why);
	s->source.refused_why = xstrdup(why->cause);
	(void)source_write(s->store, &s->source, &ignored);
	return -1;
}

static int over(struct sync *s, struct err *e)
{
	const struct event_fields f = {.commit = s->head};

	if (s->dry || !s->source.refused[0])
		return 0;
	(void)report_recovery(s, EVENT_SOURCE_REJECTED, EVENT_SOURCE_ACCEPTED, &f,
			      "the source has an acceptable commit again");
	s->source.refused[0] = '\0';
	free(TAKE(s->source.refused_why));
	return source_write(s->store, &s->source, e);
}

/* ---- a person's word ---- */
/* Written at once: what comes of the content does not change whose word it was. */
static int take_word(struct sync *s, struct anchor *a, struct err *e)
{
	const char *id = s->options->accept;
	auto_anchor struct anchor now = {.who = xstrdup("accepted by hand"),
					 .tag = str_eq(id, s->head) ? xstrdup_null(s->tag) : NULL,
					 .since = clock_wall()};
	const struct event_fields f = {
		.commit = id, .previous = a->id, .reason = "accepted by `mdc-agent accept`"};

	(void)snprintf(now.id, sizeof(now.id), "%s", id);
	if (anchor_write(s->store, &now, e) < 0)
		return -1;
	report_event(s, EVENT_SOURCE_ACCEPTED, &f, f.reason);
	anchor_done(a);
	*a = TAKE_STRUCT(now);
	return 0;
}

int flow_verify(struct sync *s, struct err *e)
{
	auto_anchor struct anchor a = {.since = 0};

	if (s->options->rollback || s->config->source.kind == SOURCE_NONE)
		return 0;
	if (s->config->verify.mode == VERIFY_OFF) {
		follow(s);
		return over(s, e);
	}
	if (anchor_read(s->store, &a, e) < 0 && !s->options->accept)
		return -1;
	err_clear(e);
	if (s->options->accept && take_word(s, &a, e) < 0)
		return -1;
	if (judge(s, &a, e) < 0)
		return refuse(s, e);
	return over(s, e);
}

int flow_anchor(struct sync *s, struct err *e)
{
	if (!s->accept.id[0])
		return 0;
	if (anchor_write(s->store, &s->accept, e) < 0)
		return err_wrap(e, "accept %.12s", s->head);
	return 0;
}
