/*
 * worker - a piece of our own code in a child process with limits: what reads hostile input, and
 * each project's deployment. The child sends JSON messages while it works; its last one is its
 * result or its error. Depends on: err, json, clock.
 */
#pragma once

#include "common/err.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct worker_limits {
	int timeout_ms;     /* > 0; then SIGKILL to its process group */
	size_t max_memory;  /* RLIMIT_DATA; 0: none */
	size_t max_file;    /* RLIMIT_FSIZE; 0: none */
	size_t max_message; /* bytes of one message; 0: 16 MiB */
};

struct worker_out; /* the child's end: where it sends to */

/* Send a message from inside the worker; borrowed. Failure is ignored: the parent may be gone. */
void worker_send(struct worker_out *o, const cJSON *message);

/*
 * The work. Returns 0 with *result (may stay NULL) or -1 with e. Runs in the child; whatever it
 * leaves allocated goes with the process.
 */
typedef int (*worker_fn)(void *arg, struct worker_out *o, cJSON **result, struct err *e);

struct worker; /* the parent's end */

/*
 * Fork and run fn(arg) in its own process group. The child dies with the parent (PR_SET_PDEATHSIG)
 * unless `outlive` is set. name is for messages.
 */
int worker_start(const char *name, worker_fn fn, void *arg, const struct worker_limits *l,
		 bool outlive, struct worker **out, struct err *e);
int worker_fd(const struct worker *w); /* for poll(2) */
pid_t worker_pid(const struct worker *w);
int worker_left_ms(const struct worker *w); /* until its deadline */

enum worker_state { WORKER_MESSAGE, WORKER_AGAIN, WORKER_DONE, WORKER_FAILED };
/*
 * Take what has arrived, without waiting. WORKER_MESSAGE: *message is one message (the caller
 * frees); call again. WORKER_DONE: *message is the result or NULL. WORKER_FAILED: e says why (its
 * own error, a signal: ERR_BROKEN, its deadline or SIGKILL: ERR_RETRY); the process group has been
 * killed and reaped.
 */
enum worker_state worker_take(struct worker *w, cJSON **message, struct err *e);
void worker_kill(struct worker *w); /* SIGKILL to the group and reap */
void worker_free(struct worker *w); /* kills it if it still runs */

/* Wait for a started one's result and free it; messages go to on_message (may be NULL). */
int worker_finish(struct worker *started, void (*on_message)(const cJSON *m, void *arg),
		  void *message_arg, cJSON **result, struct err *e);

/* Start one and wait for its result; messages in between go to on_message (may be NULL). */
int worker_call(const char *name, worker_fn fn, void *arg, const struct worker_limits *l,
		void (*on_message)(const cJSON *m, void *arg), void *message_arg, cJSON **result,
		struct err *e);
