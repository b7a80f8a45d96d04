/*
 * event_schema - the JSON Schema of an event: a line of history.jsonl, of `events --json`, and the
 * data of a webhook. Made from the same tables as the events themselves.
 * Depends on: model.
 */
#include "agent/cli/help.h"

#include "agent/model/event.h"
#include "common/json.h"

#include <string.h>

static cJSON *member(cJSON *properties, const char *name, const char *type, const char *meaning)
{
	cJSON *o = cJSON_AddObjectToObject(properties, name);

	json_set_str(o, "type", type);
	json_set_str(o, "description", meaning);
	return o;
}

static void add_fixed(cJSON *p)
{
	cJSON *id = member(p, "id", "string", "the same for the same event, wherever it arrives");

	json_set_str(id, "pattern", "^[0-9a-f]{32}$");
	(void)member(p, "seq", "integer", "grows with every event of this host");
	(void)member(p, "time", "integer", "seconds since 1970");
	(void)member(p, "time_ms", "integer", "milliseconds since 1970");
	(void)member(p, "message", "string", "one line for people");
	cJSON *names =
		cJSON_AddArrayToObject(member(p, "event", "string", "what happened"), "enum");
	cJSON *severity = member(p, "severity", "string", "how bad it is");
	cJSON *words = cJSON_AddArrayToObject(severity, "enum");
	auto_strv struct strv seen = STRV_INIT;

	for (int i = 0; i < EVENT_COUNT; i++) {
		const char *word = event_severity((enum event)i);

		cJSON_AddItemToArray(names, cJSON_CreateString(event_kind((enum event)i)->name));
		if (strv_add_once(&seen, word))
			cJSON_AddItemToArray(words, cJSON_CreateString(word));
	}
}

static void add_details(cJSON *p)
{
	size_t n = 0;
	const struct event_detail *rows = event_detail_rows(&n);
	cJSON *details = member(p, "details", "object", "more, as it applies");
	cJSON *d = cJSON_AddObjectToObject(details, "properties");

	for (size_t i = 0; i < n; i++) {
		cJSON *items = cJSON_AddObjectToObject(
			member(d, rows[i].name, "array", rows[i].meaning), "items");

		/* Objects, but where some are left out a string says how many. */
		if (!rows[i].objects)
			json_set_str(items, "type", "string");
	}
}

static void add_required(cJSON *schema)
{
	static const char *const required[] = {"id",    "seq",      "time",   "time_ms",
					       "event", "severity", "message"};
	cJSON *list = cJSON_AddArrayToObject(schema, "required");

	for (size_t i = 0; i < COUNT_OF(required); i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(required[i]));
}

void events_schema(struct str *out)
{
	auto_json cJSON *schema = cJSON_CreateObject();
	size_t n = 0;
	const struct event_field *rows = event_field_rows(&n);

	json_set_str(schema, "$schema", "https://json-schema.org/draft/2020-12/schema");
	json_set_str(schema, "title", "Event of mdc-agent");
	json_set_str(schema, "description",
		     "A line of history.jsonl, of `mdc-agent events --json`, and the data of a "
		     "webhook in the form cloudevents. Members that do not apply are missing; "
		     "others may be added.");
	json_set_str(schema, "type", "object");
	cJSON *p = cJSON_AddObjectToObject(schema, "properties");

	add_fixed(p);
	for (size_t i = 0; i < n; i++) {
		cJSON *o = member(p, rows[i].name, rows[i].max_bytes > 0 ? "string" : "integer",
				  rows[i].meaning);

		if (rows[i].max_bytes > 0)
			json_set_int(o, "maxLength", (int64_t)rows[i].max_bytes);
	}
	add_details(p);
	add_required(schema);
	char *text = cJSON_Print(schema);

	str_addf(out, "%s\n", text);
	cJSON_free(text);
}
