/*
 * daemon - start, signals, reload and stop of the loop.
 * Depends on: daemon.h, status, store, notify.
 */
#include "agent/daemon/daemon.h"
#include "agent/daemon/status.h"

#include "common/clock.h"
#include "common/lock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/str.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>

enum {
	STOP_MAX_MS = 90 * 1000,
	STOP_STEP_MS = 10 * 1000,
	EXTEND_US = 20 * 1000 * 1000,
};

void daemon_arm(struct daemon *d, sd_event_source **s, int64_t in_ms, int64_t slack_ms,
		sd_event_time_handler_t fn)
{
	uint64_t in_us = (uint64_t)in_ms * 1000;
	int r;

	if (*s) {
		r = sd_event_source_set_time_relative(*s, in_us);
		if (r >= 0)
			r = sd_event_source_set_enabled(*s, SD_EVENT_ONESHOT);
	} else {
		/* 0 would mean a quarter of a second to sd-event. BOOTTIME: sleep counts. */
		uint64_t slack_us = slack_ms > 0 ? (uint64_t)slack_ms * 1000 : 1000;

		r = sd_event_add_time_relative(d->event, s, CLOCK_BOOTTIME, in_us, slack_us, fn, d);
	}
	if (r < 0) {
		log_error("cannot set a timer: %s", strerror(-r));
		(void)sd_event_exit(d->event, err_exit_code(ERR_RETRY));
	}
}

void daemon_disarm(sd_event_source *s)
{
	if (s)
		(void)sd_event_source_set_enabled(s, SD_EVENT_OFF);
}

void daemon_look(struct daemon *d)
{
	struct source_record r = {.settled = false};
	struct err e = ERR_INIT;

	if (current_read(d->store, &d->generation, &e) < 0)
		log_warn("%s", e.cause);
	if (source_read(d->store, &r, &e) < 0) {
		log_warn("%s", e.cause);
		return;
	}
	source_record_done(&d->source);
	d->source = r;
}

static struct status_view view_of(const struct daemon *d)
{
	int64_t left = d->poll.next_ms - clock_ms();

	return (struct status_view){
		.stopping = d->stopping,
		.degraded = d->work.degraded,
		.doing = work_name(d),
		.has_source = d->config.source.kind != SOURCE_NONE,
		.generation = d->generation,
		.seen = d->poll.seen,
		.next_poll_ms = left > 0 ? left : 0,
		.failures = d->poll.failures,
		.error = d->poll.error ? d->poll.error : d->work.error,
	};
}

char *daemon_status_json(const struct daemon *d)
{
	const struct status_view v = view_of(d);

	return status_json(&v);
}

void daemon_tell(struct daemon *d)
{
	const struct status_view v = view_of(d);
	auto_free char *text = status_text(&v);

	if (str_eq(text, d->status))
		return;
	(void)sd_notifyf(0, "STATUS=%s", text);
	free(d->status);
	d->status = TAKE(text);
}

/* ---- SIGHUP ---- */

static int load(const char *file, struct config *out, struct err *e)
{
	auto_diags struct diags found = DIAGS_INIT;

	return config_load(file, &found, out, e);
}

static void apply_config(struct daemon *d, struct config *next)
{
	bool moved = !str_eq(next->state_dir, d->config.state_dir) ||
		     !str_eq(next->runtime_dir, d->config.runtime_dir);
	bool changed = !str_eq(next->digest, d->config.digest);

	if (moved) {
		log_error(
			"state_dir or runtime_dir has changed: restart mdc-agent; until then the old "
			"agent.yaml is in use");
		config_done(next);
		return;
	}
	ask_close(d);
	follow_close(d);
	config_done(&d->config);
	d->config = *next;
	/* Another source perhaps: what the old one said means nothing any more. */
	d->poll.answer[0] = d->poll.tried[0] = '\0';
	d->poll.failures = 0;
	follow_open(d);
	deliver_reload(d);
	poll_schedule(d);
	log_info("agent.yaml was read again");
	if (changed)
		work_want(d, WORK_SYNC);
}

