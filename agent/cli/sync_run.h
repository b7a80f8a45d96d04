/*
 * sync_run - one sync as a person sees it: waiting for another one, progress, the report. For sync,
 * rollback, retry and resume. Depends on: flow, progress.
 */
#pragma once

#include "agent/cli/verb.h"
#include "agent/flow/flow.h"

/* o without progress and lock_wait_ms; those are filled in. daemon: say what happens through the
 * log. */
int sync_run(struct cli *c, struct sync_options *o, bool daemon, struct err *e);

/*
 * Wait while another process works on this host, at most ten minutes, and say who it is. Here an
 * interrupt still ends us at once; flow takes the lock itself then. Returns what is left of the ten
 * minutes, in ms.
 */
int sync_wait(const struct cli *c);
