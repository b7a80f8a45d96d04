/*
 * show_events - entries of the history as text: a line each, and what stands behind a line.
 * Depends on: look, json.
 */
#include "agent/cli/show.h"

#include "common/duration.h"
#include "common/json.h"
#include "common/mem.h"

#include <string.h>
#include <time.h>

enum { EVENT_COLUMNS = 20 };

static enum tone tone_of(const cJSON *entry)
{
	static const char *const bad[] = {"emergency", "alert", "critical", "error"};
	const char *severity = json_str(entry, "severity", "");

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		if (strcmp(severity, bad[i]) == 0)
			return TONE_BAD;
	if (strcmp(severity, "warning") == 0)
		return TONE_WARN;
	return str_eq(json_str(entry, "event", ""), "project.deployed") ? TONE_GOOD : TONE_PLAIN;
}

static void add_time(struct str *out, int64_t wall, const struct look *k)
{
	time_t t = (time_t)wall;
	struct tm tm;
	char text[32] = "";

	if (localtime_r(&t, &tm))
		(void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	look_addf(out, k, TONE_DIM, "%s", text);
}

void show_event(struct str *out, const cJSON *entry, const struct look *k)
{
	auto_free char *event = str_printable(json_str(entry, "event", "?"), 64);
	auto_free char *project = str_printable(json_str(entry, "project", ""), 64);
	const char *why = json_str(entry, "reason", NULL);
	auto_free char *text = text_first(why && *why ? why : json_str(entry, "message", ""));
	int64_t generation = json_int(entry, "generation", 0);

	add_time(out, json_int(entry, "time", 0), k);
	str_add(out, "  ");
	look_addf(out, k, tone_of(entry), "%-*s", EVENT_COLUMNS, event);
	if (*project) {
		str_addc(out, ' ');
		look_addf(out, k, TONE_BOLD, "%s", project);
	}
	if (generation > 0)
		str_addf(out, " (%lld)", (long long)generation);
	if (*text)
		str_addf(out, "%s %s", *project || generation > 0 ? ":" : "", text);
	str_addc(out, '\n');
}

static void add_list(struct str *out, const char *indent, const char *head, const cJSON *list,
		     const struct look *k)
{
	const cJSON *item;
	bool first = true;

	cJSON_ArrayForEach (item, list) {
		auto_free char *line = text_first(cJSON_GetStringValue(item));

		str_add(out, indent);
		look_addf(out, k, TONE_DIM, "%-9s", first ? head : "");
		str_addf(out, "%s\n", line);
		first = false;
	}
}

static void add_steps(struct str *out, const char *indent, const cJSON *entry, const struct look *k)
{
	const cJSON *item;
	char span[40];
	int64_t all = json_int(entry, "duration_ms", 0);
	bool first = true;

	if (!json_path(entry, "details.steps") && all == 0)
		return;
	str_add(out, indent);
	look_addf(out, k, TONE_DIM, "%-9s", "took");
	if (all > 0)
		str_add(out, duration_text(all, span, sizeof(span)));
	cJSON_ArrayForEach (item, json_path(entry, "details.steps")) {
		auto_free char *step = str_printable(json_str(item, "step", "?"), 32);

		str_addf(out, "%s%s %s",
			 !first    ? ", "
			 : all > 0 ? ": "
				   : "",
			 step, duration_text(json_int(item, "ms", 0), span, sizeof(span)));
		first = false;
	}
	str_addc(out, '\n');
}

void show_event_details(struct str *out, const char *indent, const cJSON *entry,
			const struct look *k)
{
	const cJSON *d = json_obj(entry, "details");

	add_list(out, indent, "changed", json_arr(d, "changes"), k);
	add_list(out, indent, "note", json_arr(d, "notes"), k);
	add_steps(out, indent, entry, k);
	add_list(out, indent, "saw", json_arr(d, "evidence"), k);
	add_list(out, indent, "log", json_arr(d, "log"), k);
}
