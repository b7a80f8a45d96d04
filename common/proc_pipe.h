/*
 * proc_pipe - a program whose output is read while it runs, piece by piece: for what is too large
 * to keep. Depends on: proc.
 */
#pragma once

#include "common/auto.h"
#include "common/err.h"
#include "common/proc.h"

#include <sys/types.h>

struct proc_pipe;

/* Starts it; p, and what it names, must stay as they are until the end. */
int proc_pipe_open(const struct proc *p, struct proc_pipe **out, struct err *e);

/*
 * The next piece of its stdout, waiting for it. 0: it has ended, with exit status 0. -1: it failed
 * or took too long, with its last words in e.
 */
ssize_t proc_pipe_read(struct proc_pipe *c, char *buf, size_t size, struct err *e);

/* Kills it, if it still runs. */
void proc_pipe_close(struct proc_pipe *c);
AUTO_PTR(proc_pipe_close, struct proc_pipe)
#define auto_proc_pipe AUTO(proc_pipe_close_at)
