/*
 * detach - start one of our own programs that goes on when we have ended: a session of its own,
 * nothing of ours open in it (no lock, no pipe, no terminal). Nobody waits for it.
 * Depends on: err.
 */
#pragma once

#include "common/err.h"

/* argv[0] is absolute. 0: it was started. It has our environment without what systemd told us. */
int detach_start(const char *const *argv, struct err *e);
