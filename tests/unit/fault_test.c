/*
 * Tests of common/fault. In a build without fault points there is only that to check.
 */
#include "common/fault.h"

#include "common/auto.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cmocka.h>

static const struct row {
	const char *name, *spec;
	int at;     /* the time at which it hits; 0: never */
	int errnum; /* 0: it kills */
} rows[] = {
	{"errno", "stage_done:28", 1, ENOSPC},
	{"kill", "stage_done:kill", 1, 0},
	{"the third time", "stage_done:110:3", 3, ETIMEDOUT},
	{"killed the second time", "stage_done:kill:2", 2, 0},
	{"another point", "fetch_done:28", 0, 0},
	{"a longer name", "stage_done_x:28", 0, 0},
	{"no way", "stage_done", 0, 0},
	{"only the process that passes", "stage_done:crash", 1, 0},
	{"nonsense", "stage_done:xyz", 0, 0},
};

static int pass(struct err *e)
{
	return fault_hit(FAULT_stage_done, e);
}

/* Exit code of the child: how often it passed, +100 if the last one gave the errno. */
static void run(const struct row *r)
{
	struct err e = ERR_INIT;

	(void)setenv("MDC_FAULT", r->spec, 1);
	for (int i = 1; i <= 4; i++) {
		if (pass(&e) < 0)
			_exit(e.kind == ERR_RETRY && e.errnum == r->errnum ? 100 + i : 99);
	}
	_exit(4);
}

static void check_row(void **state)
{
	const struct row *r = *state;
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		char number[8];

		/* A new program, because "kill" ends the one that was started, and that is this
		 * test. */
		(void)snprintf(number, sizeof(number), "%d", (int)(r - rows) % 100);
		(void)execl("/proc/self/exe", "fault_test", number, NULL);
		_exit(98);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
#ifdef MDC_FAULTS
	if (r->at > 0 && r->errnum == 0) {
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		return;
	}
	assert_int_equal(WEXITSTATUS(status), r->at > 0 ? 100 + r->at : 4);
#else
	assert_int_equal(WEXITSTATUS(status), 4);
#endif
}

int main(int argc, char **argv)
{
	struct CMUnitTest tests[COUNT_OF(rows)];
	size_t row = argc > 1 ? strtoul(argv[1], NULL, 10) : COUNT_OF(rows);

	if (row < COUNT_OF(rows))
		run(&rows[row]);

	for (size_t n = 0; n < COUNT_OF(rows); n++)
		tests[n] = (struct CMUnitTest){rows[n].name, check_row, NULL, NULL,
					       (void *)(uintptr_t)&rows[n]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
