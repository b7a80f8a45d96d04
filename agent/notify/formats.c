/*
 * formats - the table of formats, and what they share.
 * Depends on: receiver. To add one: a file with its function, a row here, its name in
 * agent/model/config_reports.c.
 */
#include "agent/notify/formats.h"

#include "agent/model/event.h"
#include "common/json.h"
#include "common/mem.h"

#include <string.h>

static const format_fn formats[FORMAT_COUNT] = {
	[FORMAT_CLOUDEVENTS] = format_cloudevents, [FORMAT_SLACK] = format_slack,
	[FORMAT_DISCORD] = format_discord,         [FORMAT_NTFY] = format_ntfy,
	[FORMAT_GOTIFY] = format_gotify,           [FORMAT_MATRIX] = format_matrix,
	[FORMAT_TEMPLATE] = format_template,
};

char *format_title(const cJSON *entry)
{
	const char *subject = json_str(entry, "project", json_str(entry, "receiver", NULL));

	return xasprintf("%s: %s%s%s", json_str(entry, "host", "?"), json_str(entry, "event", "?"),
			 subject ? " " : "", subject ? subject : "");
}

/* What to do, for an event that somebody should do something about. */
static const char *advice(const cJSON *entry)
{
	const char *name = json_str(entry, "event", "");

	if (format_urgency(entry) < URGENCY_HIGH)
		return NULL;
	for (int i = 0; i < EVENT_COUNT; i++)
		if (strcmp(event_kind((enum event)i)->name, name) == 0)
			return event_kind((enum event)i)->advice;
	return NULL;
}

/* Cut at a character's boundary. */
static void cut(struct str *s, size_t max)
{
	if (s->len <= max)
		return;
	size_t n = max - strlen("…");

	while (n > 0 && ((unsigned char)s->s[n] & 0xc0) == 0x80)
		n--;
	s->len = n;
	s->s[n] = '\0';
	str_add(s, "…");
}

char *format_text(const cJSON *entry, size_t max)
{
	struct str out = STR_INIT;
	const char *message = json_str(entry, "message", ""), *what = advice(entry);
	const char *reason = json_str(entry, "reason", ""), *author = json_str(entry, "author", "");
	const char *subject = json_str(entry, "subject", "");

	str_add(&out, message[0] ? message : json_str(entry, "event", ""));
	if (reason[0] && !strstr(message, reason))
		str_addf(&out, "\n%s", reason);
	if (subject[0])
		str_addf(&out, "\n%.12s %s%s%s%s", json_str(entry, "commit", ""), subject,
			 author[0] ? " (" : "", author, author[0] ? ")" : "");
	if (what)
		str_addf(&out, "\n%s", what);
	cut(&out, max);
	return str_take(&out);
}

enum format_urgency format_urgency(const cJSON *entry)
{
	static const struct {
		const char *severity;
		enum format_urgency urgency;
	} rows[] = {
		{"debug", URGENCY_LOW},         {"info", URGENCY_LOW},
		{"notice", URGENCY_NORMAL},     {"warning", URGENCY_HIGH},
		{"error", URGENCY_HIGH},        {"critical", URGENCY_HIGHEST},
		{"crit", URGENCY_HIGHEST},      {"alert", URGENCY_HIGHEST},
		{"emergency", URGENCY_HIGHEST},
	};
	const char *severity = json_str(entry, "severity", "");

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (strcmp(rows[i].severity, severity) == 0)
			return rows[i].urgency;
	return URGENCY_NORMAL;
}

void format_json(struct request *out, const cJSON *body)
{
	auto_free char *text = json_text(body);

	str_add(&out->body, text);
	strv_push(&out->headers, "Content-Type: application/json");
}

int receiver_build(const struct webhook_config *w, const struct receiver_keys *k,
		   const cJSON *entry, int64_t now, struct request *out, struct err *e)
{
	const struct format_input in = {.config = w, .keys = k, .entry = entry};
	auto_request struct request r = {.method = "POST", .url = xstrdup(w->url)};

	if (formats[w->format](&in, &r, e) < 0)
		return -1;
	for (size_t i = 0; i < k->headers.n; i++)
		strv_push(&r.headers, k->headers.v[i]);
	if (k->secret)
		sign_request(&r, json_str(entry, "id", ""), now, k);
	*out = TAKE_STRUCT(r);
	return 0;
}
