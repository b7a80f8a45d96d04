/*
 * event_json - the members of struct event_fields as a table (the journal, the JSON form, the docs
 * and the schema go through it), and the JSON form itself, with its limits.
 * Depends on: common.
 * To add a member: the field in event.h, a row here, and EVENT_HAS_* in the rows of event.c.
 */
#include "agent/model/event.h"

#include "common/auto.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/str.h"

#include <string.h>
#include <syslog.h>

enum {
	MESSAGE_MAX_BYTES = 2048,
	REASON_MAX_BYTES = 8192,
	LINE_MAX_BYTES = 1024, /* of details */
	DETAILS_MAX_DEPTH = 3,
};

#define AT(member) offsetof(struct event_fields, member)

static const struct event_field rows[] = {
	{"host", "MDC_HOST", "the host, as agent.yaml calls it", AT(host), 256, 0, false},
	{"project", "MDC_PROJECT", "the project", AT(project), 256, EVENT_HAS_PROJECT, false},
	{"generation", "MDC_GENERATION", "the number of the generation that is made or meant",
	 AT(generation), 0, EVENT_HAS_GENERATION, false},
	{"commit", "MDC_COMMIT", "the commit that is deployed", AT(commit), 128, EVENT_HAS_COMMIT,
	 false},
	{"subject", "MDC_SUBJECT", "the first line of its message", AT(subject), 512,
	 EVENT_HAS_COMMIT, false},
	{"author", "MDC_AUTHOR", "who wrote it", AT(author), 256, EVENT_HAS_COMMIT, false},
	{"previous", "MDC_PREVIOUS", "the commit before", AT(previous), 128, EVENT_HAS_PREVIOUS,
	 false},
	{"reason", "MDC_REASON", "why, in words", AT(reason), REASON_MAX_BYTES, EVENT_HAS_REASON,
	 true},
	{"duration_ms", "MDC_DURATION_MS", "how long it took, or went on", AT(duration_ms), 0,
	 EVENT_HAS_DURATION, false},
	{"receiver", "MDC_RECEIVER", "the name of a receiver of reports", AT(receiver), 256,
	 EVENT_HAS_RECEIVER, false},
	{"volume", "MDC_VOLUME", "the volume, or volumes", AT(volume), 1024, EVENT_HAS_VOLUME,
	 false},
	{"snapshot", "MDC_SNAPSHOT", "the snapshot's id", AT(snapshot), 256, EVENT_HAS_SNAPSHOT,
	 false},
	{"path", "MDC_PATH", "a directory on the file system that is meant", AT(path), 1024,
	 EVENT_HAS_PATH, false},
	{"bytes", "MDC_BYTES", "how many bytes were copied, or are free", AT(bytes), 0,
	 EVENT_HAS_BYTES, false},
};

const struct event_field *event_field_rows(size_t *n)
{
	*n = COUNT_OF(rows);
	return rows;
}

const char *event_field_text(const struct event_field *row, const struct event_fields *f)
{
	const char *s = NULL;

	if (f && row->max_bytes > 0)
		memcpy(&s, (const char *)f + row->offset, sizeof(s));
	return s && s[0] != '\0' ? s : NULL;
}

int64_t event_field_number(const struct event_field *row, const struct event_fields *f)
{
	int64_t v = 0;

	if (f && row->max_bytes == 0)
		memcpy(&v, (const char *)f + row->offset, sizeof(v));
	return v;
}

const char *event_severity(enum event ev)
{
	static const char *const names[] = {"emergency", "alert",  "critical", "error",
					    "warning",   "notice", "info",     "debug"};
	int priority = event_kind(ev)->priority;

	return (size_t)priority < COUNT_OF(names) ? names[priority] : "info";
}

/* str_printable() line by line. */
static char *printable_lines(const char *s, size_t max)
{
	auto_str struct str out = {.max = max};

	while (*s != '\0' && out.len < max) {
		size_t n = strcspn(s, "\n");
		/* Four times: what is cut away again below is not worth looking at. */
		auto_free char *line = xstrndup(s, n < max * 4 ? n : max * 4);
		auto_free char *shown = str_printable(line, max - out.len);

		str_add(&out, shown);
		s += n;
		if (*s == '\n' && *++s != '\0')
			str_addc(&out, '\n');
	}
	return str_take(&out);
}

