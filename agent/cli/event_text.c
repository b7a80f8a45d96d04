/*
 * event_text - the list of events, for the journal's catalog and for docs/events.md.
 * Depends on: model.
 */
#include "agent/cli/help.h"

#include "agent/model/event.h"

#include <string.h>
#include <syslog.h>

/* What journalctl puts behind the event's name, where every such event has it. */
static const char *whose(const char *name)
{
	if (str_starts(name, "project.") || str_starts(name, "drift.") ||
	    str_starts(name, "snapshot."))
		return " (@MDC_PROJECT@)";
	return str_starts(name, "webhook.") ? " (@MDC_RECEIVER@)" : "";
}

void events_catalog(struct str *out)
{
	str_add(out, "# Made by `mdc-agent help --catalog` from the table of events.\n");
	for (int i = 0; i < EVENT_COUNT; i++) {
		const struct event_kind *k = event_kind((enum event)i);

		str_addf(out, "\n-- %s\n", k->id);
		str_addf(out, "Subject: mdc-agent: %s%s\n", k->name, whose(k->name));
		str_add(out, "Defined-By: mdc-agent\n");
		str_add(out, "Documentation: man:mdc-agent(8)\n\n");
		text_wrap(out, k->meaning, 0, HELP_COLUMNS, 0);
		str_addc(out, '\n');
		if (k->priority < LOG_NOTICE)
			str_add(out, "Reason: @MDC_REASON@\n\n");
		str_add(out, "What to do: ");
		text_wrap(out, k->advice, 0, HELP_COLUMNS, 12);
	}
}

static void markdown_events(struct str *out)
{
	str_add(out, "| event | severity | meaning | what to do | fields | MESSAGE_ID |\n"
		     "| --- | --- | --- | --- | --- | --- |\n");
	for (int i = 0; i < EVENT_COUNT; i++) {
		const struct event_kind *k = event_kind((enum event)i);
		size_t n = 0;
		const struct event_field *rows = event_field_rows(&n);

		str_addf(out, "| `%s` | %s | %s | %s |", k->name, event_severity((enum event)i),
			 k->meaning, k->advice);
		for (size_t r = 0; r < n; r++)
			if (k->fields & rows[r].has)
				str_addf(out, " `%s`", rows[r].name);
		str_addf(out, "%s | `%s` |\n", k->fields & EVENT_HAS_DETAILS ? " `details`" : "",
			 k->id);
	}
}

static void markdown_fields(struct str *out)
{
	size_t n = 0;
	const struct event_field *rows = event_field_rows(&n);

	str_add(out,
		"| in JSON | in the journal | meaning | at most |\n"
		"| --- | --- | --- | --- |\n"
		"| `id` | | 32 hex digits, the same wherever the event arrives | |\n"
		"| `seq` | | grows with every event of this host | |\n"
		"| `time`, `time_ms` | | when, since 1970, in seconds and in milliseconds | |\n"
		"| `event` | `MDC_EVENT` | what happened | |\n"
		"| `severity` | `PRIORITY` | a word; in the journal its number | |\n"
		"| `message` | `MESSAGE` | one line for people | 2048 bytes |\n");
	for (size_t i = 0; i < n; i++) {
		str_addf(out, "| `%s` | `%s` | %s |", rows[i].name, rows[i].journal,
			 rows[i].meaning);
		if (rows[i].max_bytes > 0)
			str_addf(out, " %zu bytes", rows[i].max_bytes);
		str_add(out, " |\n");
	}
	const struct event_detail *lists = event_detail_rows(&n);

	for (size_t i = 0; i < n; i++)
		str_addf(out, "| `details.%s` | | %s | %zu bytes |\n", lists[i].name,
			 lists[i].meaning, lists[i].max_bytes);
}

void events_markdown(struct str *out)
{
	str_add(out,
		"# Events\n\n"
		"Printed by `mdc-agent help --events` from the tables in `agent/model/event.c` and "
		"`event_json.c`; a test fails when this page is out of date.\n\n"
		"Each event is one entry in the systemd journal and one line of `history.jsonl` in "
		"the state directory. Show them with\n"
		"`journalctl -t mdc-agent MDC_EVENT=project.failed`, with explanations with "
		"`journalctl -x`.\n"
		"The ids never change: alerts may be written on them. `mdc-agent help --schema` "
		"prints the JSON schema, which is also installed as\n"
		"`share/mdc-agent/event.schema.json`.\n\n");
	markdown_events(out);
	str_add(out,
		"\nA failure that goes on is told once, then hourly, then daily, and never more than "
		"three times in an hour:\n"
		"`source.unreachable`, `project.held`, `disk.short`, `webhook.undeliverable`. Its "
		"end is told once, with how long it went on.\n"
		"`project.unchanged` is told only by `mdc-agent sync --verbose`.\n\n"
		"## Fields\n\n"
		"Those that apply are there. Text from outside comes with control characters, "
		"bidirectional controls and invalid UTF-8\n"
		"as `\\xNN`, and is cut.\n\n");
	markdown_fields(out);
}
