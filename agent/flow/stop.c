/*
 * stop - SIGTERM and SIGINT become something to poll for. A stop never undoes anything: what is
 * open stays recorded and goes on at the next start (promise 10). Depends on: sync.h.
 */
#include "agent/flow/sync.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

int stop_open(struct stop *s, struct err *e)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_set(e, ERR_BROKEN, errno, "cannot block signals");
	(void)signal(SIGPIPE, SIG_IGN);
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	s->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->signal_fd < 0 || s->event_fd < 0)
		return err_set(e, ERR_BROKEN, errno, "cannot watch for signals");
	return 0;
}

bool stop_asked(struct stop *s)
{
	struct pollfd p = {.fd = s->event_fd, .events = POLLIN};
	struct signalfd_siginfo info;
	uint64_t one = 1;

	if (s->event_fd < 0)
		return false;
	if (poll(&p, 1, 0) == 1)
		return true;
	/* A worker has its own signals: reading here gives it none, and the event is how it learns.
	 */
	if (read(s->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return false;
	(void)!write(s->event_fd, &one, sizeof(one));
	return true;
}

void stop_close(struct stop *s)
{
	if (s->signal_fd >= 0)
		(void)close(s->signal_fd);
	if (s->event_fd >= 0)
		(void)close(s->event_fd);
	s->signal_fd = s->event_fd = -1;
}
