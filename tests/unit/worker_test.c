/*
 * Tests of common/worker: results, errors, messages, and children that die, hang or talk too much.
 */
#include "common/worker.h"

#include "common/auto.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <cmocka.h>

/* Most of the workers below need few of their arguments. */
#define UNUSED(a, b, c) ((void)(a), (void)(b), (void)(c))

static int give_result(void *arg, struct worker_out *o, cJSON **result, struct err *e)
{
	(void)o;
	(void)e;
	*result = cJSON_CreateObject();
	json_set_str(*result, "got", arg);
	return 0;
}

static int give_nothing(void *arg, struct worker_out *o, cJSON **result, struct err *e)
{
	UNUSED(arg, o, result);
	(void)e;
	return 0;
}

static int give_error(void *arg, struct worker_out *o, cJSON **result, struct err *e)
{
	UNUSED(arg, o, result);
	err_set(e, ERR_REJECTED, EACCES, "f.yaml:3:1: \"x\"\nbad");
	return err_wrap(e, "evaluate web");
}

static int die(void *arg, struct worker_out *o, cJSON **result, struct err *e)
{
	UNUSED(arg, o, result);
	(void)e;
	(void)raise(SIGKILL);
	return 0;
}

static int leave(void *arg, struct worker_out *o, cJSON **result, struct err *e)
{
	UNUSED(arg, o, result);
	(void)e;
	_exit(7);
}

static int __attribute__((noreturn))
hang(void *arg, struct worker_out *o, cJSON **result, struct err *e)
{
	UNUSED(arg, o, result);
	(void)e;
	(void)signal(SIGTERM, SIG_IGN);
	for (;;)
		(void)pause();
}

static int hang_with_child(void *arg, struct worker_out *o, cJSON **result, struct err *e)
{
	if (fork() == 0)
		hang(arg, o, result, e);
	hang(arg, o, result, e);
}

/* Dies while a process that it forked holds its socket open. */
static int die_with_child(void *arg, struct worker_out *o, cJSON **result, struct err *e)
{
	if (fork() == 0)
		hang(arg, o, result, e);
	return die(arg, o, result, e);
}

static int __attribute__((noreturn))
talk_forever(void *arg, struct worker_out *o, cJSON **result, struct err *e)
{
	auto_json cJSON *m = cJSON_CreateObject();

	UNUSED(arg, result, e);
	for (;;)
		worker_send(o, m);
}

static int send_large(void *arg, struct worker_out *o, cJSON **result, struct err *e)
{
	auto_free char *text = xcalloc(1, 2000001);

	UNUSED(arg, o, e);
	memset(text, 'x', 2000000);
	*result = cJSON_CreateString(text);
	return 0;
}

static int want_memory(void *arg, struct worker_out *o, cJSON **result, struct err *e)
{
	UNUSED(arg, o, result);
	(void)e;
	for (int i = 0; i < 1000; i++)
		memset(xmalloc(1 << 20), 1, 1 << 20);
	return 0;
}

static const struct row {
	const char *name;
	worker_fn fn;
	struct worker_limits limits;
	const char *result; /* its text, or NULL for none; else the error */
	enum err_kind kind;
	const char *error; /* how it begins */
} rows[] = {
	{"result", give_result, {.timeout_ms = 9000}, "{\"got\":\"argument\"}", ERR_NONE, NULL},
	{"no result", give_nothing, {.timeout_ms = 9000}, NULL, ERR_NONE, NULL},
	{"error",
	 give_error,
	 {.timeout_ms = 9000},
	 NULL,
	 ERR_REJECTED,
	 "evaluate web: f.yaml:3:1: \"x\"\nbad: Permission denied"},
	{"killed", die, {.timeout_ms = 9000}, NULL, ERR_RETRY, "worker was killed by signal 9"},
	{"gone without a word",
	 leave,
	 {.timeout_ms = 9000},
	 NULL,
	 ERR_BROKEN,
	 "worker ended without a result (exit code 7)"},
	{"hangs", hang, {.timeout_ms = 200}, NULL, ERR_RETRY, "worker took longer than 200 ms"},
	{"hangs with a child",
	 hang_with_child,
	 {.timeout_ms = 200},
	 NULL,
	 ERR_RETRY,
	 "worker took longer than 200 ms"},
	{"dies before its child",
	 die_with_child,
	 {.timeout_ms = 9000},
	 NULL,
	 ERR_RETRY,
	 "worker was killed by signal 9"},
	{"never stops talking",
	 talk_forever,
	 {.timeout_ms = 300},
	 NULL,
	 ERR_RETRY,
	 "worker took longer than 300 ms"},
	{"too large a result",
	 send_large,
	 {.timeout_ms = 9000, .max_message = 1000},
	 NULL,
	 ERR_BROKEN,
	 "worker sent a message that is too large"},
	{"memory",
	 want_memory,
	 {.timeout_ms = 9000, .max_memory = 64 << 20},
	 NULL,
	 ERR_BROKEN,
	 "worker was killed by signal 6"},
};

