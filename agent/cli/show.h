/*
 * show - what flow and store answer, as text for people. Everything that came from outside is made
 * printable here. Depends on: flow, store, look.
 */
#pragma once

#include "agent/cli/look.h"
#include "agent/flow/flow.h"

/* show_sync.c. brief: what ended well was already shown line by line. */
void show_sync(struct str *out, const struct sync_report *r, const struct look *k, bool brief);
/* show_plan.c */
void show_plan(struct str *out, const struct plan_view *v, const struct look *k);
/* show_status.c */
void show_status(struct str *out, const struct status *s, const struct look *k, bool all);
void show_status_line(struct str *out, const struct status *s,
		      const struct look *k); /* for `status --check` */
/* show_generation.c */
struct shown_generation {
	const struct generation *g, *before; /* before: the kept one before it, or NULL */
	bool current;
	const cJSON *events; /* of the history, with its number */
};
void show_generation(struct str *out, const struct shown_generation *s, const struct look *k);
/* show_events.c: one entry of the history as a line; what stands behind it, a line each. */
void show_event(struct str *out, const cJSON *entry, const struct look *k);
void show_event_details(struct str *out, const char *indent, const cJSON *entry,
			const struct look *k);
/* show_check.c */
void show_check(struct str *out, const struct diags *d, size_t projects, const struct look *k);
cJSON *check_json(const struct diags *d, size_t projects);

/* ---- parts ---- */
/* "3f2a1c9" of an id; "-" for none. Returns buf. */
enum { SHORT_ID_SIZE = 8 };
const char *show_short_id(const char *id, char buf[SHORT_ID_SIZE]);
/* `3f2a1c9 "subject"`, printable; "no commit" for none. */
void show_commit(struct str *out, const struct commit_info *c);
/* "process 41 (sync)" of a lock's text, "41 <boot id> sync". */
void show_holder(struct str *out, const char *text);
/* What differs between two generations: "+web ~api -old". from NULL: everything is new. */
void show_changes(struct str *out, const struct generation *from, const struct generation *to);
enum change { CHANGE_NONE, CHANGE_ADD, CHANGE_CONTENT, CHANGE_REMOVE };
/* What happens to one project when `to` takes the place of `from` (either may be NULL). */
enum change show_change_of(const struct generation_entry *from, const struct generation_entry *to);