/* ---- details ---- */
static const struct event_detail lists[] = {
	{"changes", "what changed: image, files, keys by their names", 8192, false, false},
	{"steps", "each step, and how many ms it took", 4096, true, false},
	{"evidence", "what health was judged by", 4096, false, false},
	{"notes", "what to know about it", 2048, false, false},
	{"counts", "of a sync's end: how many projects came to which outcome", 4096, true, false},
	{"log", "last lines of what failed", 12288, false, true},
};

const struct event_detail *event_detail_rows(size_t *n)
{
	*n = COUNT_OF(lists);
	return lists;
}

static cJSON *clean_copy(const cJSON *v, int depth)
{
	if (cJSON_IsString(v)) {
		auto_free char *shown = str_printable(v->valuestring, LINE_MAX_BYTES);
		return cJSON_CreateString(shown);
	}
	if (!cJSON_IsObject(v) || depth >= DETAILS_MAX_DEPTH)
		return cJSON_IsNumber(v) || cJSON_IsBool(v) ? cJSON_Duplicate(v, false)
							    : cJSON_CreateNull();
	cJSON *o = cJSON_CreateObject();
	const cJSON *m;

	cJSON_ArrayForEach (m, v) {
		auto_free char *name = str_printable(m->string, LINE_MAX_BYTES);
		cJSON_AddItemToObject(o, name, clean_copy(m, depth + 1));
	}
	return o;
}

/* As many items as fit, from the front or from the back; how many are missing is said. */
static cJSON *clean_list(const struct event_detail *l, const cJSON *from)
{
	cJSON *to = cJSON_CreateArray();
	size_t left = l->max_bytes, all = (size_t)cJSON_GetArraySize(from), have = 0;
	const cJSON *v = from->child;

	if (v && l->newest)
		v = v->prev; /* of the first: the last */
	for (; have < all; have++, v = l->newest ? v->prev : v->next) {
		auto_json cJSON *item = clean_copy(v, 0);
		auto_free char *text = json_text(item);

		if (strlen(text) + 1 > left)
			break;
		left -= strlen(text) + 1;
		if (l->newest)
			cJSON_InsertItemInArray(to, 0, TAKE(item));
		else
			cJSON_AddItemToArray(to, TAKE(item));
	}
	if (have < all) {
		auto_free char *more = xasprintf("%zu more", all - have);

		if (l->newest)
			cJSON_InsertItemInArray(to, 0, cJSON_CreateString(more));
		else
			cJSON_AddItemToArray(to, cJSON_CreateString(more));
	}
	return to;
}

static void add_details(cJSON *j, const cJSON *details)
{
	auto_json cJSON *o = cJSON_CreateObject();

	for (size_t i = 0; i < COUNT_OF(lists); i++) {
		const cJSON *from = json_arr(details, lists[i].name);

		if (from && from->child)
			cJSON_AddItemToObject(o, lists[i].name, clean_list(&lists[i], from));
	}
	if (o->child)
		cJSON_AddItemToObject(j, "details", TAKE(o));
}

static void add_field(cJSON *j, const struct event_field *row, const struct event_fields *f)
{
	const char *s = event_field_text(row, f);
	int64_t v = event_field_number(row, f);

	if (s) {
		auto_free char *shown = row->lines ? printable_lines(s, row->max_bytes)
						   : str_printable(s, row->max_bytes);
		json_set_str(j, row->name, shown);
	} else if (v != 0) {
		json_set_int(j, row->name, v);
	}
}

cJSON *event_to_json(enum event ev, const struct event_fields *f, const char *message,
		     const struct event_stamp *at)
{
	const struct event_kind *kind = event_kind(ev);
	const char *text = message && message[0] != '\0' ? message : kind->meaning;
	auto_free char *shown = str_printable(text, MESSAGE_MAX_BYTES);
	cJSON *j = cJSON_CreateObject();

	json_set_str(j, "id", at->id);
	json_set_int(j, "seq", at->seq);
	json_set_int(j, "time", at->time_ms / 1000);
	json_set_int(j, "time_ms", at->time_ms);
	json_set_str(j, "event", kind->name);
	json_set_str(j, "severity", event_severity(ev));
	json_set_str(j, "message", shown);
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		add_field(j, &rows[i], f);
	if (f && f->details)
		add_details(j, f->details);
	return j;
}
