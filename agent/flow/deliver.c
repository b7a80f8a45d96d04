/*
 * deliver - a lane for each receiver, side by side, and the next one as soon as something new
 * waits: a receiver that hangs holds up nobody but itself.
 * Depends on: deliver.h, store, worker, lock.
 */
#include "agent/flow/deliver.h"

#include "common/clock.h"
#include "common/detach.h"
#include "common/json.h"
#include "common/lock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/self.h"
#include "common/str.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOOK_MS = 500, LATER_WAIT_MS = 30000, SOON_S = 5 };

static const struct worker_limits limits = {.timeout_ms = 5 * 60 * 1000,
					    .max_memory = 256UL * 1024 * 1024};

struct lane_slot {
	struct lane_job job;
	struct worker *worker; /* NULL: at rest */
	struct lane_report *report;
	int64_t seen; /* the history's last seq when it began */
};

struct run {
	const struct config *config;
	const struct deliver_options *options;
	struct store *store;
	struct lane_slot *lanes;
	size_t n;
};

void deliver_report_done(struct deliver_report *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->v[i].name);
		free(r->v[i].error);
	}
	free(r->v);
	*r = (struct deliver_report){.n = 0};
}

static void begin(struct run *r, struct lane_slot *l)
{
	struct err e = ERR_INIT;

	(void)history_last_seq(r->store, &l->seen, &e);
	if (worker_start(lane_name(&l->job), lane_run, &l->job, &limits, false, &l->worker, &e) ==
	    0)
		return;
	free(l->report->error);
	l->report->error = xstrdup(e.cause);
	l->report->next_try = clock_wall() + SOON_S;
}

static void end(struct lane_slot *l, const cJSON *result, const struct err *failed)
{
	struct lane_report *r = l->report;
	const char *error = failed ? failed->cause : json_str(result, "error", NULL);

	worker_free(l->worker);
	l->worker = NULL;
	free(r->error);
	r->error = xstrdup_null(error);
	r->delivered += json_int(result, "delivered", 0);
	r->waiting = json_int(result, "waiting", failed ? 1 : 0);
	r->next_try = json_int(result, "next_try", failed ? clock_wall() + SOON_S : 0);
}

static void take(struct lane_slot *l)
{
	auto_json cJSON *m = NULL;
	struct err why = ERR_INIT;

	switch (worker_take(l->worker, &m, &why)) {
	case WORKER_DONE:
		end(l, m, NULL);
		break;
	case WORKER_FAILED:
		end(l, NULL, &why);
		break;
	default:
		break;
	}
}

/* What came meanwhile, for lanes that are at rest and not in a pause after a failure. */
static void look_again(struct run *r)
{
	struct err ignored = ERR_INIT;
	int64_t last = 0;

	if (history_last_seq(r->store, &last, &ignored) < 0)
		return;
	for (size_t i = 0; i < r->n; i++) {
		struct lane_slot *l = &r->lanes[i];

		if (!l->worker && last > l->seen && !l->report->error)
			begin(r, l);
	}
}

static void wait_for_lanes(struct run *r)
{
	auto_free struct pollfd *fds = xcalloc(r->n, sizeof(*fds));

	for (;;) {
		bool busy = false;

		for (size_t i = 0; i < r->n; i++) {
			const struct worker *w = r->lanes[i].worker;

			fds[i] = (struct pollfd){.fd = w ? worker_fd(w) : -1, .events = POLLIN};
			busy |= w != NULL;
		}
		if (!busy)
			return;
		(void)poll(fds, r->n, LOOK_MS);
		for (size_t i = 0; i < r->n; i++)
			if (r->lanes[i].worker)
				take(&r->lanes[i]);
		look_again(r);
	}
}

static void open_lanes(struct run *r, struct deliver_report *out)
{
	const struct reports_config *c = &r->config->reports;

	r->n = c->n + (c->forge.kind != FORGE_NONE);
	r->lanes = xcalloc(r->n + 1, sizeof(*r->lanes));
	out->v = xcalloc(r->n + 1, sizeof(*out->v));
	out->n = r->n;
	for (size_t i = 0; i < r->n; i++) {
		struct lane_slot *l = &r->lanes[i];

		l->job = (struct lane_job){.config = r->config,
					   .store = r->store,
					   .webhook = i < c->n ? &c->webhooks[i] : NULL,
					   .due = r->options->due};
		l->report = &out->v[i];
		l->report->name = xstrdup(lane_name(&l->job));
	}
}

static int64_t next_of(const struct deliver_report *r)
{
	int64_t next = -1, now = clock_wall();

	for (size_t i = 0; i < r->n; i++) {
		int64_t in_s = r->v[i].next_try - now;

		if (r->v[i].next_try == 0)
			continue;
		in_s = in_s > 1 ? in_s : 1;
		next = next < 0 || in_s < next ? in_s : next;
	}
	return next;
}

static int deliver(struct run *r, struct deliver_report *out, struct err *e)
{
	auto_free char *lock = store_path(r->store, "outbox.lock");
	int fd = -1;

	if (lock_take(lock, "deliver", r->options->lock_wait_ms, &fd, e) < 0)
		return -1;
	int rc = outbox_tidy(r->store, r->config, e);
	if (rc == 0) {
		open_lanes(r, out);
		for (size_t i = 0; i < r->n; i++)
			begin(r, &r->lanes[i]);
		wait_for_lanes(r);
		out->next_s = next_of(out);
		free(r->lanes);
	}
	lock_drop(fd);
	return rc;
}

int flow_deliver(const struct config *c, const struct deliver_options *o, struct deliver_report *r,
		 struct err *e)
{
	auto_store struct store *store = NULL;

	*r = (struct deliver_report){.next_s = -1};
	if (!reports_any(&c->reports))
		return 0;
	if (store_open(c, true, &store, e) < 0)
		return -1;
	struct run run = {.config = c, .options = o, .store = store};
	return deliver(&run, r, e);
}

/* ---- beside or behind a verb ---- */

static bool daemon_runs(const struct store *s)
{
	auto_free char *lock = store_path(s, "daemon.lock");
	char holder[256];

	return *lock_holder(lock, holder, sizeof(holder)) != '\0';
}

static bool is_due(const struct config *c)
{
	auto_store struct store *store = NULL;
	struct err ignored = ERR_INIT;
	int64_t at = 0;

	return store_open(c, false, &store, &ignored) == 0 && !daemon_runs(store) &&
	       outbox_due(store, c, &at, &ignored) == 0 && at != 0 && at <= clock_wall();
}

static void start_beside(const char *config_file)
{
	auto_free char *program = self_program("mdc-agent");
	auto_free char *file = config_file ? realpath(config_file, NULL) : NULL;
	const char *argv[] = {program, "deliver", "--background", file ? "--config" : NULL,
			      file,    NULL};
	struct err e = ERR_INIT;

	if (detach_start(argv, &e) < 0)
		log_debug("%s", e.cause);
}

void flow_deliver_later(const struct config *c, const char *config_file)
{
	const struct deliver_options o = {.due = true, .lock_wait_ms = LATER_WAIT_MS};
	auto_deliver_report struct deliver_report r = {.n = 0};
	struct err ignored = ERR_INIT;

	if (!reports_any(&c->reports) || !is_due(c))
		return;
	if (getenv("INVOCATION_ID") && isatty(STDERR_FILENO) != 1)
		(void)flow_deliver(c, &o, &r, &ignored);
	else
		start_beside(config_file);
}
