/*
 * pool - projects side by side: a worker for each trial that is ready, at most `parallel` at a
 * time. Depends on: sync.h.
 */
#include "agent/flow/sync.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/ysubstitute.h"

#include <poll.h>
#include <string.h>

enum { POOL_MAX = 64, TICK_MS = 200 };

struct running {
	struct worker *worker;
	struct pool_job job;
};

/* ---- no value of a file may be in what a worker says ---- */
static void add_hidden(struct substitutions *to, const struct project *p)
{
	const struct host_settings *h = &p->settings.host;
	auto_substitutions struct substitutions values = {.n = 0};
	struct err ignored = ERR_INIT;

	if (h->substitutions_from_files.n == 0 ||
	    substitutions_read(&h->substitutions, &h->substitutions_from_files, &values, &ignored) <
		    0)
		return;
	for (size_t i = 0; i < values.hidden.n; i++)
		(void)strv_add_once(&to->hidden, values.hidden.v[i]);
}

static char *masked(const struct pool_job *j, const char *text)
{
	return text && j->hidden ? substitutions_mask(j->hidden, text) : xstrdup_null(text);
}

void job_hide(struct pool_job *j)
{
	if (!j->hidden)
		j->hidden = xcalloc(1, sizeof(*j->hidden));
	if (j->trial->want)
		add_hidden(j->hidden, j->trial->want);
	add_hidden(j->hidden, &j->trial->old.want);
	add_hidden(j->hidden, &j->trial->new.want);
}

void job_mask(const struct pool_job *j, struct err *e)
{
	auto_free char *cause = masked(j, e->cause), *trail = masked(j, e->trail);

	(void)snprintf(e->cause, sizeof(e->cause), "%s", cause);
	(void)snprintf(e->trail, sizeof(e->trail), "%s", trail);
}

static int work(void *arg, struct worker_out *o, cJSON **result, struct err *e)
{
	struct pool_job *j = arg;

	job_hide(j);
	int rc = j->work(arg, o, result, e);

	if (rc < 0)
		job_mask(j, e);
	substitutions_done(j->hidden);
	free(TAKE(j->hidden));
	return rc;
}

void job_show(struct pool_job *j, const char *step, const char *said)
{
	auto_json cJSON *m = cJSON_CreateObject();
	auto_free char *detail = masked(j, said);

	if (!j->out) {
		details_step(j->trial, step, clock_ms());
		sync_show(j->sync, j->trial->name, step, detail);
		return;
	}
	json_set_str(m, "step", step);
	json_set_str(m, "detail", detail);
	json_set_int(m, "at_ms", clock_ms()); /* one clock for all processes */
	worker_send(j->out, m);
}

void job_tell(struct pool_job *j, const char *list, const char *said)
{
	auto_json cJSON *m = cJSON_CreateObject();
	auto_free char *line = masked(j, said);

	if (!j->out) {
		details_add(j->trial, list, line);
		return;
	}
	json_set_str(m, "list", list);
	json_set_str(m, "line", line);
	worker_send(j->out, m);
}

void job_tell_lines(struct pool_job *j, const char *list, const char *who, const char *text)
{
	for (const char *p = text; *p != '\0';) {
		size_t n = strcspn(p, "\n");
		auto_free char *line = xasprintf("%s: %.*s", who, (int)n, p);

		job_tell(j, list, line);
		p += n + (p[n] == '\n');
	}
}

/* What a worker said while it works: it is kept here, so it outlives the worker. */
static void take_message(struct sync *s, struct trial *t, const cJSON *m)
{
	const char *list = json_str(m, "list", NULL), *step = json_str(m, "step", "");

	if (list) {
		details_add(t, list, json_str(m, "line", ""));
		return;
	}
	details_step(t, step, json_int(m, "at_ms", 0));
	sync_show(s, t->name, step, json_str(m, "detail", NULL));
}

static int start(struct sync *s, const struct pool *p, struct trial *t, struct running *r,
		 struct err *e)
{
	struct worker_limits l = {.timeout_ms = p->timeout_ms, .max_message = 64UL * 1024 * 1024};

	r->job = (struct pool_job){.sync = s, .trial = t, .work = p->work};
	t->begun_ms = clock_ms();
	t->busy = true;
	return worker_start(t->name, work, &r->job, &l, false, &r->worker, e);
}

/* Everything a worker has to say now. True when it has ended. */
static bool drain(struct sync *s, const struct pool *p, struct running *r)
{
	for (;;) {
		auto_json cJSON *m = NULL;
		struct err why = ERR_INIT;
		enum worker_state st = worker_take(r->worker, &m, &why);
		struct trial *t = r->job.trial;

		if (st == WORKER_AGAIN)
			return false;
		if (st == WORKER_MESSAGE) {
			take_message(s, t, m);
			continue;
		}
		details_step(t, NULL, clock_ms());
		t->busy = false;
		t->took_ms += clock_ms() - t->begun_ms;
		p->ended(s, t, m, st == WORKER_DONE ? NULL : &why);
		worker_free(TAKE(r->worker));
		return true;
	}
}

static void wait_some(struct sync *s, struct running *v, size_t n)
{
	struct pollfd fds[POOL_MAX + 2];
	const struct progress *p = s->options->progress;
	int wait_ms = TICK_MS;

	for (size_t i = 0; i < n; i++) {
		int left = worker_left_ms(v[i].worker);

		fds[i] = (struct pollfd){.fd = worker_fd(v[i].worker), .events = POLLIN};
		if (left < wait_ms)
			wait_ms = left < 0 ? 0 : left;
	}
	fds[n] = (struct pollfd){.fd = s->stop.signal_fd, .events = POLLIN};
	(void)poll(fds, (nfds_t)n + 1, wait_ms);
	if (p && p->tick)
		p->tick(p->arg);
}

static void cancel(struct sync *s, const struct pool *p, struct running *v, size_t n)
{
	struct err why = ERR_INIT;

	err_set(&why, ERR_RETRY, 0, "stopped before anything was touched");
	for (size_t i = 0; i < n; i++) {
		v[i].job.trial->busy = false;
		p->ended(s, v[i].job.trial, NULL, &why);
		worker_free(TAKE(v[i].worker));
	}
}

static size_t fill(struct sync *s, const struct pool *p, struct running *v, size_t n, struct err *e)
{
	size_t most = (size_t)s->config->parallel;
	struct trial *t;

	while (n < most && n < POOL_MAX && !stop_asked(&s->stop) && (t = p->next(s))) {
		memset(&v[n], 0, sizeof(v[n]));
		if (start(s, p, t, &v[n], e) < 0) {
			t->busy = false;
			p->ended(s, t, NULL, e);
			err_clear(e);
			continue;
		}
		n++;
	}
	return n;
}

int pool_run(struct sync *s, const struct pool *p, struct err *e)
{
	/* On the heap: workers are forked with a pointer to their own job in it, so it never moves.
	 */
	auto_free struct running *v = xcalloc(POOL_MAX, sizeof(*v));
	size_t n = fill(s, p, v, 0, e);

	while (n > 0) {
		wait_some(s, v, n);
		if (p->stop_cancels && stop_asked(&s->stop)) {
			cancel(s, p, v, n);
			break;
		}
		for (size_t i = 0; i < n;) {
			if (drain(s, p, &v[i]))
				v[i] = v[--n];
			else
				i++;
		}
		n = fill(s, p, v, n, e);
	}
	if (!stop_asked(&s->stop))
		return 0;
	s->report->stopped = true;
	return err_set(e, ERR_RETRY, 0, "stopped; the work goes on at the next start");
}
