/*
 * daemon - `mdc-agent run`: one loop that asks whether anything moved and starts `mdc-agent sync`
 * when it did. It deploys nothing itself, never loads libgit2 or libcurl, and forgets everything at
 * its end: what must last is in store/.
 *
 * - daemon.c: start, signals, reload, stop
 * - poll.c: when to ask the source, and what to make of the answer
 * - ask.c: asking: file, http, ssh
 * - metrics.c: the source's part of metrics_file
 * - work.c: the sync, drift check or gc that runs, and the next one
 * - follow.c: the engine's events
 * - deliver.c: `mdc-agent deliver`, when something is to be told
 * - control_socket.c: pokes and `status`
 * - report.c: what goes to the history and the journal
 *
 * Depends on: store, notify, model, common, sd-event. Not on flow: a sync is a program of its own.
 */
#pragma once

#include "agent/daemon/task.h"
#include "agent/model/config.h"
#include "agent/store/store.h"

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct control_socket;
struct deliver;
struct follow;

/* What can be done; several can be wanted at once. */
enum {
	WORK_SYNC = 1,
	WORK_DRIFT = 2, /* a sync that also looks at what runs */
	WORK_GC = 4,
};

struct asking {
	struct task *task; /* a poll program; http: kept between polls */
	sd_event_source *deadline;
	bool busy;  /* an answer is due */
	bool again; /* ask once more: something was pushed while we asked */
};

struct polling {
	sd_event_source *timer;
	int64_t next_ms;             /* clock_ms() of the next poll; 0: none */
	int failures;                /* in a row */
	char *error;                 /* the last failure; NULL when it is over */
	int64_t seen;                /* wall clock of the last good answer */
	char answer[OBJECT_ID_SIZE]; /* the last good one; "-": there is no such ref; "": none yet
				      */
	char tried[OBJECT_ID_SIZE];  /* the answer before the sync that failed: not a reason for
					another */
	int64_t metrics_ms;          /* clock_ms() when the metrics were told last; 0: never */
	bool stale;                  /* there was no new commit for too long, and it was told */
	uint32_t files; /* fingerprint of agent.yaml's other files when the last sync began */
};

struct work {
	struct task *task;
	unsigned int running, wanted; /* WORK_* */
	bool again;                   /* poked meanwhile: ask the source once it has ended */
	bool moved;       /* the engine told of containers meanwhile: look once it has ended */
	int64_t began_ms; /* clock_ms() */
	int failures;     /* syncs in a row that want to be tried again */
	bool degraded;    /* the last sync said so */
	char *error;      /* how the last one ended badly, or NULL */
	sd_event_source *start_timer, *retry_timer, *drift_timer, *gc_timer;
	int drift_checks; /* lately: the more, the longer the next one waits */
	int64_t drift_ms; /* clock_ms() of the last one */
};

struct daemon {
	sd_event *event;
	char *config_file; /* as given, or NULL */
	struct config config;
	struct store *store;
	int lock_fd;
	bool stopping;
	int64_t stop_began_ms;
	sd_event_source *stop_timer;
	struct asking ask;
	struct polling poll;
	struct work work;
	struct control_socket *control;
	struct follow *follow;
	struct deliver *deliver;
	int64_t generation;          /* as last read; 0: none */
	struct source_record source; /* as last read */
	char *status;                /* as last told to systemd */
};

/* ---- daemon.c ---- */
/* Run until SIGTERM. The process's exit code. */
int daemon_run(const char *config_file);
/* (Re)arm a one-shot timer whose handler gets d; *s is made on first use. slack: how much later it
 * may be. */
void daemon_arm(struct daemon *d, sd_event_source **s, int64_t in_ms, int64_t slack_ms,
		sd_event_time_handler_t fn);
void daemon_disarm(sd_event_source *s);
/* Tell systemd how we are, if that has changed. */
void daemon_tell(struct daemon *d);
char *daemon_status_json(const struct daemon *d); /* the caller frees */
/* Read current and source.json again; a failure is logged and leaves what was known. */
void daemon_look(struct daemon *d);

/* ---- ask.c ---- */
void ask_begin(struct daemon *d); /* poll_answered() follows, perhaps at once */
void ask_close(struct daemon *d); /* forget what is under way; ends the poll program */

/* ---- poll.c ---- */
void poll_soon(struct daemon *d);     /* somebody says that something was pushed */
void poll_schedule(struct daemon *d); /* arm the timer for the next regular one */
/* What ask_begin() found: 0 with an id, or -1 with an error. */
void poll_answered(struct daemon *d, int failed, const char *id, const struct err *e);
uint32_t poll_fingerprint(const struct config *c); /* of the declared projects' files */
void poll_close(struct daemon *d);

/* ---- metrics.c ---- */
void metrics_polled(struct daemon *d); /* the source was asked */

/* ---- report.c ---- */
void daemon_report(struct daemon *d, enum event ev, const struct event_fields *f,
		   const char *message);
void daemon_source_failed(struct daemon *d, const char *why); /* by the rule of repeats */
void daemon_source_answers(struct daemon *d);
/* It answers, and had nothing new: is that so for too long? */
void daemon_source_age(struct daemon *d);

/* ---- work.c ---- */
void work_want(struct daemon *d, unsigned int what);      /* now, or as soon as possible */
void work_drifted(struct daemon *d, const char *project); /* an event: look, after a pause */
const char *work_name(const struct daemon *d); /* of what runs, for people; NULL: nothing */
char *work_program(void);                      /* the program mdc-agent; the caller frees */
void work_open(struct daemon *d);              /* timers, and the first sync */
void work_close(struct daemon *d);             /* what runs is left alone */

/* ---- follow.c ---- */
void follow_open(struct daemon *d);
void follow_close(struct daemon *d);

/* ---- deliver.c ---- */
void deliver_open(struct daemon *d);
void deliver_reload(struct daemon *d); /* the settings are new: perhaps the receivers too */
void deliver_close(struct daemon *d);

/* ---- control_socket.c ---- */
int control_socket_open(struct daemon *d, struct err *e);
void control_socket_close(struct daemon *d);
