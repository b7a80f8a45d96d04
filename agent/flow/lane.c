/*
 * lane - one receiver's way through the history: what waits, one try after the other, and when to
 * come back. At least once: the cursor moves after the receiver has taken an event, so a kill in
 * between sends it again, with the same id.
 * Depends on: deliver.h, store, notify.
 */
#include "agent/flow/lane.h"

#include "agent/notify/journal.h"
#include "agent/notify/receiver.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/str.h"

#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

enum {
	BATCH = 32,
	RETRY_S = 5,
	REFUSED_S = 60, /* a wrong token does not become right in seconds */
	RETRY_MAX_S = 3600,
	JITTER_PERCENT = 20,
	TELL_FAILURES = 3,
	TELL_AFTER_S = 300,
	UNFIT_S = 24 * 3600, /* one event that a receiver does not take must not stop all others */
	RUN_MAX_MS = 4 * 60 * 1000,
};

const char *lane_name(const struct lane_job *j)
{
	return j->webhook ? j->webhook->name : OUTBOX_FORGE;
}

bool lane_wants(const struct lane_job *j, const struct cursor *c, const cJSON *entry)
{
	if (json_int(entry, "seq", 0) <= c->skip_to && lane_informational(entry))
		return false;
	return j->webhook ? reports_wants(j->webhook, json_str(entry, "event", ""))
			  : forge_wants(entry);
}

static int save(const struct lane *l, struct err *e)
{
	return outbox_write(l->job->store, lane_name(l->job), &l->cursor, e);
}

/* What happens to a receiver is an event like any other; it goes to the receivers too. */
void lane_tell(const struct lane *l, enum event ev, const char *reason)
{
	const char *name = lane_name(l->job);
	auto_free char *message = xasprintf("%s: %s", name, reason);
	const struct event_fields f = {
		.host = l->job->config->host, .receiver = name, .reason = reason};
	struct err ignored = ERR_INIT;

	(void)history_add(l->job->store, ev, &f, message, &ignored);
	journal_send(ev, &f, message);
}

/* ---- one try ---- */

static int send_webhook(struct lane *l, const cJSON *entry, struct verdict *v, struct err *e)
{
	const struct webhook_config *w = l->job->webhook;
	auto_receiver_keys struct receiver_keys k = {.secret = NULL};
	auto_request struct request r = {.method = NULL};

	if (receiver_keys_read(w, &k, e) < 0 ||
	    receiver_build(w, &k, entry, clock_wall(), &r, e) < 0) {
		v->refused = true;
		return -1;
	}
	return request_send(&r, w->ca_file, v, e);
}

/* GitLab refuses a state that the commit has already with 400: that is no failure. */
static bool is_settled(const struct forge_config *f, const struct verdict *v)
{
	return f->kind == FORGE_GITLAB && v->status == 400;
}

static int send_forge(struct lane *l, const cJSON *entry, struct verdict *v, struct err *e)
{
	const struct forge_config *f = &l->job->config->reports.forge;
	auto_forge_call struct forge_call call = {.n = 0};
	auto_free char *token = NULL;

	if (receiver_token_read(f->token_file, &token, e) < 0 ||
	    forge_build(f, l->job->config->host, token, entry, &call, e) < 0) {
		v->refused = true;
		return -1;
	}
	if (str_eq(call.what, l->cursor.last))
		return 0;
	for (size_t i = 0; i < call.n; i++) {
		if (request_send(&call.requests[i], f->ca_file, v, e) < 0 && !is_settled(f, v))
			return -1;
		err_clear(e);
	}
	free(l->cursor.last);
	l->cursor.last = TAKE(call.what);
	return 0;
}

/* ---- when it fails ---- */

int64_t lane_backoff_s(int failures, bool refused, unsigned int random)
{
	int64_t s = refused ? REFUSED_S : RETRY_S;

	for (int i = 1; i < failures && s < RETRY_MAX_S; i++)
		s *= 2;
	if (s > RETRY_MAX_S)
		s = RETRY_MAX_S;
	int64_t spread = s * JITTER_PERCENT / 100;
	return s - (spread > 0 ? (int64_t)(random % (unsigned int)(spread + 1)) : 0);
}

