/*
 * task - see task.h.
 * Depends on: common, sd-event.
 */
#include "agent/daemon/task.h"

#include "common/child.h"
#include "common/mem.h"
#include "common/str.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>

enum { LINE_MAX_BYTES = 8192, GRACE_US = 5 * 1000 * 1000 };

struct task {
	struct task_spec spec; /* argv is not to be used any more */
	pid_t pid;
	bool ended, asked; /* asked: SIGTERM was sent because of the deadline */
	int in, out;       /* our ends, or -1 */
	struct str line;
	sd_event_source *child, *io, *timer;
};

/* What the loop was told by systemd is not for its children. */
static bool is_ours_only(const char *variable)
{
	static const char *const names[] = {
		"NOTIFY_SOCKET=", "WATCHDOG_USEC=", "WATCHDOG_PID=", "LISTEN_"};

	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (str_starts(variable, names[i]))
			return true;
	return false;
}

static char **environment(void)
{
	size_t n = 0, kept = 0;

	while (environ[n])
		n++;
	char **env = xcalloc(n + 1, sizeof(*env));
	for (size_t i = 0; i < n; i++)
		if (!is_ours_only(environ[i]))
			env[kept++] = environ[i];
	return env;
}

/* In the child. fd is above 2 or the one already; dup2() takes close-on-exec away. */
static void use_as(int fd, int as)
{
	if (fd >= 0)
		(void)dup2(fd, as);
}

static void __attribute__((noreturn))
run_child(const struct task_spec *spec, char *const *env, pid_t parent, int in, int out)
{
	child_begin(parent, spec->outlive);
	use_as(in, STDIN_FILENO);
	use_as(out, STDOUT_FILENO);
	/* execve() does not write to the strings it is given. */
	(void)execve(spec->argv[0], (char *const *)(uintptr_t)spec->argv, env);
	_exit(127);
}

struct ends {
	int in, out;             /* ours */
	int child_in, child_out; /* the child's; -1: inherited */
};

static void close_pair(int *a, int *b)
{
	auto_close_at(a);
	auto_close_at(b);
	*a = *b = -1;
}

static int open_ends(const struct task_spec *spec, struct ends *p, struct err *e)
{
	int to[2], from[2];

	*p = (struct ends){.in = -1, .out = -1, .child_in = -1, .child_out = -1};
	if (!spec->talk) {
		p->child_in = open("/dev/null", O_RDONLY | O_CLOEXEC);
		return p->child_in >= 0 ? 0 : err_set(e, ERR_RETRY, errno, "cannot open /dev/null");
	}
	if (pipe2(to, O_CLOEXEC) < 0)
		return err_set(e, ERR_RETRY, errno, "cannot make a pipe");
	if (pipe2(from, O_CLOEXEC) < 0) {
		int why = errno;

		close_pair(&to[0], &to[1]);
		return err_set(e, ERR_RETRY, why, "cannot make a pipe");
	}
	*p = (struct ends){.in = to[1], .out = from[0], .child_in = to[0], .child_out = from[1]};
	/* Only our ends: a child may count on waiting. */
	(void)fcntl(p->in, F_SETFL, O_NONBLOCK);
	(void)fcntl(p->out, F_SETFL, O_NONBLOCK);
	return 0;
}

static void take_bytes(struct task *t, const char *p, size_t n)
{
	while (n > 0) {
		const char *newline = memchr(p, '\n', n);
		size_t part = newline ? (size_t)(newline - p) : n;

		str_addn(&t->line, p, part);
		p += part;
		n -= part;
		if (!newline)
			return;
		if (!t->line.cut && t->spec.on_line)
			t->spec.on_line(t, str_text(&t->line), t->spec.arg);
		str_done(&t->line);
		t->line = (struct str){.max = LINE_MAX_BYTES};
		p++;
		n--;
	}
}

/* Everything that is there now. */
static void drain(struct task *t)
{
	char buf[1024];

	while (t->out >= 0) {
		ssize_t n = read(t->out, buf, sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			t->io = sd_event_source_disable_unref(t->io);
			auto_close_at(&t->out);
			t->out = -1;
			return;
		}
		take_bytes(t, buf, (size_t)n);
	}
}

static int on_io(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	(void)s;
	(void)fd;
	(void)events;
	drain(arg);
	return 0;
}

