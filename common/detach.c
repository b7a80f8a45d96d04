/*
 * detach - two forks, so that init takes the program over and we leave no zombie.
 * Depends on: err, child.
 */
#include "common/detach.h"

#include "common/auto.h"
#include "common/child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LAST_STANDARD_FD = 2 };

/* In the second child. Between fork and exec nothing is allocated. */
static void __attribute__((noreturn)) become(const char *const *argv)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; null >= 0 && fd <= LAST_STANDARD_FD; fd++)
		(void)dup2(null, fd);
	/* Ours are close-on-exec; this is for those that we were started with. */
	(void)syscall(SYS_close_range, LAST_STANDARD_FD + 1, ~0U, 0);
	(void)!chdir("/");
	/* execve() does not write to the strings it is given. */
	(void)execve(argv[0], (char *const *)(uintptr_t)argv, environ);
	_exit(127);
}

int detach_start(const char *const *argv, struct err *e)
{
	pid_t pid = fork();

	if (pid == 0) {
		child_begin(getppid(), true);
		(void)setsid();
		pid_t second = fork();
		if (second == 0)
			become(argv);
		_exit(second < 0 ? 1 : 0);
	}
	if (pid < 0)
		return err_set(e, ERR_RETRY, errno, "cannot start %s", argv[0]);
	int status = 0;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0
		       ? 0
		       : err_set(e, ERR_RETRY, 0, "cannot start %s", argv[0]);
}