static int64_t next_try(const struct lane *l, const struct verdict *v, int64_t now)
{
	unsigned int random = 0;

	(void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
	int64_t in_s = lane_backoff_s(l->cursor.failures, v->refused, random);
	int64_t asked = v->retry_after_s < RETRY_MAX_S ? v->retry_after_s : RETRY_MAX_S;

	return now + (asked > in_s ? asked : in_s);
}

static int note_failure(struct lane *l, const struct verdict *v, const struct err *why,
			struct err *e)
{
	struct cursor *c = &l->cursor;
	int64_t now = clock_wall();
	char text[sizeof(why->cause) + sizeof(why->trail) + 4];

	(void)err_text(why, text, sizeof(text));
	free(c->last_error);
	c->last_error = str_printable(text, 500);
	c->failures++;
	if (c->first_failure == 0 || c->first_failure > now)
		c->first_failure = now;
	c->next_try = next_try(l, v, now);
	bool tell = !c->told &&
		    (c->failures >= TELL_FAILURES || now - c->first_failure >= TELL_AFTER_S);
	if (tell) {
		auto_free char *reason =
			xasprintf("%s; %" PRId64 " wait", c->last_error, l->waiting);

		lane_tell(l, EVENT_WEBHOOK_UNDELIVERABLE, reason);
		c->told = true;
	}
	return save(l, e);
}

/* ---- in order ---- */

static int note_taken(struct lane *l, int64_t seq, struct err *e)
{
	struct cursor *c = &l->cursor;

	c->acked = seq;
	c->failures = 0;
	c->first_failure = c->next_try = 0;
	free(TAKE(c->last_error));
	l->waiting -= l->waiting > 0;
	return save(l, e);
}

/* An event that this receiver has refused for a day is given up for it. */
static bool give_up(struct lane *l, const struct verdict *v)
{
	struct cursor *c = &l->cursor;

	if (!v->unfit || c->first_failure == 0 || clock_wall() - c->first_failure < UNFIT_S)
		return false;
	c->dropped++;
	lane_tell(l, EVENT_WEBHOOK_DROPPED, "1 report was given up: the receiver refuses it");
	return true;
}

/* 1: taken, 0: not now. */
static int try_one(struct lane *l, const cJSON *entry, struct err *e)
{
	struct verdict v = {.status = 0};
	struct err why = ERR_INIT;
	int64_t seq = json_int(entry, "seq", 0);
	int rc =
		l->job->webhook ? send_webhook(l, entry, &v, &why) : send_forge(l, entry, &v, &why);

	if (rc == 0)
		l->delivered++;
	if (rc == 0 || give_up(l, &v))
		return note_taken(l, seq, e) < 0 ? -1 : 1;
	return note_failure(l, &v, &why, e) < 0 ? -1 : 0;
}

static int collect(const cJSON *entry, void *arg)
{
	cJSON_AddItemToArray(arg, cJSON_Duplicate(entry, true));
	return 0;
}

/* One batch. 1: go on, 0: it is over for now. */
static int batch(struct lane *l, struct err *e)
{
	auto_json cJSON *list = cJSON_CreateArray();
	const cJSON *i;

	if (history_from(l->job->store, l->cursor.acked, BATCH, collect, list, e) < 0)
		return -1;
	cJSON_ArrayForEach (i, list) {
		if (!lane_wants(l->job, &l->cursor, i)) {
			l->cursor.acked = json_int(i, "seq", l->cursor.acked);
			continue;
		}
		int rc = try_one(l, i, e);
		if (rc <= 0)
			return rc;
		if (deadline_over(l->until))
			return 0;
	}
	return list && list->child;
}

static int recovered(struct lane *l, struct err *e)
{
	struct cursor *c = &l->cursor;
	auto_str struct str text = STR_INIT;

	str_addf(&text, "takes reports again; %" PRId64 " were delivered", l->delivered);
	if (c->dropped > 0)
		str_addf(&text, ", %" PRId64 " had been given up", c->dropped);
	lane_tell(l, EVENT_WEBHOOK_DELIVERABLE, str_text(&text));
	c->told = c->told_dropped = false;
	c->dropped = 0;
	return save(l, e);
}

/* The clock may have been put back: nobody waits for longer than the longest pause. */
static bool is_due(const struct lane *l)
{
	int64_t in_s = l->cursor.next_try - clock_wall();

	return !l->job->due || in_s <= 0 || in_s > RETRY_MAX_S * 2;
}

static int drive(struct lane *l, struct err *e)
{
	int64_t began = l->cursor.acked;
	int rc = 1;

	while (rc == 1) {
		if (lane_survey(l, e) < 0)
			return -1;
		if (l->waiting > 0 && !is_due(l))
			break;
		while ((rc = batch(l, e)) == 1)
			;
		/* It goes on by one: the report of its recovery is for it as well. */
		bool well = rc == 0 && l->cursor.failures == 0 && l->delivered > 0;
		if (well && l->cursor.told && !deadline_over(l->until))
			rc = recovered(l, e) < 0 ? -1 : 1;
	}
	if (rc < 0)
		return -1;
	return l->cursor.acked != began ? save(l, e) : 0;
}

static cJSON *result_of(const struct lane *l)
{
	cJSON *j = cJSON_CreateObject();

	json_set_int(j, "delivered", l->delivered);
	json_set_int(j, "waiting", l->waiting);
	if (l->waiting > 0)
		json_set_int(j, "next_try",
			     l->cursor.next_try > 0 ? l->cursor.next_try : clock_wall());
	json_set_str(j, "error", l->cursor.last_error);
	return j;
}

int lane_run(void *job, struct worker_out *o, cJSON **result, struct err *e)
{
	struct lane l = {.job = job, .until = deadline_in(RUN_MAX_MS)};
	bool found = false;

	(void)o;
	if (outbox_read(l.job->store, lane_name(l.job), &l.cursor, &found, e) < 0)
		return -1;
	int rc = found ? drive(&l, e) : save(&l, e);
	if (rc == 0)
		*result = result_of(&l);
	cursor_done(&l.cursor);
	return rc;
}