static int on_child(sd_event_source *s, const siginfo_t *si, void *arg)
{
	struct task *t = arg;
	int status = si->si_code == CLD_EXITED ? W_EXITCODE(si->si_status, 0)
					       : W_EXITCODE(0, si->si_status);

	(void)s;
	drain(t);
	/* What it left behind goes too; its number is still taken, so this cannot hit a stranger.
	 */
	if (!t->spec.outlive)
		child_signal(t->pid, SIGKILL);
	t->ended = true;
	t->spec.on_end(t, status, t->spec.arg);
	return 0;
}

static int on_deadline(sd_event_source *s, uint64_t usec, void *arg)
{
	struct task *t = arg;

	(void)usec;
	child_signal(t->pid, t->asked ? SIGKILL : SIGTERM);
	if (!t->asked) {
		t->asked = true;
		(void)sd_event_source_set_time_relative(s, GRACE_US);
		(void)sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
	}
	return 0;
}

static int watch(sd_event *event, struct task *t, struct err *e)
{
	int r = sd_event_add_child(event, &t->child, t->pid, WEXITED, on_child, t);

	if (r >= 0 && t->out >= 0)
		r = sd_event_add_io(event, &t->io, t->out, EPOLLIN, on_io, t);
	if (r >= 0 && t->spec.deadline_ms > 0)
		r = sd_event_add_time_relative(event, &t->timer, CLOCK_BOOTTIME,
					       (uint64_t)t->spec.deadline_ms * 1000, 0, on_deadline,
					       t);
	return r >= 0 ? 0 : err_set(e, ERR_RETRY, -r, "cannot watch %s", t->spec.name);
}

int task_start(sd_event *event, const struct task_spec *spec, struct task **out, struct err *e)
{
	struct ends p;
	pid_t parent = getpid();

	if (open_ends(spec, &p, e) < 0)
		return -1;
	auto_free char **env = environment();
	pid_t pid = fork();
	if (pid == 0)
		run_child(spec, env, parent, p.child_in, p.child_out);
	int why = errno;
	close_pair(&p.child_in, &p.child_out);
	if (pid < 0) {
		close_pair(&p.in, &p.out);
		return err_set(e, ERR_RETRY, why, "cannot start %s", spec->name);
	}
	(void)setpgid(pid, pid); /* here too, so that a signal to the group cannot come too early */
	struct task *t = xcalloc(1, sizeof(*t));
	*t = (struct task){.spec = *spec,
			   .pid = pid,
			   .in = p.in,
			   .out = p.out,
			   .line = {.max = LINE_MAX_BYTES}};
	t->spec.argv = NULL;
	if (watch(event, t, e) < 0) {
		task_free(t);
		return -1;
	}
	*out = t;
	return 0;
}

int task_say(struct task *t, const char *text, struct err *e)
{
	size_t len = strlen(text);

	/* SIGPIPE is ignored by the daemon. A pipe that is full belongs to a program that hangs. */
	if (t->in < 0 || write(t->in, text, len) != (ssize_t)len)
		return err_set(e, ERR_RETRY, 0, "%s does not listen", t->spec.name);
	return 0;
}

void task_ask_to_stop(struct task *t)
{
	if (!t->ended)
		(void)kill(t->pid, SIGTERM);
}

void task_kill(struct task *t)
{
	if (!t->ended)
		child_signal(t->pid, SIGKILL);
}

void task_free(struct task *t)
{
	if (!t)
		return;
	bool runs = !t->ended;
	if (runs)
		child_signal(t->pid, SIGKILL);
	sd_event_source_disable_unref(t->child); /* before reaping, which frees the number */
	if (runs)
		(void)child_finish(t->pid, 1000);
	t->child = NULL;
	t->ended = true;
	task_leave(t);
}

void task_leave(struct task *t)
{
	sd_event_source_disable_unref(t->child);
	sd_event_source_disable_unref(t->io);
	sd_event_source_disable_unref(t->timer);
	close_pair(&t->in, &t->out);
	str_done(&t->line);
	free(t);
}

const char *task_how_text(int status, char *buf, size_t size)
{
	if (WIFEXITED(status))
		(void)snprintf(buf, size, "exited with %d", WEXITSTATUS(status));
	else
		(void)snprintf(buf, size, "was killed by signal %d", WTERMSIG(status));
	return buf;
}
