/*
 * worker_child - the child's end: limits, the work, and the frame that says how it ended.
 * Depends on: err, json, child.
 */
#include "common/child.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/worker_frame.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

enum { ALARM_SLACK_S = 15 };

struct worker_out {
	int fd;
};

static void send_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return; /* the parent is gone; the work goes on without it */
		p += n;
		len -= (size_t)n;
	}
}

static void send_frame(int fd, unsigned char type, const cJSON *body)
{
	auto_free char *text = body ? json_text(body) : xstrdup("");
	size_t len = strlen(text);
	unsigned char header[FRAME_HEADER] = {type};

	if (len > UINT32_MAX) /* the parent refuses this length, and says so */
		len = UINT32_MAX;
	header[1] = (unsigned char)(len >> 24);
	header[2] = (unsigned char)(len >> 16);
	header[3] = (unsigned char)(len >> 8);
	header[4] = (unsigned char)len;
	send_all(fd, header, sizeof(header));
	send_all(fd, text, len);
}

void worker_send(struct worker_out *o, const cJSON *message)
{
	send_frame(o->fd, FRAME_MESSAGE, message);
}

static void send_error(int fd, const struct err *e)
{
	auto_json cJSON *json = cJSON_CreateObject();

	json_set_str(json, "kind", err_kind_name(e->kind));
	json_set_int(json, "errnum", e->errnum);
	json_set_str(json, "cause", e->cause);
	json_set_str(json, "trail", e->trail);
	send_frame(fd, FRAME_ERROR, json);
}

void worker_run(const struct worker_job *job, pid_t parent)
{
	struct worker_out out = {.fd = job->fd};
	struct err e = ERR_INIT;
	cJSON *result = NULL;

	child_begin(parent, job->outlive);
	(void)signal(SIGPIPE,
		     SIG_IGN); /* libraries write to sockets; a program we start gets it back */
	(void)signal(SIGXFSZ, SIG_IGN); /* then a file that is too large is an error like another */
#if !defined(__SANITIZE_ADDRESS__)      /* its shadow alone is terabytes of address space */
	child_limit(RLIMIT_DATA, job->limits->max_memory);
#endif
	child_limit(RLIMIT_FSIZE, job->limits->max_file);
	/* The parent holds the deadline. This one is for a worker that has outlived it. */
	(void)alarm((unsigned int)(job->limits->timeout_ms / 1000) + ALARM_SLACK_S);
	if (job->fn(job->arg, &out, &result, &e) < 0)
		send_error(job->fd, &e);
	else
		send_frame(job->fd, FRAME_RESULT, result);
	_exit(0);
}