static void check_row(void **state)
{
	const struct row *r = *state;
	char argument[] = "argument", text[2048];
	struct err e = ERR_INIT;
	auto_json cJSON *result = NULL;
	int64_t before = clock_ms();

#if defined(__SANITIZE_ADDRESS__)
	if (r->limits.max_memory > 0)
		skip();
#endif
	int failed = worker_call("worker", r->fn, argument, &r->limits, NULL, NULL, &result, &e);
	assert_true(clock_ms() - before < 5000);
	assert_int_equal(e.kind, r->kind);
	assert_int_equal(failed, r->kind == ERR_NONE ? 0 : -1);
	if (r->kind != ERR_NONE) {
		(void)err_text(&e, text, sizeof(text));
		text[strlen(r->error)] = '\0';
		assert_string_equal(text, r->error);
		assert_null(result);
		return;
	}
	assert_int_equal(result != NULL, r->result != NULL);
	if (result) {
		auto_free char *got = json_text(result);
		assert_string_equal(got, r->result);
	}
}

static void check_large_result(void **state)
{
	const struct worker_limits l = {.timeout_ms = 9000};
	struct err e = ERR_INIT;
	auto_json cJSON *result = NULL;

	(void)state;
	assert_int_equal(worker_call("w", send_large, NULL, &l, NULL, NULL, &result, &e), 0);
	assert_int_equal(strlen(result->valuestring), 2000000);
}

static int count_up(void *arg, struct worker_out *o, cJSON **result, struct err *e)
{
	(void)e;
	for (int i = 0; i < *(int *)arg; i++) {
		auto_json cJSON *m = cJSON_CreateNumber(i);
		worker_send(o, m);
	}
	*result = cJSON_CreateNumber(*(int *)arg);
	return 0;
}

