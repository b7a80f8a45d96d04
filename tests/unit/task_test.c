/*
 * task: programs beside a loop: what they say, how they end, and that nothing of them stays.
 */
#include "agent/daemon/task.h"

#include "common/clock.h"
#include "common/mem.h"
#include "common/str.h"

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

struct scene {
	sd_event *event;
	struct task *task;
	struct str lines; /* with '|' between */
	int status;       /* -1: it runs */
	const char *reply;
};

static void on_line(struct task *t, const char *line, void *arg)
{
	struct scene *s = arg;
	struct err e = ERR_INIT;

	str_addf(&s->lines, "%s|", line);
	if (s->reply)
		(void)task_say(t, s->reply, &e);
	s->reply = NULL;
}

static void on_end(struct task *t, int status, void *arg)
{
	struct scene *s = arg;

	s->status = status;
	s->task = NULL;
	task_free(t);
}

static int begin(void **state)
{
	struct scene *s = xcalloc(1, sizeof(*s));
	sigset_t mask;

	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &mask, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	s->status = -1;
	*state = s;
	return sd_event_new(&s->event) < 0 ? -1 : 0;
}

static int end(void **state)
{
	struct scene *s = *state;

	task_free(s->task);
	sd_event_unref(s->event);
	str_done(&s->lines);
	free(s);
	return 0;
}

static void shell(struct scene *s, const char *script, bool talk, int64_t deadline_ms)
{
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};
	const struct task_spec spec = {.name = "test",
				       .argv = argv,
				       .talk = talk,
				       .deadline_ms = deadline_ms,
				       .on_line = on_line,
				       .on_end = on_end,
				       .arg = s};
	struct err e = ERR_INIT;

	assert_int_equal(task_start(s->event, &spec, &s->task, &e), 0);
}

static void wait_for_end(struct scene *s)
{
	struct deadline until = deadline_in(20000);

	while (s->task && !deadline_over(until))
		(void)sd_event_run(s->event, 100000);
	assert_null(s->task);
}

static void lines_and_exit_code(void **state)
{
	struct scene *s = *state;

	shell(s, "echo one; echo two; printf three; exit 3", true, 0);
	wait_for_end(s);
	assert_string_equal(str_text(&s->lines), "one|two|"); /* half a line is none */
	assert_true(WIFEXITED(s->status));
	assert_int_equal(WEXITSTATUS(s->status), 3);
}

static void a_talk(void **state)
{
	struct scene *s = *state;

	s->reply = "hello\n";
	shell(s, "echo ready; read x; echo \"got $x\"", true, 0);
	wait_for_end(s);
	assert_string_equal(str_text(&s->lines), "ready|got hello|");
}

static void too_long_a_line_is_dropped(void **state)
{
	struct scene *s = *state;

	shell(s, "head -c 100000 /dev/zero | tr '\\0' x; echo; echo after", true, 0);
	wait_for_end(s);
	assert_string_equal(str_text(&s->lines), "after|");
}

static void a_deadline_ends_the_group(void **state)
{
	struct scene *s = *state;

	shell(s, "echo $$; while :; do read x; done < /dev/zero & wait", true, 200);
	wait_for_end(s);
	assert_true(WIFSIGNALED(s->status));
	assert_int_equal(WTERMSIG(s->status), SIGTERM);
	/* Nobody of the group is left. */
	long pid = strtol(str_text(&s->lines), NULL, 10);
	assert_true(pid > 1);
	struct deadline until = deadline_in(10000);
	while (kill((pid_t)-pid, 0) == 0 && !deadline_over(until))
		clock_pause_ms(5);
	assert_int_not_equal(kill((pid_t)-pid, 0), 0);
}

static void freed_while_it_runs(void **state)
{
	struct scene *s = *state;
	struct deadline until = deadline_in(10000);

	shell(s, "trap '' TERM; echo $$; while :; do read x; done < /dev/zero", true, 0);
	while (s->lines.len == 0 && !deadline_over(until))
		(void)sd_event_run(s->event, 100000);
	long pid = strtol(str_text(&s->lines), NULL, 10);
	assert_true(pid > 1);
	task_free(TAKE(s->task));
	assert_int_not_equal(kill((pid_t)pid, 0), 0);
	assert_int_equal(s->status, -1); /* no call after it was freed */
}

static void stopped_politely(void **state)
{
	struct scene *s = *state;
	struct deadline until = deadline_in(10000);

	shell(s, "trap 'exit 7' TERM; echo up; while :; do :; done", true, 0);
	while (s->lines.len == 0 && !deadline_over(until))
		(void)sd_event_run(s->event, 100000);
	task_ask_to_stop(s->task);
	wait_for_end(s);
	assert_int_equal(WEXITSTATUS(s->status), 7);
}

static void no_such_program(void **state)
{
	struct scene *s = *state;
	const char *const argv[] = {"/nonexistent/program", NULL};
	const struct task_spec spec = {.name = "test", .argv = argv, .on_end = on_end, .arg = s};
	struct err e = ERR_INIT;

	assert_int_equal(task_start(s->event, &spec, &s->task, &e), 0);
	wait_for_end(s);
	assert_int_equal(WEXITSTATUS(s->status), 127);
}

static void environment_is_cleaned(void **state)
{
	struct scene *s = *state;

	assert_int_equal(setenv("NOTIFY_SOCKET", "/nowhere", 1), 0);
	assert_int_equal(setenv("WATCHDOG_USEC", "1", 1), 0);
	assert_int_equal(setenv("MDC_TEST_KEPT", "yes", 1), 0);
	shell(s, "echo \"$NOTIFY_SOCKET,$WATCHDOG_USEC,$MDC_TEST_KEPT\"", true, 0);
	wait_for_end(s);
	assert_string_equal(str_text(&s->lines), ",,yes|");
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("WATCHDOG_USEC");
}

static void nobody_listens(void **state)
{
	struct scene *s = *state;
	struct deadline until = deadline_in(10000);
	struct err e = ERR_INIT;

	shell(s, "exec 0<&-; echo closed; while :; do :; done", true, 0);
	while (s->lines.len == 0 && !deadline_over(until))
		(void)sd_event_run(s->event, 100000);
	assert_int_equal(task_say(s->task, "poll\n", &e), -1);
	assert_int_equal(e.kind, ERR_RETRY);
	task_kill(s->task);
	wait_for_end(s);
	assert_int_equal(WTERMSIG(s->status), SIGKILL);
}

static void how_text(void **state)
{
	(void)state;
	char buf[64];

	assert_string_equal(task_how_text(W_EXITCODE(3, 0), buf, sizeof(buf)), "exited with 3");
	assert_string_equal(task_how_text(W_EXITCODE(0, 9), buf, sizeof(buf)),
			    "was killed by signal 9");
}

#define TASK_TEST(fn) cmocka_unit_test_setup_teardown(fn, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TASK_TEST(lines_and_exit_code),
		TASK_TEST(a_talk),
		TASK_TEST(too_long_a_line_is_dropped),
		TASK_TEST(a_deadline_ends_the_group),
		TASK_TEST(freed_while_it_runs),
		TASK_TEST(stopped_politely),
		TASK_TEST(no_such_program),
		TASK_TEST(environment_is_cleaned),
		TASK_TEST(nobody_listens),
		TASK_TEST(how_text),
	};

	return cmocka_run_group_tests_name("task", tests, NULL, NULL);
}
