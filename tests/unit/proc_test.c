/*
 * Tests of common/proc: every way a child can end, its limits, and that nothing of it is left.
 */
#include "common/proc.h"

#include "common/auto.h"
#include "common/clock.h"
#include "common/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#define SH(text)                                                                                   \
	{                                                                                          \
		"sh", "-c", text, NULL                                                             \
	}

static const struct row {
	const char *name;
	const char *argv[4];
	const char *input;
	int timeout_ms;
	size_t max_out;
	enum proc_how how;
	int code; /* -1: any */
	const char *out, *how_text;
} rows[] = {
	{"exits 0", SH("echo hi"), NULL, 9000, 0, PROC_EXITED, 0, "hi\n", "exited with 0"},
	{"exits 3", SH("exit 3"), NULL, 9000, 0, PROC_EXITED, 3, "", "exited with 3"},
	{"absolute path",
	 {"/bin/echo", "a b", NULL},
	 NULL,
	 9000,
	 0,
	 PROC_EXITED,
	 0,
	 "a b\n",
	 "exited with 0"},
	{"signal", SH("kill -9 $$"), NULL, 9000, 0, PROC_SIGNALED, 9, "", "was killed by signal 9"},
	{"input",
	 {"cat", NULL},
	 "some text",
	 9000,
	 0,
	 PROC_EXITED,
	 0,
	 "some text",
	 "exited with 0"},
	{"no input", {"cat", NULL}, NULL, 9000, 0, PROC_EXITED, 0, "", "exited with 0"},
	{"time out", SH("echo a; exec sleep 30"), NULL, 200, 0, PROC_TIMED_OUT, SIGTERM, "a\n",
	 "took longer than 200 ms"},
	{"ignores SIGTERM", SH("trap '' TERM; echo a; while :; do sleep 1; done"), NULL, 200, 0,
	 PROC_TIMED_OUT, SIGKILL, "a\n", "took longer than 200 ms"},
	{"stopped", SH("kill -STOP $$; exit 5"), NULL, 200, 0, PROC_TIMED_OUT, SIGTERM, "",
	 "took longer than 200 ms"},
	{"exits 0 after SIGTERM", SH("trap 'exit 0' TERM; while :; do sleep 0.05; done"), NULL, 200,
	 0, PROC_TIMED_OUT, 0, "", "took longer than 200 ms"},
	{"too much",
	 {"yes", NULL},
	 NULL,
	 9000,
	 10,
	 PROC_TOO_MUCH,
	 SIGTERM,
	 "y\ny\ny\ny\ny\n",
	 "wrote more than 10 B"},
	{"too much at the end", SH("echo 1234567890"), NULL, 9000, 10, PROC_TOO_MUCH, -1,
	 "1234567890", "wrote more than 10 B"},
	{"as much as allowed", SH("echo 123456789"), NULL, 9000, 10, PROC_EXITED, 0, "123456789\n",
	 "exited with 0"},
	{"starts in /", {"pwd", NULL}, NULL, 9000, 0, PROC_EXITED, 0, "/\n", "exited with 0"},
	{"leads its group", SH("ps -o pgid= -p $$ | tr -d ' ' | grep -qx $$ && echo yes"), NULL,
	 9000, 0, PROC_EXITED, 0, "yes\n", "exited with 0"},
	{"closed streams", SH("exec >&- 2>&-; sleep 0.1; exit 4"), NULL, 9000, 0, PROC_EXITED, 4,
	 "", "exited with 4"},
};

static void check_row(void **state)
{
	const struct row *r = *state;
	const struct proc p = {.argv = r->argv,
			       .input = r->input,
			       .timeout_ms = r->timeout_ms,
			       .grace_ms = 300,
			       .max_out = r->max_out};
	struct err e = ERR_INIT;
	auto_proc_result struct proc_result got = {.code = -1};
	char buf[64];
	int64_t before = clock_ms();

	assert_int_equal(proc_run(&p, &got, &e), 0);
	assert_true(clock_ms() - before < 5000);
	assert_int_equal(got.how, r->how);
	/* dash ends with 128+15 or by the signal, as it was caught in a builtin or not. */
	if (r->code >= 0 && got.code != 128 + r->code)
		assert_int_equal(got.code, r->code);
	assert_string_equal(str_text(&got.out), r->out);
	assert_string_equal(proc_how_text(&p, &got, buf, sizeof(buf)), r->how_text);
}

static void check_missing(void **state)
{
	static const char *const names[] = {"no-such-program-here", "/no/such/program",
					    "/etc/passwd"};
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const char *const argv[] = {names[i], NULL};
		struct proc_result r = {.code = 77};

		err_clear(&e);
		assert_int_equal(proc_run(&(struct proc){.argv = argv, .timeout_ms = 1000}, &r, &e),
				 -1);
		assert_int_equal(e.kind, ERR_BROKEN);
		assert_non_null(strstr(e.cause, names[i]));
		assert_int_equal(r.code, 77);
	}
}