static int on_hangup(sd_event_source *s, const struct signalfd_siginfo *si, void *arg)
{
	struct daemon *d = arg;
	struct config next = {.file = NULL};
	struct err e = ERR_INIT;
	struct timespec now = {0};

	(void)s;
	(void)si;
	if (d->stopping)
		return 0;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
			 (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	if (load(d->config_file, &next, &e) == 0)
		apply_config(d, &next);
	else
		log_error("the old settings stay in use: %s", e.cause);
	(void)malloc_trim(0);
	(void)sd_notify(0, "READY=1");
	daemon_tell(d);
	return 0;
}

/* ---- SIGTERM ---- */

static int on_stop_timer(sd_event_source *s, uint64_t usec, void *arg)
{
	struct daemon *d = arg;

	(void)s;
	(void)usec;
	if (clock_ms() - d->stop_began_ms >= STOP_MAX_MS) {
		/* Its intent is on disk: the next start goes on from there. */
		log_warn("the sync has not come to an end in time; leaving it");
		(void)sd_event_exit(d->event, 0);
		return 0;
	}
	(void)sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%d", EXTEND_US);
	daemon_arm(d, &d->stop_timer, STOP_STEP_MS, 0, on_stop_timer);
	return 0;
}

static int on_terminate(sd_event_source *s, const struct signalfd_siginfo *si, void *arg)
{
	struct daemon *d = arg;

	(void)s;
	(void)si;
	if (d->stopping)
		return 0;
	d->stopping = true;
	d->stop_began_ms = clock_ms();
	(void)sd_notify(0, "STOPPING=1");
	daemon_tell(d);
	ask_close(d);
	follow_close(d);
	deliver_close(d);
	control_socket_close(d);
	if (!d->work.task) {
		(void)sd_event_exit(d->event, 0);
		return 0;
	}
	task_ask_to_stop(d->work.task);
	(void)on_stop_timer(NULL, 0, d);
	return 0;
}

/* ---- start ---- */

static int open_loop(struct daemon *d, struct err *e)
{
	int r = sd_event_new(&d->event);
	sigset_t mask;

	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGTERM);
	(void)sigaddset(&mask, SIGINT);
	(void)sigaddset(&mask, SIGHUP);
	(void)sigaddset(&mask, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &mask, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	if (r >= 0)
		r = sd_event_add_signal(d->event, NULL, SIGTERM, on_terminate, d);
	if (r >= 0)
		r = sd_event_add_signal(d->event, NULL, SIGINT, on_terminate, d);
	if (r >= 0)
		r = sd_event_add_signal(d->event, NULL, SIGHUP, on_hangup, d);
	if (r >= 0)
		r = sd_event_set_watchdog(d->event, true);
	return r >= 0 ? 0 : err_set(e, ERR_RETRY, -r, "cannot set up the event loop");
}

static int open_state(struct daemon *d, struct err *e)
{
	if (load(d->config_file, &d->config, e) < 0 ||
	    store_open(&d->config, true, &d->store, e) < 0)
		return -1;
	auto_free char *path = store_path(d->store, "daemon.lock");
	if (lock_take(path, "mdc-agent run", 0, &d->lock_fd, e) < 0)
		return err_wrap(e, "another daemon looks after %s", d->config.state_dir);
	daemon_look(d);
	return 0;
}

static void close_all(struct daemon *d)
{
	work_close(d);
	ask_close(d);
	poll_close(d);
	follow_close(d);
	deliver_close(d);
	control_socket_close(d);
	sd_event_source_disable_unref(d->stop_timer);
	sd_event_unref(d->event);
	lock_drop(d->lock_fd);
	if (d->store)
		store_close(d->store);
	source_record_done(&d->source);
	config_done(&d->config);
	free(d->config_file);
	free(d->status);
}

static int run(struct daemon *d, struct err *e)
{
	struct err why = ERR_INIT;

	if (open_state(d, e) < 0 || open_loop(d, e) < 0)
		return -1;
	/* Without it only pokes are lost. */
	if (control_socket_open(d, &why) < 0)
		log_warn("%s", why.cause);
	daemon_report(d, EVENT_AGENT_STARTED, NULL, NULL);
	/* Under `podman unshare` we are not the process that the service manager started. */
	(void)sd_notifyf(0, "READY=1\nMAINPID=%lu", (unsigned long)getpid());
	work_open(d);
	follow_open(d);
	deliver_open(d);
	poll_schedule(d);
	daemon_tell(d);
	int r = sd_event_loop(d->event);
	if (r < 0)
		return err_set(e, ERR_RETRY, -r, "the event loop failed");
	daemon_report(d, EVENT_AGENT_STOPPED, NULL, NULL);
	return r;
}

int daemon_run(const char *config_file)
{
	struct daemon d = {.config_file = xstrdup_null(config_file), .lock_fd = -1};
	struct err e = ERR_INIT;
	char text[sizeof(e.cause) + sizeof(e.trail) + 4];
	int code = run(&d, &e);

	if (code < 0) {
		log_error("%s", err_text(&e, text, sizeof(text)));
		code = err_exit_code(e.kind);
	}
	close_all(&d);
	return code;
}
