/*
 * proc_start - fork, limits, exec: the first half of proc. Only common/proc.c includes this.
 * Depends on: proc.
 */
#pragma once

#include "common/err.h"
#include "common/proc.h"

#include <sys/types.h>

struct proc_child {
	pid_t pid;
	int pidfd;    /* -1 where the kernel has none */
	int out, err; /* our ends of its pipes, not blocking; -1 once closed */
};

/* 0: the program runs. -1: it could not be executed, and nothing is left behind. */
int proc_start(const struct proc *p, struct proc_child *c, struct err *e);
void proc_child_close(struct proc_child *c);
