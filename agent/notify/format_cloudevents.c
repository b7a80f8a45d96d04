/*
 * format_cloudevents - CloudEvents 1.0, structured mode, JSON: the envelope says what and when, the
 * history's line is the data.
 * Depends on: formats.
 */
#include "agent/notify/formats.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"

#include <inttypes.h>

int format_cloudevents(const struct format_input *in, struct request *out, struct err *e)
{
	auto_json cJSON *j = cJSON_CreateObject();
	const char *host = json_str(in->entry, "host", "unknown");
	auto_free char *source = xasprintf("/mdc-agent/hosts/%s", host);
	auto_free char *type = xasprintf("dev.mdc-agent.%s", json_str(in->entry, "event", ""));
	/* An extension that the specification knows: what came first, as text. */
	auto_free char *sequence = xasprintf("%" PRId64, json_int(in->entry, "seq", 0));
	char when[CLOCK_ISO_SIZE];

	(void)e;
	json_set_str(j, "specversion", "1.0");
	json_set_str(j, "id", json_str(in->entry, "id", ""));
	json_set_str(j, "source", source);
	json_set_str(j, "type", type);
	json_set_str(j, "time", clock_iso(json_int(in->entry, "time_ms", 0) / 1000, when));
	json_set_str(j, "subject", json_str(in->entry, "project", NULL));
	json_set_str(j, "sequence", sequence);
	json_set_str(j, "datacontenttype", "application/json");
	if (!cJSON_AddItemToObject(j, "data", cJSON_Duplicate(in->entry, true)))
		abort(); /* only for want of memory */
	auto_free char *text = json_text(j);
	str_add(&out->body, text);
	strv_push(&out->headers, "Content-Type: application/cloudevents+json; charset=utf-8");
	return 0;
}
