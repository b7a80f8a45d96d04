/*
 * poll - when the source is asked, and what an answer means.
 * Depends on: daemon.h, pace, store.
 */
#include "agent/daemon/daemon.h"
#include "agent/daemon/pace.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/record.h"
#include "common/str.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
	POLL_MAX_MS = 30 * 60 * 1000,
	POLL_JITTER = 20,    /* percent */
	REPORT_FAILURES = 3, /* one lost packet is no news */
	SLACK_MS = 1000,     /* the kernel may wake us together with others */
};

/* Size and times: a change of content shows there, and nothing needs to be read. */
static void add_file(struct str *s, const char *path)
{
	struct stat st = {.st_size = -1};

	if (!path)
		return;
	/* "/path", or "key=/path". */
	const char *from = path[0] == '/' ? NULL : strchr(path, '=');

	(void)stat(from ? from + 1 : path, &st);
	str_addf(s, "%lld %lld %lld.%09ld ", (long long)st.st_ino, (long long)st.st_size,
		 (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

/* Of each file that agent.yaml names and that decides what is deployed. */
uint32_t poll_fingerprint(const struct config *c)
{
	const struct verify_config *v = &c->verify;
	auto_str struct str s = STR_INIT;

	add_file(&s, v->allowed_signers);
	add_file(&s, v->revoked);
	for (size_t i = 0; i < v->openpgp_keys.n; i++)
		add_file(&s, v->openpgp_keys.v[i]);

	for (size_t i = 0; i < c->n_projects; i++) {
		const struct settings *p = &c->projects[i].settings;
		const struct strv *const lists[] = {&p->compose_files, &p->env_files,
						    &p->host.substitutions_from_files};

		for (size_t k = 0; k < COUNT_OF(lists); k++)
			for (size_t f = 0; f < lists[k]->n; f++)
				add_file(&s, lists[k]->v[f]);
	}
	return record_crc32c(str_text(&s), s.len);
}

static void note_failure(struct daemon *d, const struct err *e)
{
	char text[sizeof(e->cause) + sizeof(e->trail) + 4];

	(void)err_text(e, text, sizeof(text));
	if (!str_eq(d->poll.error, text)) {
		log_warn("cannot ask the source: %s", text);
		free(d->poll.error);
		d->poll.error = xstrdup(text);
	}
	d->poll.failures++;
	/* Wrong credentials do not heal by themselves. */
	bool at_once = e->kind == ERR_USAGE || e->kind == ERR_REJECTED;
	if (at_once || d->poll.failures >= REPORT_FAILURES)
		daemon_source_failed(d, text);
}

static void note_success(struct daemon *d)
{
	if (d->poll.failures > 0)
		log_info("the source answers again");
	daemon_source_answers(d); /* also what a sync, or the daemon before this one, has told */
	d->poll.failures = 0;
	free(d->poll.error);
	d->poll.error = NULL;
	d->poll.seen = clock_wall();
}

/*
 * Is this another commit than the one the last sync dealt with? Tags of a file source give the tag
 * object's id, which only compares with what the same question gave before.
 */
static bool has_moved(struct daemon *d, const char *before, const char *id)
{
	const struct source_config *c = &d->config.source;

	if (c->kind == SOURCE_NONE || strcmp(id, d->poll.tried) == 0)
		return false;
	if (c->kind == SOURCE_FILE && c->tag)
		return strcmp(id, before) != 0;
	/* What was accepted is shown again, after something that was not. */
	if (strcmp(id, d->source.id) == 0)
		return d->source.refused[0] != '\0';
	daemon_look(d); /* a person may have run a sync meanwhile */
	return strcmp(id, d->source.id) != 0;
}

void poll_answered(struct daemon *d, int failed, const char *id, const struct err *e)
{
	if (failed < 0) {
		note_failure(d, e);
	} else {
		char before[OBJECT_ID_SIZE];

		if (d->config.source.kind != SOURCE_NONE)
			note_success(d);
		memcpy(before, d->poll.answer, sizeof(before));
		(void)snprintf(d->poll.answer, sizeof(d->poll.answer), "%s", id);
		if (has_moved(d, before, id))
			work_want(d, WORK_SYNC);
		else
			daemon_source_age(d);
		if (poll_fingerprint(&d->config) != d->poll.files)
			work_want(d, WORK_SYNC);
	}
	metrics_polled(d);
	poll_schedule(d);
	daemon_tell(d);
}

static int on_timer(sd_event_source *s, uint64_t usec, void *arg)
{
	struct daemon *d = arg;

	(void)s;
	(void)usec;
	/* A sync asks by itself; what comes after its question is seen at the next poll. */
	if (d->work.running != 0)
		poll_schedule(d);
	else
		ask_begin(d);
	return 0;
}

void poll_schedule(struct daemon *d)
{
	int64_t base = pace_backoff(d->config.source.poll_ms, d->poll.failures, POLL_MAX_MS);
	int64_t in_ms = pace_jitter(base, POLL_JITTER, pace_random());

	/* The first poll of many hosts that booted together: anywhere from a tenth of the interval
	 * on. */
	if (d->poll.next_ms == 0)
		in_ms = pace_jitter(base / 2, 80, pace_random());
	d->poll.next_ms = clock_ms() + in_ms;
	daemon_arm(d, &d->poll.timer, in_ms, SLACK_MS, on_timer);
}

void poll_soon(struct daemon *d)
{
	if (d->stopping)
		return;
	if (d->work.running != 0)
		d->work.again = true;
	else
		ask_begin(d);
}

void poll_close(struct daemon *d)
{
	d->poll.timer = sd_event_source_disable_unref(d->poll.timer);
	free(d->poll.error);
	d->poll.error = NULL;
}
