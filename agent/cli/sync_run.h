/*
 * sync_run - one sync as a person sees it: waiting for another one, progress, the report. For sync, rollback, retry
 * and resume.
 * Depends on: flow, progress.
 */
#pragma once

#include "agent/cli/verb.h"
#include "agent/flow/flow.h"

/* o without progress and lock_wait_ms; those are filled in. daemon: say what happens through the log. */
int sync_run(struct cli *c, struct sync_options *o, bool daemon, struct err *e);
