/*
 * task - another program beside the loop: started without waiting, heard line by line, ended with
 * its process group. (common/proc waits for its program; the loop must not.)
 * Depends on: common, sd-event.
 */
#pragma once

#include "common/auto.h"
#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct task;

struct task_spec {
	const char *name;        /* for messages; a constant */
	const char *const *argv; /* argv[0] absolute; only borrowed for task_start() */
	bool talk;           /* its stdin and stdout are ours; else /dev/null, and our own stdout */
	bool outlive;        /* goes on when the daemon is killed; else the kernel kills it too */
	int64_t deadline_ms; /* 0: none. Then SIGTERM and SIGKILL to its group */
	/* A whole line of its stdout, without the newline. Must not call task_free(), but
	 * task_kill() is fine. */
	void (*on_line)(struct task *t, const char *line, void *arg);
	/* It has ended; status as from waitpid(2). The last call: here the owner calls task_free().
	 */
	void (*on_end)(struct task *t, int status, void *arg);
	void *arg;
};

int task_start(sd_event *event, const struct task_spec *spec, struct task **out, struct err *e);
int task_say(struct task *t, const char *text, struct err *e); /* to its stdin; never waits */
void task_ask_to_stop(struct task *t); /* SIGTERM to the program itself, not to its group */
void task_kill(struct task *t);        /* SIGKILL to the group; on_end follows */
void task_free(struct task *t);        /* kills the group if it still runs */
void task_leave(struct task *t);       /* frees and lets it run */

/* "exited with 3", "was killed by signal 9"; buf is returned. */
const char *task_how_text(int status, char *buf, size_t size);
