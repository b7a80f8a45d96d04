/*
 * journal - the journal's own datagram protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL), spoken
 * directly: sd_journal_sendv() waits for as long as journald does not read, and a stuck journald
 * must not hold up a deployment.
 * Depends on: common, model/event.
 */
#include "agent/notify/journal.h"

#include "common/auto.h"
#include "common/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { TEXT_MAX_BYTES = 2048, PATIENCE_MS = 100 };

static const struct sockaddr_un journald = {.sun_family = AF_UNIX,
					    .sun_path = "/run/systemd/journal/socket"};

/* One field. str_printable() leaves no newline, so the simple form of the protocol is enough. */
static void add_text(struct str *out, const char *name, const char *value)
{
	if (!value || value[0] == '\0')
		return;
	auto_free char *shown = str_printable(value, TEXT_MAX_BYTES);
	str_addf(out, "%s=%s\n", name, shown);
}

static void add_number(struct str *out, const char *name, int64_t value)
{
	if (value != 0)
		str_addf(out, "%s=%" PRId64 "\n", name, value);
}

void journal_format(enum event ev, const struct event_fields *f, const char *message,
		    struct str *out)
{
	const struct event_kind *kind = event_kind(ev);
	size_t n = 0;
	const struct event_field *rows = event_field_rows(&n);

	add_text(out, "MESSAGE", message && message[0] != '\0' ? message : kind->meaning);
	str_addf(out, "PRIORITY=%d\n", kind->priority);
	add_text(out, "MESSAGE_ID", kind->id);
	add_text(out, "SYSLOG_IDENTIFIER", "mdc-agent");
	add_text(out, "MDC_EVENT", kind->name);
	for (size_t i = 0; i < n; i++) {
		const char *text = event_field_text(&rows[i], f);

		add_text(out, rows[i].journal, text);
		add_number(out, rows[i].journal, event_field_number(&rows[i], f));
	}
}

void journal_send(enum event ev, const struct event_fields *f, const char *message)
{
	auto_str struct str text = STR_INIT;
	auto_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	journal_format(ev, f, message, &text);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&journald, sizeof(journald)) < 0)
		return;
	if (send(fd, text.s, text.len, MSG_NOSIGNAL) >= 0 || errno != EAGAIN)
		return;
	/* Its queue is full, which passes quickly unless it hangs. */
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	if (poll(&p, 1, PATIENCE_MS) == 1)
		(void)send(fd, text.s, text.len, MSG_NOSIGNAL);
}
