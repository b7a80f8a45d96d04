/*
 * worker - the parent's end: starts the child, takes its frames, sees to it that it ends. What runs
 * in the child is in worker_child.c. Depends on: err, mem, str, json, clock, duration, child.
 */
#include "common/worker.h"

#include "common/auto.h"
#include "common/child.h"
#include "common/clock.h"
#include "common/duration.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/worker_frame.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum {
	MAX_MESSAGE = 16 * 1024 * 1024,
	PIECE = 64 * 1024,
	KILL_MS = 10000,
	WATCH_MS = 500, /* how often worker_call() looks whether the child is still there */
};

struct worker {
	char *name;
	pid_t pid; /* -1 once reaped */
	int fd;
	struct deadline until;
	int timeout_ms;
	size_t max_message;
	unsigned char *buf; /* what has arrived and was not taken */
	size_t have, cap;
	bool ended; /* nothing more can arrive */
	bool late;  /* it was killed because of its deadline */
};

int worker_start(const char *name, worker_fn fn, void *arg, const struct worker_limits *l,
		 bool outlive, struct worker **out, struct err *e)
{
	int ends[2];

	/* A socket rather than a pipe: a write to a parent that is gone must not raise SIGPIPE. */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return err_set(e, ERR_RETRY, errno, "cannot start %s", name);
	const struct worker_job job = {
		.fn = fn, .arg = arg, .limits = l, .fd = ends[1], .outlive = outlive};
	pid_t parent = getpid();
	pid_t pid = fork();
	if (pid == 0) {
		(void)close(ends[0]);
		worker_run(&job, parent);
	}
	int why = errno;
	(void)close(ends[1]);
	if (pid < 0) {
		(void)close(ends[0]);
		return err_set(e, ERR_RETRY, why, "cannot start %s", name);
	}
	(void)setpgid(pid, pid);
	struct worker *w = xcalloc(1, sizeof(*w));
	w->name = xstrdup(name);
	w->pid = pid;
	w->fd = ends[0];
	w->timeout_ms = l->timeout_ms;
	w->until = deadline_in(l->timeout_ms);
	w->max_message = l->max_message > 0 ? l->max_message : MAX_MESSAGE;
	*out = w;
	return 0;
}

int worker_fd(const struct worker *w)
{
	return w->fd;
}

pid_t worker_pid(const struct worker *w)
{
	return w->pid;
}

int worker_left_ms(const struct worker *w)
{
	int64_t left = deadline_left_ms(w->until);

	return left > INT_MAX ? INT_MAX : (int)left;
}

/* Ends the child if it still runs. Returns its wait status, -1 if there is none. */
static int finish(struct worker *w)
{
	if (w->pid < 0)
		return -1;
	int status = child_finish(w->pid, KILL_MS);
	w->pid = -1;
	return status;
}

void worker_kill(struct worker *w)
{
	(void)finish(w);
	w->ended = true;
}

void worker_free(struct worker *w)
{
	worker_kill(w);
	(void)close(w->fd);
	free(w->name);
	free(w->buf);
	free(w);
}

/* Take what has arrived, but no more than one frame of the largest size at a time. */
static void receive(struct worker *w)
{
	size_t most = w->max_message + FRAME_HEADER;

	while (w->have < most) {
		size_t want = most - w->have < PIECE ? most - w->have : PIECE;

		if (w->cap - w->have < want) {
			w->cap = w->cap * 2 > w->have + want ? w->cap * 2 : w->have + want;
			w->buf = xrealloc(w->buf, w->cap);
		}
		ssize_t n = recv(w->fd, w->buf + w->have, want, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n <= 0) {
			w->ended = true;
			return;
		}
		w->have += (size_t)n;
	}
}

/* Length of the body of the frame at the front, or SIZE_MAX if it is not whole yet. */
static size_t whole_frame(const struct worker *w)
{
	if (w->have < FRAME_HEADER)
		return SIZE_MAX;
	size_t len = frame_length(w->buf);
	return w->have - FRAME_HEADER >= len || len > w->max_message ? len : SIZE_MAX;
}

static enum worker_state broken(struct worker *w, const char *what, struct err *e)
{
	worker_kill(w);
	(void)err_set(e, ERR_BROKEN, 0, "%s %s", w->name, what);
	return WORKER_FAILED;
}

/* The child's own error, as it sent it. */
static void read_error(const cJSON *json, struct err *e)
{
	(void)err_set(e, err_kind_parse(json_str(json, "kind", NULL)), 0, "%s",
		      json_str(json, "cause", "failed without a reason"));
	e->errnum = (int)json_int(json, "errnum", 0);
	const char *trail = json_str(json, "trail", "");
	if (trail[0] != '\0')
		(void)err_wrap(e, "%s", trail);
}

