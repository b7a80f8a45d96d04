/*
 * ask - what a person can say without a sync: suspend, and "look now" to a running daemon.
 * Depends on: sync.h, store.
 */
#include "agent/flow/sync.h"

#include "common/clock.h"
#include "common/mem.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { ANSWER_MS = 5000 };

int flow_suspend(const struct config *c, const char *why, struct err *e)
{
	struct sync_options o = {.lock_wait_ms = 10 * 60 * 1000};
	struct sync_report report = {.n = 0};
	struct sync s = {.config = c, .options = &o, .report = &report, .lock_fd = -1};
	struct control now = {.mode = CONTROL_SUSPENDED, .since = clock_wall()};
	int rc;

	s.stop.signal_fd = s.stop.event_fd = -1;
	rc = sync_begin(&s, "suspend", e);
	if (rc == 0)
		rc = control_read(s.store, &s.control, e);
	now.why = (char *)why;
	if (rc == 0)
		rc = control_write(s.store, &now, e);
	if (rc == 0)
		report_event(&s, EVENT_HOLD_SET, &(struct event_fields){.reason = why},
			     why ? why : "suspended by `mdc-agent suspend`");
	sync_close(&s);
	return rc;
}

/* One line to the daemon and the line it answers, into answer. */
static int ask_daemon(const struct config *c, const char *line, char *answer, size_t size,
		      struct err *e)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int n = snprintf(a.sun_path, sizeof(a.sun_path), "%s/control.sock", c->runtime_dir);

	if (fd < 0 || n < 0 || (size_t)n >= sizeof(a.sun_path))
		return err_set(e, ERR_USAGE, 0, "runtime_dir %s is too long for a socket",
			       c->runtime_dir);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_set(e, ERR_RETRY, errno, "no daemon is running (%s)", a.sun_path);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t len = strlen(line);
	ssize_t got = -1;

	/* It answers with one write, and closes. */
	if (send(fd, line, len, MSG_NOSIGNAL) == (ssize_t)len && poll(&p, 1, ANSWER_MS) == 1)
		got = recv(fd, answer, size - 1, 0);
	if (got <= 0)
		return err_set(e, ERR_RETRY, 0,
			       "the daemon did not answer; it looks at its next poll anyway");
	answer[got] = '\0';
	return 0;
}

int flow_poke(const struct config *c, struct err *e)
{
	char answer[16];

	if (ask_daemon(c, "poke\n", answer, sizeof(answer), e) < 0)
		return -1;
	return strncmp(answer, "ok", 2) == 0
		       ? 0
		       : err_set(e, ERR_RETRY, 0,
				 "the daemon did not answer; it looks at its next poll anyway");
}

int flow_ask_daemon(const struct config *c, cJSON **out, struct err *e)
{
	char answer[4096];

	if (ask_daemon(c, "status\n", answer, sizeof(answer), e) < 0)
		return -1;
	return json_parse(answer, strlen(answer), out, e);
}
