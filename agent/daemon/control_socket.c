/*
 * control_socket - <runtime_dir>/control.sock: "poke" (something was pushed) and "status". Anybody
 * on this host may say either: a poke only makes the daemon ask the source earlier. What changes
 * anything is done by root's own `mdc-agent`, not through here.
 * Depends on: daemon.h, lines.
 */
#include "agent/daemon/daemon.h"
#include "agent/daemon/lines.h"

#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { PEERS_MAX = 16, REQUEST_MAX_BYTES = 64, PATIENCE_US = 5 * 1000 * 1000 };

struct peer {
	struct control_socket *socket;
	int fd; /* -1: this place is free */
	size_t len;
	char line[REQUEST_MAX_BYTES + 1];
	sd_event_source *io, *timer;
};

struct control_socket {
	struct daemon *daemon;
	char *path;
	int fd;
	sd_event_source *io;
	struct peer peers[PEERS_MAX];
};

static void drop(struct peer *p)
{
	p->io = sd_event_source_disable_unref(p->io);
	p->timer = sd_event_source_disable_unref(p->timer);
	auto_close_at(&p->fd);
	p->fd = -1;
}

/* A reader that does not read loses its answer. */
static void say(const struct peer *p, const char *text)
{
	auto_free char *line = xasprintf("%s\n", text);

	(void)send(p->fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void answer(const struct peer *p)
{
	struct daemon *d = p->socket->daemon;

	switch (lines_request(p->line)) {
	case REQUEST_POKE:
		say(p, "ok");
		poll_soon(d);
		return;
	case REQUEST_STATUS: {
		auto_free char *text = daemon_status_json(d);

		say(p, text);
		return;
	}
	case REQUEST_UNKNOWN:
		say(p, "error");
		return;
	}
}

static int on_peer(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	struct peer *p = arg;
	ssize_t n = read(fd, p->line + p->len, REQUEST_MAX_BYTES - p->len);

	(void)s;
	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		drop(p);
		return 0;
	}
	p->len += (size_t)n;
	p->line[p->len] = '\0';
	char *newline = strchr(p->line, '\n');
	if (newline) {
		*newline = '\0';
		answer(p);
	} else if (p->len < REQUEST_MAX_BYTES) {
		return 0; /* the rest is to come */
	} else {
		say(p, "error");
	}
	drop(p);
	return 0;
}

static int on_patience(sd_event_source *s, uint64_t usec, void *arg)
{
	(void)s;
	(void)usec;
	drop(arg);
	return 0;
}

static void welcome(struct control_socket *c, int fd)
{
	sd_event *event = c->daemon->event;

	for (size_t i = 0; i < PEERS_MAX; i++) {
		struct peer *p = &c->peers[i];

		if (p->fd >= 0)
			continue;
		*p = (struct peer){.socket = c, .fd = fd};
		if (sd_event_add_io(event, &p->io, fd, EPOLLIN, on_peer, p) < 0 ||
		    sd_event_add_time_relative(event, &p->timer, CLOCK_BOOTTIME, PATIENCE_US, 0,
					       on_patience, p) < 0)
			drop(p);
		return;
	}
	(void)close(fd); /* too many at once: the next poll comes anyway */
}

static int on_listen(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)s;
	(void)events;
	if (peer >= 0)
		welcome(arg, peer);
	return 0;
}

static int listen_at(const char *path, int *fd, struct err *e)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	auto_close int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (strlen(path) >= sizeof(at.sun_path))
		return err_set(e, ERR_USAGE, 0,
			       "%s is too long for a socket: set a shorter runtime_dir", path);
	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	/* One daemon holds the state directory, so what lies here is left over. */
	if (unlink(path) < 0 && errno != ENOENT)
		return err_set(e, ERR_RETRY, errno, "cannot remove the old %s", path);
	if (s < 0 || bind(s, (const struct sockaddr *)&at, sizeof(at)) < 0 ||
	    chmod(path, 0666) < 0 || listen(s, PEERS_MAX) < 0)
		return err_set(e, ERR_RETRY, errno, "cannot listen on %s", path);
	*fd = TAKE_FD(s);
	return 0;
}

int control_socket_open(struct daemon *d, struct err *e)
{
	auto_free char *path = path_join(d->config.runtime_dir, "control.sock");
	int fd = -1;

	if (dir_make(d->config.runtime_dir, 0755, e) < 0 || listen_at(path, &fd, e) < 0)
		return -1;
	struct control_socket *c = xcalloc(1, sizeof(*c));
	*c = (struct control_socket){.daemon = d, .path = TAKE(path), .fd = fd};
	for (size_t i = 0; i < PEERS_MAX; i++)
		c->peers[i].fd = -1;
	d->control = c;
	int r = sd_event_add_io(d->event, &c->io, fd, EPOLLIN, on_listen, c);
	if (r < 0) {
		control_socket_close(d);
		return err_set(e, ERR_RETRY, -r, "cannot watch the control socket");
	}
	return 0;
}

void control_socket_close(struct daemon *d)
{
	struct control_socket *c = d->control;

	if (!c)
		return;
	for (size_t i = 0; i < PEERS_MAX; i++)
		if (c->peers[i].fd >= 0)
			drop(&c->peers[i]);
	sd_event_source_disable_unref(c->io);
	auto_close_at(&c->fd);
	(void)unlink(c->path);
	free(c->path);
	free(c);
	d->control = NULL;
}
