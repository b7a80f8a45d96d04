/*
 * child - process groups, waiting without SIGCHLD handlers, and limits.
 * Depends on: clock.
 */
#include "common/child.h"

#include "common/clock.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STEP_MS = 5 };

static void reset_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL); /* fails for SIGKILL, SIGSTOP and libc's own */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

void child_begin(pid_t parent, bool outlive)
{
	(void)setpgid(0, 0);
	if (!outlive) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* The parent may have died before the line above: then nobody sends the signal. */
		if (getppid() != parent)
			_exit(127);
	}
	reset_signals();
}

void child_limit(int resource, size_t bytes)
{
	struct rlimit limit = {.rlim_cur = bytes, .rlim_max = bytes};

	if (bytes > 0)
		(void)setrlimit((__rlimit_resource_t)resource, &limit);
}

int child_pidfd(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0); /* always close-on-exec */
}

bool child_ended(pid_t pid)
{
	siginfo_t info = {.si_pid = 0};
	int failed;

	do
		failed = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
	while (failed < 0 && errno == EINTR);
	return failed < 0 || info.si_pid == pid;
}

void child_signal(pid_t pid, int sig)
{
	if (pid > 1)
		(void)kill(-pid, sig);
}

int child_finish(pid_t pid, int limit_ms)
{
	struct deadline until = deadline_in(limit_ms);
	int status = -1;

	/* While the leader is not reaped the group's number cannot belong to somebody else. */
	child_signal(pid, SIGKILL);
	while (!child_ended(pid)) {
		if (deadline_over(until))
			return -1;
		clock_pause_ms(STEP_MS);
	}
	child_signal(pid, SIGKILL); /* what it forked in between */
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -1;
	}
	return status;
}
