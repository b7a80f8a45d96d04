/*
 * deliver - starts `mdc-agent deliver` when the history has grown, and again when a receiver is to
 * be tried once more. The history is watched, not asked: every process of ours may write to it.
 * Depends on: daemon.h, store, sd-event.
 */
#include "agent/daemon/daemon.h"

#include "agent/store/outbox.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/str.h"
#include "common/strv.h"

#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/wait.h>

enum {
	GATHER_MS = 200, /* events come in groups */
	AGAIN_MS = 60 * 1000,
	NEXT_MAX_S = 2 * 3600,
	DEADLINE_MS = 15 * 60 * 1000,
};

struct deliver {
	struct task *task;
	sd_event_source *watch, *timer;
	bool again;     /* the history has grown since it was started */
	int64_t next_s; /* what it said last; 0: nothing, -1: nothing waits */
};

static void begin(struct daemon *d);

static int on_timer(sd_event_source *s, uint64_t usec, void *arg)
{
	(void)s;
	(void)usec;
	begin(arg);
	return 0;
}

static void on_line(struct task *t, const char *line, void *arg)
{
	struct daemon *d = arg;
	char *end = NULL;

	(void)t;
	if (!str_starts(line, "next "))
		return;
	if (strcmp(line, "next -") == 0) {
		d->deliver->next_s = -1;
		return;
	}
	long long s = strtoll(line + 5, &end, 10);
	if (*end == '\0' && s > 0)
		d->deliver->next_s = s < NEXT_MAX_S ? s : NEXT_MAX_S;
}

static void on_end(struct task *t, int status, void *arg)
{
	struct daemon *d = arg;
	struct deliver *x = d->deliver;
	char how[64];

	task_free(t);
	x->task = NULL;
	if (x->next_s == 0 && status != 0)
		log_debug("deliver %s", task_how_text(status, how, sizeof(how)));
	if (x->again)
		daemon_arm(d, &x->timer, GATHER_MS, 0, on_timer);
	else if (x->next_s >= 0)
		daemon_arm(d, &x->timer, x->next_s > 0 ? x->next_s * 1000 : AGAIN_MS, 0, on_timer);
}

static int start(struct daemon *d, struct err *e)
{
	auto_free char *program = work_program();
	auto_strv struct strv argv = STRV_INIT;

	strv_push(&argv, program);
	strv_push(&argv, "deliver");
	strv_push(&argv, "--daemon");
	if (d->config_file) {
		strv_push(&argv, "--config");
		strv_push(&argv, d->config_file);
	}
	const struct task_spec spec = {.name = "mdc-agent deliver",
				       .argv = (const char *const *)argv.v,
				       .talk = true,
				       .deadline_ms = DEADLINE_MS,
				       .on_line = on_line,
				       .on_end = on_end,
				       .arg = d};
	return task_start(d->event, &spec, &d->deliver->task, e);
}

static void begin(struct daemon *d)
{
	struct deliver *x = d->deliver;
	struct err e = ERR_INIT;

	if (d->stopping || x->task || !reports_any(&d->config.reports))
		return;
	daemon_disarm(x->timer);
	x->again = false;
	x->next_s = 0;
	if (start(d, &e) < 0) {
		log_error("%s", e.cause);
		daemon_arm(d, &x->timer, AGAIN_MS, 0, on_timer);
	}
}

static int on_change(sd_event_source *s, const struct inotify_event *i, void *arg)
{
	struct daemon *d = arg;

	(void)s;
	if (!(i->mask & IN_Q_OVERFLOW) && (i->len == 0 || strcmp(i->name, "history.jsonl") != 0))
		return 0;
	if (d->stopping || !reports_any(&d->config.reports))
		return 0;
	if (d->deliver->task)
		d->deliver->again = true;
	else
		daemon_arm(d, &d->deliver->timer, GATHER_MS, 0, on_timer);
	return 0;
}

void deliver_open(struct daemon *d)
{
	auto_free char *dir = store_path(d->store, ".");

	d->deliver = xcalloc(1, sizeof(*d->deliver));
	int r = sd_event_add_inotify(d->event, &d->deliver->watch, dir, IN_CLOSE_WRITE, on_change,
				     d);
	if (r < 0)
		log_warn("cannot watch %s: %s; reports wait for the next start", dir, strerror(-r));
	begin(d);
}

void deliver_reload(struct daemon *d)
{
	struct err e = ERR_INIT;

	if (outbox_open(d->store, &d->config, &e) < 0)
		log_warn("%s", e.cause);
	if (d->deliver->task)
		d->deliver->again = true; /* it has the old settings */
	else
		begin(d);
}

void deliver_close(struct daemon *d)
{
	struct deliver *x = d->deliver;

	if (!x)
		return;
	task_free(x->task); /* what it was about to send is sent again: at least once */
	sd_event_source_disable_unref(x->watch);
	sd_event_source_disable_unref(x->timer);
	free(x);
	d->deliver = NULL;
}
