/*
 * compose_run - one run of the Compose plugin. For this directory only.
 * Depends on: common, api, compose_errors.
 */
#pragma once

#include "agent/engine/api.h"
#include "agent/engine/compose_errors.h"

#include <stddef.h>

struct compose_run {
	enum compose_step step;
	struct strv args;  /* behind "docker-compose" */
	struct strv env;   /* beside what every run gets */
	const char *input; /* stdin, or NULL */
	int timeout_ms, lock_fd;
	const char *checks; /* run this project's health checks meanwhile; NULL: none */
	size_t max_memory;  /* as in struct proc */
	int max_cpu_s;
	void (*on_line)(const char *line, void *arg);
	void *arg;
};
void compose_run_done(struct compose_run *r);
#define auto_compose_run AUTO(compose_run_done)

/* Run it. 0 if it exited 0; *out (may be NULL) is its stdout, the caller frees. */
int compose_run(struct engine *g, const struct compose_run *r, char **out, struct err *e);

/* Add K=V of our own environment if it is set. */
void compose_pass_env(struct strv *env, const char *name);
