/*
 * event_text - the list of events, for the journal's catalog and for docs/events.md.
 * Depends on: model.
 */
#include "agent/cli/help.h"

#include "agent/model/event.h"

#include <string.h>
#include <syslog.h>

static const char *priority_name(int priority)
{
	static const char *const names[] = {"emergency", "alert",  "critical", "error",
					    "warning",   "notice", "info",     "debug"};

	return (size_t)priority < COUNT_OF(names) ? names[priority] : "info";
}

void events_catalog(struct str *out)
{
	str_add(out, "# Made by `mdc-agent help --catalog` from the table of events.\n");
	for (int i = 0; i < EVENT_COUNT; i++) {
		const struct event_kind *k = event_kind((enum event)i);
		bool project = str_starts(k->name, "project.") || str_starts(k->name, "drift.");

		str_addf(out, "\n-- %s\n", k->id);
		str_addf(out, "Subject: mdc-agent: %s%s\n", k->name,
			 project ? " (@MDC_PROJECT@)" : "");
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

void events_markdown(struct str *out)
{
	str_add(out,
		"# Events\n\n"
		"Printed by `mdc-agent help --events` from the table in `agent/model/event.c`; a "
		"test fails when this page is out of date.\n\n"
		"Each event is one entry in the systemd journal. Show them with\n"
		"`journalctl -t mdc-agent MDC_EVENT=project.failed`, with explanations with "
		"`journalctl -x`.\n"
		"The ids never change: alerts may be written on them.\n\n"
		"Fields, where they apply: `MDC_EVENT`, `MDC_PROJECT`, `MDC_GENERATION`, "
		"`MDC_COMMIT`,\n"
		"`MDC_PREVIOUS`, `MDC_REASON`, `MDC_DURATION_MS`.\n\n"
		"| event | severity | meaning | what to do | MESSAGE_ID |\n"
		"| --- | --- | --- | --- | --- |\n");
	for (int i = 0; i < EVENT_COUNT; i++) {
		const struct event_kind *k = event_kind((enum event)i);

		str_addf(out, "| `%s` | %s | %s | %s | `%s` |\n", k->name,
			 priority_name(k->priority), k->meaning, k->advice, k->id);
	}
}