static void check_bad_directory(void **state)
{
	const char *const argv[] = {"true", NULL};
	struct err e = ERR_INIT;
	struct proc_result r;

	(void)state;
	assert_int_equal(
		proc_run(&(struct proc){.argv = argv, .timeout_ms = 1000, .cwd = "/none"}, &r, &e),
		-1);
	assert_int_equal(e.kind, ERR_RETRY);
	assert_int_equal(e.errnum, ENOENT);
	assert_non_null(strstr(e.cause, "/none"));
}

static void check_environment(void **state)
{
	const char *const argv[] = {"env", NULL};
	const char *const env[] = {"ONE=1", "PATH=/usr/bin:/bin", NULL};
	struct err e = ERR_INIT;
	auto_free char *given = NULL, *minimal = NULL;

	(void)state;
	(void)setenv("MDC_SECRET", "x", 1);
	assert_int_equal(
		proc_need(&(struct proc){.argv = argv, .timeout_ms = 9000, .env = env}, &given, &e),
		0);
	assert_string_equal(given, "ONE=1\nPATH=/usr/bin:/bin\n");
	assert_int_equal(proc_need(&(struct proc){.argv = argv, .timeout_ms = 9000}, &minimal, &e),
			 0);
	assert_null(strstr(minimal, "MDC_SECRET"));
	assert_non_null(strstr(minimal, "PATH="));
	assert_non_null(strstr(minimal, "HOME="));
}

/* What a program leaves running in its group is ended with it, and does not hold us up. */
static void check_stragglers(void **state)
{
	const char *const argv[] = SH("sleep 60 & echo $!");
	struct err e = ERR_INIT;
	auto_free char *out = NULL;
	int64_t before = clock_ms();

	(void)state;
	assert_int_equal(proc_need(&(struct proc){.argv = argv, .timeout_ms = 9000}, &out, &e), 0);
	assert_true(clock_ms() - before < 3000);
	pid_t left = (pid_t)strtol(out, NULL, 10);
	assert_true(left > 1);
	struct deadline until = deadline_in(5000);
	char path[64], status[256] = "";
	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)left);
	while (!deadline_over(until)) {
		FILE *f = fopen(path, "re");

		if (!f)
			break;
		char *line = fgets(status, sizeof(status), f);
		(void)fclose(f);
		if (line && strstr(status, ") Z"))
			break; /* a zombie that nobody reaps in this container */
		clock_pause_ms(10);
	}
	assert_false(deadline_over(until));
}

static void check_group_is_killed(void **state)
{
	const char *const argv[] =
		SH("trap '' TERM; sh -c 'trap \"\" TERM; while :; do sleep 1; done' & wait");
	struct err e = ERR_INIT;
	auto_proc_result struct proc_result r = {.code = 0};
	int64_t before = clock_ms();

	(void)state;
	assert_int_equal(
		proc_run(&(struct proc){.argv = argv, .timeout_ms = 100, .grace_ms = 100}, &r, &e),
		0);
	assert_true(clock_ms() - before < 3000);
	assert_int_equal(r.how, PROC_TIMED_OUT);
	assert_int_equal(r.code, SIGKILL);
}

static void count(const char *text, size_t len, void *arg)
{
	(void)text;
	*(size_t *)arg += len;
}

static void check_stderr_tail(void **state)
{
	const char *const argv[] = SH("yes abcdefg | head -c 100000 >&2; echo last >&2");
	struct err e = ERR_INIT;
	auto_proc_result struct proc_result r = {.code = 0};
	size_t seen = 0;

	(void)state;
	assert_int_equal(proc_run(&(struct proc){.argv = argv,
						 .timeout_ms = 9000,
						 .on_stderr = count,
						 .arg = &seen},
				  &r, &e),
			 0);
	assert_int_equal(seen, 100005);
	assert_int_equal(r.err.len, 16 * 1024);
	assert_string_equal(r.err.s + r.err.len - 5, "last\n");
}

static void check_large_input(void **state)
{
	const char *const cat[] = {"cat", NULL};
	const char *const none[] = {"true", NULL};
	struct err e = ERR_INIT;
	auto_free char *text = xmalloc(500001), *out = NULL;

	(void)state;
	memset(text, 'x', 500000);
	text[500000] = '\0';
	assert_int_equal(
		proc_need(&(struct proc){.argv = cat, .timeout_ms = 9000, .input = text}, &out, &e),
		0);
	assert_string_equal(out, text);
	/* A child that does not read it must not kill us with SIGPIPE. */
	assert_int_equal(proc_need(&(struct proc){.argv = none, .timeout_ms = 9000, .input = text},
				   NULL, &e),
			 0);
}

