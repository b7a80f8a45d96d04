/*
 * proc - runs a program to its end. proc_start.c makes the child; here its output is collected and
 * its end is brought about. Depends on: err, mem, str, clock, child, duration.
 */
#include "common/proc.h"

#include "common/child.h"
#include "common/clock.h"
#include "common/duration.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/proc_start.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum {
	GRACE_MS = 2000,
	MAX_OUT = 1024 * 1024,
	STDERR_KEEP = 16 * 1024,
	PIECE = 16 * 1024,
	NO_PIDFD_MS = 20,    /* how often to look where there is no pidfd */
	STRAGGLERS_MS = 200, /* output of what the child left behind, before that is killed */
	LAST_WORDS_MS = 1000,
	KILL_MS = 10000,
	SHOWN_MAX = 400,
};

/* A run in progress. */
struct run {
	const struct proc *p;
	struct proc_result *r;
	struct proc_child c;
	struct deadline until; /* of the present phase */
	bool ending;           /* SIGTERM was sent */
	bool killed;           /* SIGKILL was sent */
	struct deadline tick;  /* when on_tick() is due */
};

/* Keep the end: a program's last words say why it failed. */
static void keep_tail(struct str *s, const char *data, size_t n)
{
	if (n > STDERR_KEEP) {
		data += n - STDERR_KEEP;
		n = STDERR_KEEP;
	}
	if (s->len + n > STDERR_KEEP) {
		size_t drop = s->len + n - STDERR_KEEP;

		memmove(s->s, s->s + drop, s->len - drop);
		s->len -= drop;
	}
	str_addn(s, data, n);
}

static void end(struct run *run, enum proc_how how)
{
	if (run->ending)
		return;
	run->ending = true;
	run->r->how = how;
	child_signal(run->c.pid, SIGTERM);
	child_signal(run->c.pid, SIGCONT); /* a stopped process would not see it */
	run->until = deadline_in(run->p->grace_ms > 0 ? run->p->grace_ms : GRACE_MS);
}

/* Read what is there; at the end of the stream *fd is closed and -1. */
static void drain(struct run *run, int *fd, bool is_stderr)
{
	char buf[PIECE];
	ssize_t n = read(*fd, buf, sizeof(buf));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		(void)close(TAKE_FD(*fd));
		return;
	}
	if (is_stderr) {
		keep_tail(&run->r->err, buf, (size_t)n);
		if (run->p->on_stderr)
			run->p->on_stderr(buf, (size_t)n, run->p->arg);
		return;
	}
	str_addn(&run->r->out, buf, (size_t)n);
	if (run->r->out.cut)
		end(run, PROC_TOO_MUCH);
}

/* Wait up to wait_ms for output or the end, and take the output. */
static void step(struct run *run, int64_t wait_ms)
{
	struct pollfd fds[] = {
		{.fd = run->c.out, .events = POLLIN},
		{.fd = run->c.err, .events = POLLIN},
		{.fd = run->c.pidfd, .events = POLLIN},
	};

	if (run->c.pidfd < 0 && wait_ms > NO_PIDFD_MS)
		wait_ms = NO_PIDFD_MS;
	if (wait_ms > 60000) /* fits an int, and a look now and then does no harm */
		wait_ms = 60000;
	if (poll(fds, COUNT_OF(fds), (int)wait_ms) <= 0)
		return;
	if (run->c.out >= 0 && fds[0].revents != 0)
		drain(run, &run->c.out, false);
	if (run->c.err >= 0 && fds[1].revents != 0)
		drain(run, &run->c.err, true);
}

/* One look at the deadline of this phase: run, grace, killed. False if even SIGKILL does not end
 * it. */
static bool check_deadline(struct run *run)
{
	if (!deadline_over(run->until))
		return true;
	if (!run->ending) {
		end(run, PROC_TIMED_OUT);
		return true;
	}
	if (run->killed)
		return false;
	run->killed = true;
	child_signal(run->c.pid, SIGKILL);
	run->until = deadline_in(KILL_MS);
	return true;
}

/* Wait for what comes first; call on_tick() when it is due. */
static void run_on(struct run *run)
{
	int64_t wait_ms = deadline_left_ms(run->until);

	if (!run->p->on_tick || run->ending) {
		step(run, wait_ms);
		return;
	}
	int64_t tick_ms = deadline_left_ms(run->tick);

	step(run, tick_ms < wait_ms ? tick_ms : wait_ms);
	if (!deadline_over(run->tick))
		return;
	run->p->on_tick(run->p->arg);
	run->tick = deadline_in(run->p->tick_ms);
}