/* Take the frame at the front, whose body has len bytes. */
static enum worker_state take_frame(struct worker *w, size_t len, cJSON **message, struct err *e)
{
	auto_json cJSON *json = NULL;
	struct err why = ERR_INIT;

	if (len > w->max_message)
		return broken(w, "sent a message that is too large", e);
	int type = w->buf[0];
	const char *body = (const char *)w->buf + FRAME_HEADER;
	if (len > 0 && json_parse(body, len, &json, &why) < 0)
		return broken(w, "sent a message that cannot be read", e);
	w->have -= FRAME_HEADER + len;
	memmove(w->buf, w->buf + FRAME_HEADER + len, w->have);
	if (type == FRAME_MESSAGE) {
		*message = TAKE(json);
		return WORKER_MESSAGE;
	}
	worker_kill(w); /* its last frame: nothing of its group may go on */
	if (type == FRAME_RESULT) {
		*message = TAKE(json);
		return WORKER_DONE;
	}
	read_error(json, e);
	return WORKER_FAILED;
}

/* The child is gone without a last frame. */
static enum worker_state died(struct worker *w, struct err *e)
{
	int status = finish(w);
	char text[32];

	if (w->late) {
		(void)err_set(e, ERR_RETRY, 0, "%s took longer than %s", w->name,
			      duration_text(w->timeout_ms, text, sizeof(text)));
		return WORKER_FAILED;
	}
	/* SIGKILL is the kernel, short of memory, or a person: nothing is broken. */
	if (status != -1 && WIFSIGNALED(status))
		(void)err_set(e, WTERMSIG(status) == SIGKILL ? ERR_RETRY : ERR_BROKEN, 0,
			      "%s was killed by signal %d%s", w->name, WTERMSIG(status),
			      WTERMSIG(status) == SIGABRT ? " (out of memory, or a bug)" : "");
	else if (status != -1)
		(void)err_set(e, ERR_BROKEN, 0, "%s ended without a result (exit code %d)", w->name,
			      WEXITSTATUS(status));
	else
		(void)err_set(e, ERR_BROKEN, 0, "%s ended without a result", w->name);
	return WORKER_FAILED;
}

/*
 * After the deadline the child goes first, and what it had sent by then is still taken: its result
 * counts even if we were slow to look, and one that never stops sending comes to an end.
 */
static void check_deadline(struct worker *w)
{
	if (w->pid < 0 || !deadline_over(w->until))
		return;
	w->late = true;
	(void)finish(w);
}

/* Receive, and notice that the child is gone. */
static void look(struct worker *w)
{
	/*
	 * Asked before reading: what it sent before it died is then read. Its socket alone does not
	 * tell, since a process that it forked may hold it open.
	 */
	bool dead = w->pid < 0 || child_ended(w->pid);

	receive(w);
	if (dead && w->have < w->max_message + FRAME_HEADER)
		w->ended = true;
}

enum worker_state worker_take(struct worker *w, cJSON **message, struct err *e)
{
	check_deadline(w);
	size_t len = whole_frame(w);
	if (len == SIZE_MAX && !w->ended) {
		look(w);
		len = whole_frame(w);
	}
	if (len != SIZE_MAX)
		return take_frame(w, len, message, e);
	return w->ended ? died(w, e) : WORKER_AGAIN;
}

AUTO_PTR(worker_free, struct worker)

/* Wait until there is something to take, or a moment to look again. */
static void wait_for(const struct worker *w)
{
	struct pollfd fd = {.fd = w->fd, .events = POLLIN};
	int left = worker_left_ms(w);

	(void)poll(&fd, 1, left < WATCH_MS ? left : WATCH_MS);
}

int worker_finish(struct worker *started, void (*on_message)(const cJSON *m, void *arg),
		  void *message_arg, cJSON **result, struct err *e)
{
	AUTO(worker_free_at) struct worker *w = started;

	for (;;) {
		auto_json cJSON *message = NULL;

		switch (worker_take(w, &message, e)) {
		case WORKER_MESSAGE:
			if (on_message && message)
				on_message(message, message_arg);
			break;
		case WORKER_AGAIN:
			wait_for(w);
			break;
		case WORKER_DONE:
			if (result)
				*result = TAKE(message);
			return 0;
		case WORKER_FAILED:
			return -1;
		}
	}
}

int worker_call(const char *name, worker_fn fn, void *arg, const struct worker_limits *l,
		void (*on_message)(const cJSON *m, void *arg), void *message_arg, cJSON **result,
		struct err *e)
{
	struct worker *w = NULL;

	if (worker_start(name, fn, arg, l, false, &w, e) < 0 || !w)
		return -1;
	return worker_finish(w, on_message, message_arg, result, e);
}
