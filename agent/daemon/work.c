/*
 * work - the one child that works: a sync, a sync that also looks at what runs, or the daily
 * cleaning up; and when the next one may start.
 * Depends on: daemon.h, pace.
 */
#include "agent/daemon/daemon.h"
#include "agent/daemon/pace.h"

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/self.h"
#include "common/str.h"
#include "common/strv.h"

#include <inttypes.h>
#include <malloc.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	START_GAP_MS = 1000, /* between two starts: a storm of pokes is one sync a second at most */
	RETRY_MS = 30 * 1000,
	RETRY_MAX_MS = 30 * 60 * 1000,
	RETRY_JITTER = 20,
	DRIFT_MS = 10 * 1000, /* events come in bursts */
	DRIFT_MAX_MS = 10 * 60 * 1000,
	DRIFT_CALM_MS = 60 * 1000, /* without a check for so long: nothing loops */
	GC_FIRST_MS = 60 * 60 * 1000,
	GC_MS = 24 * 60 * 60 * 1000,
	GC_JITTER = 10,
	NOT_FOUND = 127,
};

static void begin(struct daemon *d);

static int on_start_timer(sd_event_source *s, uint64_t usec, void *arg)
{
	(void)s;
	(void)usec;
	begin(arg);
	return 0;
}

static int on_retry_timer(sd_event_source *s, uint64_t usec, void *arg)
{
	(void)s;
	(void)usec;
	work_want(arg, WORK_SYNC);
	return 0;
}

static void retry_later(struct daemon *d)
{
	int64_t base = pace_backoff(RETRY_MS, d->work.failures, RETRY_MAX_MS);
	int64_t in_ms = pace_jitter(base, RETRY_JITTER, pace_random());

	d->work.failures++;
	log_info("trying again in %" PRId64 " s", in_ms / 1000);
	daemon_arm(d, &d->work.retry_timer, in_ms, START_GAP_MS, on_retry_timer);
}

/* The exit codes that say how it went with the projects. */
static bool is_result(int code)
{
	return code == 0 || code == err_exit_code(ERR_FAILED) ||
	       code == err_exit_code(ERR_BROKEN) || code == err_exit_code(ERR_REJECTED);
}

static void note_error(struct daemon *d, int status)
{
	char how[64];
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;

	free(d->work.error);
	d->work.error = NULL;
	if (is_result(code))
		return; /* which the sync itself has reported */
	if (code == err_exit_code(ERR_RETRY))
		d->work.error = xstrdup("the last sync could not finish and is tried again");
	else
		d->work.error = xasprintf("the last %s %s", work_name(d),
					  task_how_text(status, how, sizeof(how)));
	if (code == NOT_FOUND)
		log_error("cannot run the program mdc-agent: is it installed?");
	else if (code != err_exit_code(ERR_RETRY))
		log_error("%s", d->work.error);
}

/* A sync has ended: is there to be another one without anything new to deploy? */
static void judge_sync(struct daemon *d, int status)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;

	if (code == 0 || code == err_exit_code(ERR_FAILED))
		d->work.degraded = false;
	if (code == err_exit_code(ERR_BROKEN))
		d->work.degraded = true;
	/* A commit that was rejected is rejected: only another one, or another agent.yaml, changes
	 * that. */
	bool done = code == err_exit_code(ERR_REJECTED) || (is_result(code) && d->source.settled);
	if (!done && !d->stopping) {
		retry_later(d);
		return;
	}
	d->work.failures = 0;
	daemon_disarm(d->work.retry_timer);
	if (code != err_exit_code(ERR_REJECTED))
		d->poll.tried[0] = '\0';
}

static void on_end(struct task *t, int status, void *arg)
{
	struct daemon *d = arg;
	unsigned int did = d->work.running;

	note_error(d, status);
	task_free(t);
	d->work.task = NULL;
	d->work.running = 0;
	daemon_look(d);
	if (did & (WORK_SYNC | WORK_DRIFT))
		judge_sync(d, status);
	(void)malloc_trim(0);
	if (d->stopping) {
		(void)sd_event_exit(d->event, 0);
		return;
	}
	daemon_tell(d);
	begin(d);
	if (d->work.moved) {
		d->work.moved = false;
		work_drifted(d, NULL);
	}
	if (d->work.again) {
		d->work.again = false;
		poll_soon(d);
	}
}

/* Beside us in a build tree; installed, we are in libexec and it is not. */
char *work_program(void)
{
	char *beside = self_program("mdc-agent");

	if (access(beside, X_OK) == 0)
		return beside;
	free(beside);
	return xstrdup(MDC_BINDIR "/mdc-agent");
}

