/*
 * deliver - sending reports: each receiver has a lane of its own, a worker that takes what waits in
 * the history, in order, and tries again later where it stopped. A deployment never waits for this.
 * Depends on: flow, store, notify.
 */
#pragma once

#include "agent/model/config.h"
#include "agent/store/outbox.h"
#include "common/err.h"
#include "common/worker.h"

#include <stdbool.h>
#include <stdint.h>

struct deliver_options {
	bool due;         /* only what is due; else a receiver that failed is tried at once */
	int lock_wait_ms; /* another one may be under way */
};

struct lane_report {
	char *name;
	int64_t delivered, waiting;
	int64_t next_try; /* wall clock; 0: nothing waits */
	char *error;      /* why something waits, or NULL */
};

struct deliver_report {
	struct lane_report *v;
	size_t n;
	int64_t next_s; /* seconds until somebody should deliver again; -1: nothing waits */
};
void deliver_report_done(struct deliver_report *r);
#define auto_deliver_report AUTO(deliver_report_done)

/* 0: every receiver was looked at, whatever came of it. ERR_RETRY: another process delivers. */
int flow_deliver(const struct config *c, const struct deliver_options *o, struct deliver_report *r,
		 struct err *e);

/*
 * At the end of a verb: if something waits and no daemon runs that would see to it, start
 * `mdc-agent deliver` beside us. Under a service manager, which ends what we leave behind, deliver
 * here. Never fails.
 */
void flow_deliver_later(const struct config *c, const char *config_file);

/* ---- lane.c: private to deliver.c ---- */
struct lane_job {
	const struct config *config;
	const struct store *store;
	const struct webhook_config *webhook; /* NULL: the forge */
	bool due;
};
const char *lane_name(const struct lane_job *j);
/* A worker_fn; its result: {"delivered", "waiting", "next_try", "error"}. */
int lane_run(void *job, struct worker_out *o, cJSON **result, struct err *e);