static void take_count(const cJSON *m, void *arg)
{
	int *next = arg;

	assert_int_equal(m->valueint, *next);
	(*next)++;
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* Messages come whole and in order, also when signals interrupt every call. */
static void check_messages(void **state)
{
	const struct worker_limits l = {.timeout_ms = 20000};
	const struct itimerval often = {.it_interval = {.tv_usec = 1000},
					.it_value = {.tv_usec = 1000}};
	const struct itimerval off = {.it_value = {.tv_sec = 0}};
	struct sigaction act = {.sa_handler = on_alarm}, old; /* no SA_RESTART */
	struct err e = ERR_INIT;
	auto_json cJSON *result = NULL;
	int n = 20000, next = 0;

	(void)state;
	(void)sigaction(SIGALRM, &act, &old);
	(void)setitimer(ITIMER_REAL, &often, NULL);
	int failed = worker_call("w", count_up, &n, &l, take_count, &next, &result, &e);
	(void)setitimer(ITIMER_REAL, &off, NULL);
	(void)sigaction(SIGALRM, &old, NULL);
	assert_int_equal(failed, 0);
	assert_int_equal(next, n);
	assert_int_equal(result->valueint, n);
}

static enum worker_state wait_for_end(struct worker *w, cJSON **m, struct err *e)
{
	for (;;) {
		struct pollfd fd = {.fd = worker_fd(w), .events = POLLIN};
		enum worker_state got = worker_take(w, m, e);

		if (got != WORKER_AGAIN)
			return got;
		assert_true(poll(&fd, 1, worker_left_ms(w)) > 0);
	}
}

static void check_two_at_once(void **state)
{
	const struct worker_limits l = {.timeout_ms = 9000};
	struct err e = ERR_INIT;
	struct worker *a = NULL, *b = NULL;
	auto_json cJSON *got_a = NULL, *got_b = NULL;
	char for_a[] = "a", for_b[] = "b";

	(void)state;
	assert_int_equal(worker_start("a", give_result, for_a, &l, false, &a, &e), 0);
	assert_int_equal(worker_start("b", give_result, for_b, &l, false, &b, &e), 0);
	assert_true(worker_left_ms(a) > 5000);
	assert_int_equal(wait_for_end(b, &got_b, &e), WORKER_DONE);
	assert_int_equal(wait_for_end(a, &got_a, &e), WORKER_DONE);
	assert_string_equal(json_str(got_a, "got", ""), "a");
	assert_string_equal(json_str(got_b, "got", ""), "b");
	worker_free(a);
	worker_free(b);
}

static void check_kill(void **state)
{
	const struct worker_limits l = {.timeout_ms = 60000};
	struct err e = ERR_INIT;
	struct worker *w = NULL;
	cJSON *m = NULL;

	(void)state;
	assert_int_equal(worker_start("w", hang, NULL, &l, false, &w, &e), 0);
	pid_t pid = worker_pid(w);
	assert_true(pid > 1);
	assert_int_equal(worker_take(w, &m, &e), WORKER_AGAIN);
	worker_kill(w);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(worker_take(w, &m, &e), WORKER_FAILED);
	worker_free(w);
	assert_int_equal(worker_start("w", hang, NULL, &l, false, &w, &e), 0);
	pid = worker_pid(w);
	worker_free(w);
	assert_int_equal(kill(pid, 0), -1);
}

/* Its parent is gone: it still does its work, and its sends do not kill it. */
static int outlive(void *arg, struct worker_out *o, cJSON **result, struct err *e)
{
	int *fds = arg;
	char c = 'x';
	auto_json cJSON *m = cJSON_CreateObject();

	(void)result;
	(void)e;
	(void)close(fds[0]);
	while (getppid() == fds[2])
		clock_pause_ms(5);
	for (int i = 0; i < 10; i++)
		worker_send(o, m);
	return write(fds[1], &c, 1) == 1 ? 0 : -1;
}

static void check_outlive(void **state)
{
	int fds[3];
	char c = 0;

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		const struct worker_limits l = {.timeout_ms = 9000};
		struct err e = ERR_INIT;
		struct worker *w = NULL;

		fds[2] = getpid();
		_exit(worker_start("w", outlive, fds, &l, true, &w, &e) == 0 ? 0 : 1);
	}
	(void)close(fds[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(read(fds[0], &c, 1), 1);
	assert_int_equal(c, 'x');
	(void)close(fds[0]);
}

/* The same without `outlive`: nothing is left of it, and the pipe ends without a byte. */
static void check_dies_with_parent(void **state)
{
	int fds[3];
	char c = 0;

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		const struct worker_limits l = {.timeout_ms = 9000};
		struct err e = ERR_INIT;
		struct worker *w = NULL;

		fds[2] = getpid();
		_exit(worker_start("w", hang, fds, &l, false, &w, &e) == 0 ? 0 : 1);
	}
	(void)close(fds[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(read(fds[0], &c, 1), 0);
	(void)close(fds[0]);
}

int main(void)
{
	static const struct CMUnitTest single[] = {
		cmocka_unit_test(check_large_result), cmocka_unit_test(check_messages),
		cmocka_unit_test(check_two_at_once),  cmocka_unit_test(check_kill),
		cmocka_unit_test(check_outlive),      cmocka_unit_test(check_dies_with_parent),
	};
	struct CMUnitTest tests[COUNT_OF(rows) + COUNT_OF(single)];
	size_t n = 0;

	for (; n < COUNT_OF(rows); n++)
		tests[n] = (struct CMUnitTest){rows[n].name, check_row, NULL, NULL,
					       (void *)(uintptr_t)&rows[n]};
	for (size_t i = 0; i < COUNT_OF(single); i++)
		tests[n++] = single[i];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
