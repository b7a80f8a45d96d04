/*
 * journal - one entry per outcome in the systemd journal, with fields.
 * Depends on: common, model.
 */
#pragma once

#include "agent/model/event.h"
#include "common/str.h"

/*
 * Send an event. message is shown as is after escaping (control characters, bidi, invalid UTF-8)
 * and cutting to 2 KiB. Never fails and never holds the caller up (at most 0.1 s when journald's
 * queue is full): a journal that is not there is ignored.
 */
void journal_send(enum event ev, const struct event_fields *f, const char *message);

/* What journal_send() sends, a "NAME=value" line per field; for its test. */
void journal_format(enum event ev, const struct event_fields *f, const char *message,
		    struct str *out);
