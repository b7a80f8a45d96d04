/*
 * details - what a trial leaves for the history that answers "why?": what changed, how long each
 * step took, what health saw, the log lines of what failed (the form stands in event.h). Workers
 * send it line by line while they work, so that one that is killed has told what it knew. Depends
 * on: sync.h.
 */
#include "agent/flow/sync.h"

#include "common/mem.h"

#include <string.h>

enum { LINES_MAX = 60, LINE_MAX_BYTES = 400, STEPS_MAX = 32 };

/* In front of log lines in a reason; also what apply and health write. */
#define LOG_BEGINS "; last lines of "

static cJSON *list_of(struct trial *t, const char *name)
{
	if (!t->details)
		t->details = cJSON_CreateObject();
	cJSON *l = cJSON_GetObjectItemCaseSensitive(t->details, name);

	return l ? l : cJSON_AddArrayToObject(t->details, name);
}

void details_add(struct trial *t, const char *list, const char *line)
{
	auto_free char *safe = str_printable(line, LINE_MAX_BYTES);
	cJSON *l = list_of(t, list);
	int n = cJSON_GetArraySize(l);

	if (n < LINES_MAX)
		cJSON_AddItemToArray(l, cJSON_CreateString(safe));
	else if (n == LINES_MAX)
		cJSON_AddItemToArray(l, cJSON_CreateString("and more"));
}

/* A step that comes again (the engine went away and came back) is told once, with the sum. */
static void add_time(struct trial *t, const char *step, int64_t ms)
{
	cJSON *l = list_of(t, "steps"), *o;

	cJSON_ArrayForEach (o, l) {
		if (strcmp(json_str(o, "step", ""), step) != 0)
			continue;
		json_set_int(o, "ms", json_int(o, "ms", 0) + ms);
		return;
	}
	if (cJSON_GetArraySize(l) >= STEPS_MAX)
		return;
	o = cJSON_CreateObject();
	json_set_str(o, "step", step);
	json_set_int(o, "ms", ms);
	cJSON_AddItemToArray(l, o);
}

void details_step(struct trial *t, const char *step, int64_t at_ms)
{
	if (str_eq(t->step, step))
		return;
	if (t->step)
		add_time(t, t->step, at_ms > t->step_ms ? at_ms - t->step_ms : 0);
	free(t->step);
	t->step = xstrdup_null(step);
	t->step_ms = at_ms;
}

char *reason_short(const char *why)
{
	const char *log = strstr(why, LOG_BEGINS);
	size_t n = strcspn(why, "\n");

	return xstrndup(why, log && (size_t)(log - why) < n ? (size_t)(log - why) : n);
}

/* The rest of a reason that is longer than a line: Compose's own words. */
static void keep_rest(struct trial *t)
{
	const char *p = t->why ? strchr(t->why, '\n') : NULL;

	if (!p || cJSON_GetObjectItemCaseSensitive(t->details, "log"))
		return;
	while (*p != '\0') {
		size_t n = strcspn(++p, "\n");
		auto_free char *line = xstrndup(p, n);

		if (n > 0)
			details_add(t, "log", line);
		p += n;
	}
}

void details_finish(struct trial *t)
{
	bool changes = cJSON_GetObjectItemCaseSensitive(t->details, "changes") != NULL;

	keep_rest(t);
	if (changes)
		return;
	if (t->action == PLAN_REMOVE)
		details_add(t, "changes",
			    "project: not wanted on this host any more; its volumes stay");
	for (size_t i = 0; i < t->reasons.n; i++)
		details_add(t, "changes", t->reasons.v[i]);
}
