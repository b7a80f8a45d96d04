/*
 * data - what the verbs about snapshots share: asking a person, progress, words.
 * Depends on: flow/data.h, verb, look.
 */
#pragma once

#include "agent/cli/verb.h"
#include "agent/flow/data.h"

/*
 * Go on? On a terminal it asks; elsewhere, and with --json, only --yes will do. ERR_USAGE: no, and
 * nothing was changed. what: "this discards data", for whom there is nobody to ask.
 */
int data_ask(const struct cli *c, const char *question, const char *what, struct err *e);
int data_confirm(const struct cli *c, const char *question, struct err *e);

/* Run it with progress on standard error, waiting for the lock as a sync does. */
int data_run(struct cli *c, struct data_options *o,
	     int (*run)(const struct config *c, const struct data_options *o, struct snapshot *out,
			struct err *e),
	     struct snapshot *out, struct err *e);

/* "data,db" as a list. */
void data_names(const char *text, struct strv *out);

/* ---- show_data.c ---- */
/* Why it is kept, or that it goes: "generation 7 goes back to it". */
void show_kept(struct str *out, const struct retention_verdict *v);
const char *kept_word(enum retention_why why);    /* for JSON */
int64_t snapshot_bytes(const struct snapshot *x); /* -1: unknown */
void show_snapshots(struct str *out, const struct snapshots_view *l, const char *project,
		    const struct look *k);
void show_snapshot(struct str *out, const struct snapshot *x, const struct retention_verdict *v,
		   const struct look *k);
cJSON *snapshot_view_json(const struct snapshot *x, const struct retention_verdict *v);
/* What is lost and what stays, a line a volume. */
void show_losses(struct str *out, const struct losses *l, const struct look *k);
cJSON *losses_json(const struct losses *l);
bool losses_any(const struct losses *l); /* is anything put back at all? */
/* The engine's names of what is: exactly what was said is then done. */
void losses_names(const struct losses *l, struct strv *out);