static int start(struct daemon *d, unsigned int what, struct err *e)
{
	auto_free char *program = work_program();
	auto_strv struct strv argv = STRV_INIT;

	strv_push(&argv, program);
	strv_push(&argv, what & WORK_GC ? "gc" : "sync");
	strv_push(&argv, "--daemon");
	if (what & WORK_DRIFT)
		strv_push(&argv, "--drift");
	if (d->config_file) {
		strv_push(&argv, "--config");
		strv_push(&argv, d->config_file);
	}
	/* It may take hours (pulls, hooks), and each thing it does has a deadline of its own. */
	const struct task_spec spec = {.name = "mdc-agent",
				       .argv = (const char *const *)argv.v,
				       .outlive = true,
				       .on_end = on_end,
				       .arg = d};
	return task_start(d->event, &spec, &d->work.task, e);
}

static unsigned int choose(struct daemon *d)
{
	unsigned int what = d->work.wanted & (WORK_SYNC | WORK_DRIFT);

	if (what == 0)
		what = d->work.wanted & WORK_GC;
	return what;
}

static void note_start(struct daemon *d, unsigned int what)
{
	d->work.wanted &= ~what;
	if (what & WORK_DRIFT)
		d->work.wanted &= ~(unsigned int)WORK_SYNC;
	d->work.running = what;
	if (what & WORK_GC)
		return;
	memcpy(d->poll.tried, d->poll.answer, sizeof(d->poll.tried));
	d->poll.files = poll_fingerprint(&d->config);
	daemon_disarm(d->work.retry_timer);
}

static void begin(struct daemon *d)
{
	unsigned int what = choose(d);
	int64_t gap = d->work.began_ms + START_GAP_MS - clock_ms();
	struct err e = ERR_INIT;

	if (d->stopping || d->work.running != 0 || what == 0)
		return;
	if (d->work.began_ms != 0 && gap > 0) {
		daemon_arm(d, &d->work.start_timer, gap, 0, on_start_timer);
		return;
	}
	d->work.began_ms = clock_ms();
	note_start(d, what);
	if (start(d, what, &e) < 0) {
		log_error("%s", e.cause);
		d->work.running = 0;
		retry_later(d);
	}
	daemon_tell(d);
}

void work_want(struct daemon *d, unsigned int what)
{
	d->work.wanted |= what;
	begin(d);
}

static int on_drift_timer(sd_event_source *s, uint64_t usec, void *arg)
{
	struct daemon *d = arg;

	(void)s;
	(void)usec;
	d->work.drift_ms = clock_ms();
	d->work.drift_checks++;
	work_want(d, WORK_DRIFT);
	return 0;
}

void work_drifted(struct daemon *d, const char *project)
{
	int enabled = SD_EVENT_OFF;

	if (d->work.drift_timer)
		(void)sd_event_source_get_enabled(d->work.drift_timer, &enabled);
	/* Most events of a running sync are its own doing; one that is not must not be lost. */
	if (d->work.running)
		d->work.moved = true;
	if (d->stopping || d->work.running || enabled != SD_EVENT_OFF)
		return;
	int64_t in_ms = pace_backoff(DRIFT_MS, d->work.drift_checks, DRIFT_MAX_MS);
	/* A container that is restarted again and again must not keep us looking all the time. */
	if (clock_ms() - d->work.drift_ms > in_ms + DRIFT_CALM_MS) {
		d->work.drift_checks = 0;
		in_ms = DRIFT_MS;
	}
	log_debug("%s: looking at what runs in %" PRId64 " s",
		  project ? project : "something moved", in_ms / 1000);
	daemon_arm(d, &d->work.drift_timer, in_ms, START_GAP_MS, on_drift_timer);
}

static int on_gc_timer(sd_event_source *s, uint64_t usec, void *arg)
{
	struct daemon *d = arg;

	(void)s;
	(void)usec;
	daemon_arm(d, &d->work.gc_timer, pace_jitter(GC_MS, GC_JITTER, pace_random()), 60 * 1000,
		   on_gc_timer);
	/* Once a day also look at what runs, whatever the engine told us or did not. */
	work_want(d, WORK_DRIFT | WORK_GC);
	return 0;
}

const char *work_name(const struct daemon *d)
{
	if (d->work.running & WORK_GC)
		return "gc";
	if (d->work.running & WORK_SYNC)
		return "sync";
	return d->work.running & WORK_DRIFT ? "drift check" : NULL;
}

void work_open(struct daemon *d)
{
	daemon_arm(d, &d->work.gc_timer, pace_jitter(GC_FIRST_MS, GC_JITTER, pace_random()),
		   60 * 1000, on_gc_timer);
	/* Whatever was cut off is finished or undone first, and nobody told us what changed while
	 * we were away. */
	work_want(d, WORK_SYNC | WORK_DRIFT);
}

void work_close(struct daemon *d)
{
	sd_event_source **const timers[] = {&d->work.start_timer, &d->work.retry_timer,
					    &d->work.drift_timer, &d->work.gc_timer};

	for (size_t i = 0; i < COUNT_OF(timers); i++)
		*timers[i] = sd_event_source_disable_unref(*timers[i]);
	if (d->work.task)
		task_leave(d->work.task);
	d->work.task = NULL;
	free(d->work.error);
	d->work.error = NULL;
}
