/*
 * proc - the one way to run another program: argument array, never a shell; cleared environment;
 * its own process group; a deadline, then SIGTERM and SIGKILL to the whole group; output capped.
 * Depends on: err, mem, str, clock.
 */
#pragma once

#include "common/err.h"
#include "common/str.h"

#include <stdbool.h>
#include <stddef.h>

enum proc_how { PROC_EXITED, PROC_SIGNALED, PROC_TIMED_OUT, PROC_TOO_MUCH };

struct proc {
	const char *const
		*argv;          /* NULL-terminated; argv[0] absolute, or found in the PATH we set */
	const char *const *env; /* NULL-terminated "K=V"; NULL: PATH and HOME only */
	const char *cwd;        /* NULL: "/" */
	const char *input;      /* text for its stdin; NULL: /dev/null */
	int timeout_ms; /* > 0: every child has a deadline; then SIGTERM, grace_ms, SIGKILL */
	int grace_ms;   /* 0: 2000 */
	size_t max_out; /* bytes of stdout to keep; more is PROC_TOO_MUCH and ends the child. 0: 1
			   MiB */
	/* RLIMIT_DATA in bytes, 0: none. It counts what can be written; of addresses alone a Go
	 * program takes a gigabyte before it does anything. */
	size_t max_memory;
	size_t max_file; /* RLIMIT_FSIZE in bytes; 0: none */
	int max_cpu_s;   /* RLIMIT_CPU, then SIGKILL; 0: none */
	int keep_fd;     /* a descriptor the child inherits (a lock); 0 or less: none */
	/* Called with each piece of stderr as it arrives (progress); may be NULL. */
	void (*on_stderr)(const char *text, size_t len, void *arg);
	/* Called each tick_ms while it runs; NULL: none. */
	void (*on_tick)(void *arg);
	int tick_ms;
	void *arg;
};

struct proc_result {
	enum proc_how how;
	int code;       /* exit code, or the signal's number */
	bool cpu_spent; /* PROC_SIGNALED: it was max_cpu_s that ended it */
	struct str out; /* stdout */
	struct str err; /* the last 16 KiB of stderr */
};

/*
 * Run to the end. 0 if the child was started and reaped, whatever it returned; r is then to be
 * freed with proc_result_done(). -1: it could not be started (ERR_BROKEN when the program is
 * missing, else ERR_RETRY).
 */
int proc_run(const struct proc *p, struct proc_result *r, struct err *e);
void proc_result_done(struct proc_result *r);
#define auto_proc_result AUTO(proc_result_done)

/*
 * proc_run() that is 0 only if the child exited 0; otherwise ERR_FAILED and the last meaningful
 * line of its stderr is the cause. *out (may be NULL) is stdout, the caller frees.
 */
int proc_need(const struct proc *p, char **out, struct err *e);

/* "exited with 3", "was killed by signal 9", "took longer than 2 m": for messages. Returns buf. */
const char *proc_how_text(const struct proc *p, const struct proc_result *r, char *buf,
			  size_t size);

/* The last line of text that is not empty, trimmed; the caller frees; never NULL. */
char *proc_last_line(const char *text);
