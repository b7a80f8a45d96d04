/*
 * guard - while containers are held, a tiny process of its own session waits at a pipe. When the
 * agent dies, kill -9 included, the pipe ends, and the guard lets go of what the intent says is
 * held. It has inherited the project's lock: a restarted agent that recovers waits for it, so the
 * two never work at once. Depends on: snap_parts.h.
 */
#include "agent/flow/snap_parts.h"

#include "common/clock.h"
#include "common/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { LET_GO_MS = 5 * 60 * 1000, AGAIN_MS = 500 };

struct guard {
	pid_t pid;
	int fd; /* our end of the pipe */
};

/* The engine may be on its way back too. */
static void let_go(const struct bench *b)
{
	struct deadline until = deadline_in(LET_GO_MS);
	struct trial t = {.name = b->trial->name};
	struct intent in;
	struct err e = ERR_INIT;
	auto_engine struct engine *g = NULL;

	active_init(&t.old);
	active_init(&t.new);
	if (intent_load(b->sync, b->trial->name, &t, &in, &e) < 0 ||
	    !str_eq(in.phase, PHASE_SNAPSHOT) || engine_open(b->sync->config, &g, &e) < 0)
		return;
	while (quiesce_let_go(g, &in.snap, true, &e) < 0 && !deadline_over(until)) {
		clock_pause_ms(AGAIN_MS);
		err_clear(&e);
	}
}

/* Only the pipe and the project's lock stay open: the sync's own lock must be free for the agent
 * that comes after. */
static void keep_only(int a, int b)
{
	int low = a < b ? a : b, high = a < b ? b : a;

	if (low > 3)
		(void)close_range(3, (unsigned)low - 1, 0);
	if (high > low + 1)
		(void)close_range((unsigned)low + 1, (unsigned)high - 1, 0);
	(void)close_range((unsigned)high + 1, ~0U, 0);
}

static _Noreturn void watch(const struct bench *b, int fd)
{
	char c;
	ssize_t n;
	int null;

	(void)setsid();
	(void)prctl(PR_SET_PDEATHSIG, 0);
	(void)prctl(PR_SET_NAME, "mdc-guard");
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	keep_only(fd, b->lock_fd);
	null = open("/dev/null", O_RDWR);
	for (int i = 0; null >= 0 && i < 3; i++)
		(void)dup2(null, i);
	do
		n = read(fd, &c, 1);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		let_go(b);
	_exit(0);
}

int guard_start(struct bench *b, struct guard **out, struct err *e)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(e, ERR_RETRY, errno, "cannot start the guard");
	pid_t pid = fork();

	if (pid == 0) {
		(void)close(ends[1]);
		watch(b, ends[0]);
	}
	int why = errno;

	(void)close(ends[0]);
	if (pid < 0) {
		(void)close(ends[1]);
		return err_set(e, ERR_RETRY, why, "cannot start the guard");
	}
	*out = xcalloc(1, sizeof(**out));
	**out = (struct guard){.pid = pid, .fd = ends[1]};
	return 0;
}

void guard_end(struct guard *g)
{
	if (!g)
		return;
	(void)!write(g->fd, "x", 1);
	(void)close(g->fd);
	while (waitpid(g->pid, NULL, 0) < 0 && errno == EINTR)
		;
	free(g);
}

void guard_leave(struct guard *g)
{
	if (!g)
		return;
	(void)close(g->fd);
	free(g);
}
