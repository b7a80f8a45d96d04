/*
 * proc_pipe - see the header. Depends on: proc_start, child, clock.
 */
#include "common/proc_pipe.h"

#include "common/child.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/proc_start.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

enum { KILL_MS = 10000, LAST_WORDS_MS = 1000, WORDS_KEEP = 16 * 1024, SHOWN_MAX = 400 };

struct proc_pipe {
	const struct proc *p;
	struct proc_child c;
	struct deadline until;
	struct str words; /* the beginning of its stderr */
	bool reaped;
};

int proc_pipe_open(const struct proc *p, struct proc_pipe **out, struct err *e)
{
	struct proc_pipe *c = xcalloc(1, sizeof(*c));

	c->p = p;
	c->words.max = WORDS_KEEP;
	if (proc_start(p, &c->c, e) < 0) {
		free(c);
		return -1;
	}
	c->until = deadline_in(p->timeout_ms);
	*out = c;
	return 0;
}

static void take_words(struct proc_pipe *c)
{
	char buf[4096];
	ssize_t n = read(c->c.err, buf, sizeof(buf));

	if (n > 0)
		str_addn(&c->words, buf, (size_t)n);
	else if (n == 0 || (errno != EINTR && errno != EAGAIN))
		(void)close(TAKE_FD(c->c.err));
}

/* Its output has ended: how did it end itself? */
static ssize_t finish(struct proc_pipe *c, struct err *e)
{
	struct proc_result r = {.how = PROC_EXITED};
	struct deadline words = deadline_in(LAST_WORDS_MS);
	char how[80];

	while (!child_ended(c->c.pid) && !deadline_over(c->until))
		clock_pause_ms(5);
	while (c->c.err >= 0 && !deadline_over(words)) {
		struct pollfd fd = {.fd = c->c.err, .events = POLLIN};

		(void)poll(&fd, 1, (int)deadline_left_ms(words));
		take_words(c);
	}
	bool late = !child_ended(c->c.pid);
	int status = child_finish(c->c.pid, KILL_MS);

	c->reaped = true;
	if (!late && status == 0)
		return 0;
	r.how = late ? PROC_TIMED_OUT : WIFSIGNALED(status) ? PROC_SIGNALED : PROC_EXITED;
	r.code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
	auto_free char *line = proc_last_line(str_text(&c->words));
	auto_free char *shown = str_printable(line, SHOWN_MAX);

	return err_set(e, ERR_REJECTED, 0, "%s %s%s%s", path_base(c->p->argv[0]),
		       proc_how_text(c->p, &r, how, sizeof(how)), shown[0] ? ": " : "", shown);
}

ssize_t proc_pipe_read(struct proc_pipe *c, char *buf, size_t size, struct err *e)
{
	while (c->c.out >= 0 && !deadline_over(c->until)) {
		struct pollfd fds[] = {{.fd = c->c.out, .events = POLLIN},
				       {.fd = c->c.err, .events = POLLIN}};

		if (poll(fds, COUNT_OF(fds), (int)deadline_left_ms(c->until)) < 0 && errno != EINTR)
			return err_set(e, ERR_RETRY, errno,
				       "cannot wait for the output of %s: free memory",
				       c->p->argv[0]);
		if (c->c.err >= 0 && fds[1].revents != 0)
			take_words(c);
		if (fds[0].revents == 0)
			continue;
		ssize_t n = read(c->c.out, buf, size);

		if (n > 0)
			return n;
		if (n == 0 || (errno != EINTR && errno != EAGAIN))
			(void)close(TAKE_FD(c->c.out));
	}
	return finish(c, e);
}

void proc_pipe_close(struct proc_pipe *c)
{
	if (!c->reaped)
		(void)child_finish(c->c.pid, KILL_MS);
	proc_child_close(&c->c);
	str_done(&c->words);
	free(c);
}