static void check_kept_descriptor(void **state)
{
	char path[] = "/tmp/mdc-proc-XXXXXX", text[64];
	int fd = mkostemp(path, O_CLOEXEC),
	    other = open("/dev/null", O_RDONLY); /* not close-on-exec */
	struct err e = ERR_INIT;

	(void)state;
	assert_true(fd > 2 && other > 2);
	(void)snprintf(text, sizeof(text), "test -e /dev/fd/%d && test ! -e /dev/fd/%d", fd, other);
	const char *const argv[] = SH(text);
	assert_int_equal(proc_need(&(struct proc){.argv = argv, .timeout_ms = 9000, .keep_fd = fd},
				   NULL, &e),
			 0);
	(void)snprintf(text, sizeof(text), "test ! -e /dev/fd/%d", fd);
	assert_int_equal(proc_need(&(struct proc){.argv = argv, .timeout_ms = 9000}, NULL, &e), 0);
	(void)close(fd);
	(void)close(other);
	(void)unlink(path);
}

static void check_limits(void **state)
{
	char path[] = "/tmp/mdc-proc-XXXXXX", text[128];
	int fd = mkostemp(path, O_CLOEXEC);
	struct err e = ERR_INIT;
	auto_proc_result struct proc_result r = {.code = 0};

	(void)state;
	assert_true(fd >= 0);
	(void)close(fd);
	(void)snprintf(text, sizeof(text), "exec head -c 100000 /dev/zero >%s", path);
	const char *const argv[] = SH(text);
	assert_int_equal(
		proc_run(&(struct proc){.argv = argv, .timeout_ms = 9000, .max_file = 1000}, &r,
			 &e),
		0);
	assert_int_equal(r.how, PROC_SIGNALED);
	assert_int_equal(r.code, SIGXFSZ);
	(void)unlink(path);
}

/* The child must not inherit what we block or ignore. */
static void check_signals_are_reset(void **state)
{
	const char *const argv[] = SH("kill -TERM $$; exit 9");
	struct err e = ERR_INIT;
	auto_proc_result struct proc_result r = {.code = 0};
	sigset_t set, old;

	(void)state;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &set, &old);
	assert_int_equal(proc_run(&(struct proc){.argv = argv, .timeout_ms = 9000}, &r, &e), 0);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	assert_int_equal(r.how, PROC_SIGNALED);
	assert_int_equal(r.code, SIGTERM);
}

static const struct need_row {
	const char *name;
	const char *argv[4];
	const char *want;
} needs[] = {
	{"last line", SH("echo one >&2; echo ' two ' >&2; echo >&2; exit 3"),
	 "sh exited with 3: two"},
	{"no words", SH("exit 3"), "sh exited with 3"},
	{"progress", SH("printf '10%%\\r50%%\\rfailed\\r\\n' >&2; exit 1"),
	 "sh exited with 1: failed"},
	{"escape sequences", SH("printf '\\033[31mred' >&2; exit 1"),
	 "sh exited with 1: \\x1B[31mred"},
	{"time out", SH("exec sleep 30"), "sh took longer than 300 ms"},
};

static void check_need(void **state)
{
	const struct need_row *r = *state;
	const struct proc p = {.argv = r->argv, .timeout_ms = 300, .grace_ms = 300};
	struct err e = ERR_INIT;
	char *out = NULL;
	char buf[512];

	assert_int_equal(proc_need(&p, &out, &e), -1);
	assert_null(out);
	assert_int_equal(e.kind, ERR_FAILED);
	assert_string_equal(err_text(&e, buf, sizeof(buf)), r->want);
}

/* A caller that is killed takes the program with it. */
static void check_dies_with_parent(void **state)
{
	char text[64], c;
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	(void)snprintf(text, sizeof(text), "echo >&%d; exec sleep 60", ends[1]);
	pid_t pid = fork();
	if (pid == 0) {
		const char *const argv[] = SH(text);
		const struct proc p = {.argv = argv, .timeout_ms = 60000, .keep_fd = ends[1]};
		struct err e = ERR_INIT;
		struct proc_result r;

		_exit(proc_run(&p, &r, &e) < 0);
	}
	(void)close(ends[1]);
	assert_int_equal(read(ends[0], &c, 1), 1); /* the program runs */
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	/* The pipe ends when the last holder of its other side, the program, is gone. */
	int64_t before = clock_ms();
	assert_int_equal(read(ends[0], &c, 1), 0);
	assert_true(clock_ms() - before < 5000);
	(void)close(ends[0]);
}

#define ROWS(table, check)                                                                         \
	for (size_t i = 0; i < COUNT_OF(table); i++)                                               \
		tests[n++] = (struct CMUnitTest)                                                   \
		{                                                                                  \
			table[i].name, check, NULL, NULL, (void *)(uintptr_t)&table[i]             \
		}

int main(void)
{
	static const CMUnitTestFunction single[] = {
		check_missing,           check_bad_directory,    check_environment,
		check_stragglers,        check_group_is_killed,  check_stderr_tail,
		check_large_input,       check_kept_descriptor,  check_limits,
		check_signals_are_reset, check_dies_with_parent,
	};
	struct CMUnitTest tests[COUNT_OF(rows) + COUNT_OF(needs) + COUNT_OF(single)];
	size_t n = 0;

	ROWS(rows, check_row);
	ROWS(needs, check_need);
	for (size_t i = 0; i < COUNT_OF(single); i++)
		tests[n++] = (struct CMUnitTest){"single", single[i], NULL, NULL, NULL};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
