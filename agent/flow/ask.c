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

enum { POKE_MS = 5000 };

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

static int poke(int fd, struct err *e)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char answer[16] = "";

	if (send(fd, "poke\n", 5, MSG_NOSIGNAL) != 5 || poll(&p, 1, POKE_MS) != 1 ||
	    recv(fd, answer, sizeof(answer) - 1, 0) <= 0 || strncmp(answer, "ok", 2) != 0)
		return err_set(e, ERR_RETRY, 0,
			       "the daemon did not answer; it looks at its next poll anyway");
	return 0;
}

int flow_poke(const struct config *c, struct err *e)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int n = snprintf(a.sun_path, sizeof(a.sun_path), "%s/control.sock", c->runtime_dir);

	if (fd < 0 || n < 0 || (size_t)n >= sizeof(a.sun_path))
		return err_set(e, ERR_USAGE, 0, "runtime_dir %s is too long for a socket",
			       c->runtime_dir);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_set(e, ERR_RETRY, errno, "no daemon is running (%s)", a.sun_path);
	return poke(fd, e);
}