/* The child is a zombie. What it left in its group may still write, and is then ended too. */
static void drain_rest(struct run *run)
{
	struct deadline until = deadline_in(run->ending ? 0 : STRAGGLERS_MS);
	/* The pidfd stays readable now and would make every poll return at once. */
	if (run->c.pidfd >= 0)
		(void)close(TAKE_FD(run->c.pidfd));

	while ((run->c.out >= 0 || run->c.err >= 0) && !deadline_over(until))
		step(run, deadline_left_ms(until));
	child_signal(run->c.pid, SIGKILL);
	until = deadline_in(LAST_WORDS_MS);
	while ((run->c.out >= 0 || run->c.err >= 0) && !deadline_over(until))
		step(run, deadline_left_ms(until));
}

static void set_status(struct proc_result *r, int status)
{
	if (status == -1) {
		r->code = SIGKILL;
	} else if (WIFSIGNALED(status)) {
		r->code = WTERMSIG(status);
		if (r->how == PROC_EXITED)
			r->how = PROC_SIGNALED;
	} else {
		r->code = WEXITSTATUS(status);
	}
}

/* Processor time of all children that were reaped so far. */
static int64_t children_cpu_ms(void)
{
	struct rusage u;

	if (getrusage(RUSAGE_CHILDREN, &u) < 0)
		return 0;
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
	       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

int proc_run(const struct proc *p, struct proc_result *r, struct err *e)
{
	int64_t cpu_ms = children_cpu_ms();
	struct proc_result result = {.how = PROC_EXITED, .code = 0};
	struct run run = {.p = p, .r = &result};

	result.out.max = p->max_out > 0 ? p->max_out : MAX_OUT;
	if (proc_start(p, &run.c, e) < 0)
		return -1;
	run.until = deadline_in(p->timeout_ms);
	run.tick = deadline_in(p->tick_ms);
	while (!child_ended(run.c.pid) && check_deadline(&run))
		run_on(&run);
	drain_rest(&run);
	set_status(&result, child_finish(run.c.pid, KILL_MS));
	/* A virtual machine's clock of work runs up to a tenth slow. */
	result.cpu_spent = result.how == PROC_SIGNALED && p->max_cpu_s > 0 &&
			   children_cpu_ms() - cpu_ms >= (int64_t)p->max_cpu_s * 1000 * 8 / 10;
	proc_child_close(&run.c);
	*r = result;
	return 0;
}

void proc_result_done(struct proc_result *r)
{
	str_done(&r->out);
	str_done(&r->err);
}

const char *proc_how_text(const struct proc *p, const struct proc_result *r, char *buf, size_t size)
{
	char text[32];

	switch (r->how) {
	case PROC_EXITED:
		(void)snprintf(buf, size, "exited with %d", r->code);
		break;
	case PROC_SIGNALED:
		(void)snprintf(buf, size, "was killed by signal %d", r->code);
		break;
	case PROC_TIMED_OUT:
		(void)snprintf(buf, size, "took longer than %s",
			       duration_text(p->timeout_ms, text, sizeof(text)));
		break;
	case PROC_TOO_MUCH:
		(void)snprintf(
			buf, size, "wrote more than %s",
			size_text(p->max_out > 0 ? p->max_out : MAX_OUT, text, sizeof(text)));
		break;
	}
	return buf;
}

char *proc_last_line(const char *text)
{
	const char *best = "";
	size_t best_len = 0;

	/* A carriage return begins a line anew in what is meant for a terminal. */
	for (const char *p = text; *p != '\0';) {
		size_t n = strcspn(p, "\r\n");
		const char *line = p;

		p += n + (p[n] != '\0');
		while (n > 0 && (line[0] == ' ' || line[0] == '\t')) {
			line++;
			n--;
		}
		while (n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\t'))
			n--;
		if (n > 0) {
			best = line;
			best_len = n;
		}
	}
	return xstrndup(best, best_len);
}

int proc_need(const struct proc *p, char **out, struct err *e)
{
	auto_proc_result struct proc_result r = {.how = PROC_EXITED};
	char how[64];

	if (proc_run(p, &r, e) < 0)
		return -1;
	if (r.how == PROC_EXITED && r.code == 0) {
		if (out)
			*out = str_take(&r.out);
		return 0;
	}
	auto_free char *line = proc_last_line(str_text(&r.err));
	auto_free char *shown = str_printable(line, SHOWN_MAX);
	const char *name = path_base(p->argv[0]);
	(void)proc_how_text(p, &r, how, sizeof(how));
	if (shown[0] == '\0')
		return err_set(e, ERR_FAILED, 0, "%s %s", name, how);
	(void)err_set(e, ERR_FAILED, 0, "%s", shown);
	return err_wrap(e, "%s %s", name, how);
}
