/*
 * Tests of common/lock: one holder across processes, gone with its last descriptor.
 */
#include "common/lock.h"

#include "common/clock.h"
#include "common/auto.h"
#include "common/mem.h"

#include "tests/unit/temp_dir.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

static int enter(void **state)
{
	char *dir = xstrdup("/tmp/mdc-lock-XXXXXX");

	*state = dir;
	return temp_dir(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int leave(void **state)
{
	(void)unlink("lock");
	int failed = rmdir(*state);

	free(*state);
	return failed;
}

/* A process that holds the lock until it is killed; it says so through the pipe. */
static pid_t hold(void)
{
	int ends[2];
	char c = 0;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct err e = ERR_INIT;
		int fd = -1;

		if (lock_take("lock", "sync of main", 0, &fd, &e) < 0 ||
		    write(ends[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			(void)pause();
	}
	(void)close(ends[1]);
	assert_int_equal(read(ends[0], &c, 1), 1);
	(void)close(ends[0]);
	return pid;
}

static void end(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void check_one_holder(void **state)
{
	struct err e = ERR_INIT;
	int fd = -7;
	char buf[256], want[64];
	pid_t pid = hold();

	(void)state;
	int64_t before = clock_ms();
	assert_int_equal(lock_take("lock", "x", 0, &fd, &e), -1);
	assert_true(clock_ms() - before < 1000);
	assert_int_equal(fd, -7);
	assert_int_equal(e.kind, ERR_RETRY);
	(void)snprintf(want, sizeof(want), "lock is held by process %d (sync of main)", (int)pid);
	assert_string_equal(e.cause, want);
	(void)snprintf(want, sizeof(want), "%d ", (int)pid);
	assert_memory_equal(lock_holder("lock", buf, sizeof(buf)), want, strlen(want));
	assert_non_null(strstr(buf, clock_boot_id()));
	assert_non_null(strstr(buf, "sync of main"));
	end(pid);
	assert_string_equal(lock_holder("lock", buf, sizeof(buf)), "");
	assert_int_equal(lock_take("lock", "x", 0, &fd, &e), 0);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	lock_drop(fd);
	assert_string_equal(lock_holder("lock", buf, sizeof(buf)), "");
}

static void check_waiting(void **state)
{
	struct err e = ERR_INIT;
	int fd = -1;
	pid_t pid = hold();

	(void)state;
	int64_t before = clock_ms();
	assert_int_equal(lock_take("lock", "x", 200, &fd, &e), -1);
	assert_true(clock_ms() - before >= 200);
	pid_t killer = fork();
	if (killer == 0) {
		clock_pause_ms(100);
		(void)kill(pid, SIGKILL);
		_exit(0);
	}
	assert_int_equal(lock_take("lock", "x", 10000, &fd, &e), 0);
	lock_drop(fd);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(waitpid(killer, NULL, 0), killer);
}

/* Looking takes the lock for an instant; that must never make a take fail. */
static void check_looking_does_not_harm(void **state)
{
	struct err e = ERR_INIT;
	int fd = -1;

	(void)state;
	assert_int_equal(lock_take("lock", "x", 0, &fd, &e), 0);
	lock_drop(fd);
	pid_t pid = fork();
	if (pid == 0) {
		char buf[64];

		for (;;) {
			(void)lock_holder("lock", buf, sizeof(buf));
			clock_pause_ms(1);
		}
	}
	for (int i = 0; i < 300; i++) {
		assert_int_equal(lock_take("lock", "x", 0, &fd, &e), 0);
		lock_drop(fd);
	}
	end(pid);
}

static void check_bad_files(void **state)
{
	struct err e = ERR_INIT;
	int fd = -1;
	char buf[64] = "x";

	(void)state;
	assert_string_equal(lock_holder("missing", buf, sizeof(buf)), "");
	assert_int_equal(lock_take("no/such/lock", "x", 0, &fd, &e), -1);
	assert_int_equal(symlink("/etc/passwd", "lock"), 0);
	assert_int_equal(lock_take("lock", "x", 0, &fd, &e), -1);
	assert_int_equal(e.kind, ERR_RETRY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(check_one_holder, enter, leave),
		cmocka_unit_test_setup_teardown(check_waiting, enter, leave),
		cmocka_unit_test_setup_teardown(check_looking_does_not_harm, enter, leave),
		cmocka_unit_test_setup_teardown(check_bad_files, enter, leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
