/*
 * What a confined process can still do, tried in a child. Without Landlock (or with sanitizers) the
 * rows about writing are left out: the test says so.
 */
#include "common/confine.h"

#include "common/auto.h"
#include "common/mem.h"

#include "tests/unit/temp_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char inside[64], outside[64];

static bool landlock(void)
{
#if defined(__SANITIZE_ADDRESS__)
	return false;
#else
	return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0;
#endif
}

static bool writes(const char *dir)
{
	auto_free char *path = xasprintf("%s/file", dir);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

static bool runs_programs(void)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		(void)execl("/bin/true", "true", (char *)NULL);
		_exit(1);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool opens_socket(int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

/* Bits of what the kernel says of this process: a line of its status. */
static unsigned long long status_of(const char *key)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long long value = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0)
			value = strtoull(line + strlen(key) + 1, NULL, 16);
	if (f)
		(void)fclose(f);
	return value;
}

static bool writes_elsewhere(void)
{
	return writes(outside) || errno != EACCES || truncate("/dev/null", 0) == 0;
}

/* No capability, no new ones to come, a filter. */
static bool status_is_bare(void)
{
	return status_of("CapEff:") == 0 && status_of("CapPrm:") == 0 &&
	       status_of("NoNewPrivs:") == 1 && status_of("Seccomp:") == 2;
}

/* Each exit code is one expectation that was not met. */
static int try_all(bool network)
{
	const char *const dirs[] = {inside, NULL};
	const struct confine c = {.write = dirs, .network = network};

	if (!writes(outside) || !runs_programs() || !opens_socket(AF_UNIX))
		return 1; /* or the test tells nothing */
	confine_self(&c);
	if (!writes(inside))
		return 2;
	if (landlock() && writes_elsewhere())
		return 3;
	if (runs_programs())
		return 5;
	if (opens_socket(AF_UNIX))
		return 6;
	if (opens_socket(AF_INET) != network)
		return 7;
	if (kill(getppid(), 0) == 0)
		return 8;
	return status_is_bare() ? 0 : 9;
}

static int in_child(bool network)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		_exit(try_all(network));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void without_network(void **state)
{
	(void)state;
	if (!landlock())
		print_message("no Landlock here: writing is not tried\n");
	assert_int_equal(in_child(false), 0);
}

static void with_network(void **state)
{
	(void)state;
	assert_int_equal(in_child(true), 0);
}

static void abort_still_ends_it(void **state)
{
	pid_t pid = fork();
	int status = 0;

	(void)state;
	if (pid == 0) {
		const struct confine c = {.network = false};

		confine_self(&c);
		(void)signal(SIGABRT, SIG_DFL);
		abort();
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static int make_dirs(void **state)
{
	(void)state;
	(void)snprintf(inside, sizeof(inside), "%s", "/tmp/confine-in-XXXXXX");
	(void)snprintf(outside, sizeof(outside), "%s", "/tmp/confine-out-XXXXXX");
	return temp_dir(inside) && temp_dir(outside) ? 0 : -1;
}

static int remove_dirs(void **state)
{
	const char *const dirs[] = {inside, outside};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		auto_free char *file = xasprintf("%s/file", dirs[i]);

		(void)unlink(file);
		(void)rmdir(dirs[i]);
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_network),
		cmocka_unit_test(with_network),
		cmocka_unit_test(abort_still_ends_it),
	};

	return cmocka_run_group_tests(tests, make_dirs, remove_dirs);
}
