/*
 * follow - the engine's events, so that a container that dies or is removed by hand is noticed at
 * once. Plain HTTP/1.0 on the engine's socket: an answer without chunks that goes on until the
 * engine ends. Not through agent/engine: libcurl alone would double the daemon.
 * Depends on: daemon.h, lines, pace.
 */
#include "agent/daemon/daemon.h"
#include "agent/daemon/lines.h"
#include "agent/daemon/pace.h"

#include "agent/model/places.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/str.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

enum {
	LINE_MAX_BYTES = 64 * 1024,
	READS_MAX = 16, /* a turn: the loop has others to serve */
	RECONNECT_MS = 1000,
	RECONNECT_MAX_MS = 60 * 1000,
	JITTER = 20,
};

/*
 * {"type":["container"],"label":["mdc.managed=1"],"event":["start","die","died","destroy","remove","oom"]}
 * An engine takes no notice of a name it does not know, so Docker's and Podman's stand side by
 * side.
 */
static const char request[] =
	"GET /events?filters="
	"%7B%22type%22%3A%5B%22container%22%5D%2C%22label%22%3A%5B%22mdc.managed%3D1%22%5D%2C"
	"%22event%22%3A%5B%22start%22%2C%22die%22%2C%22died%22%2C%22destroy%22%2C%22remove%22%2C"
	"%22oom%22%5D%7D HTTP/1.0\r\nHost: mdc-agent\r\n\r\n";

enum part { PART_STATUS, PART_HEADERS, PART_EVENTS };

struct follow {
	struct daemon *daemon;
	int fd; /* -1: not connected */
	sd_event_source *io, *timer;
	enum part part;
	struct str line;
	int failures;  /* attempts in a row without an answer */
	bool followed; /* there was a connection, or an attempt that failed: what happened since is
			  not known */
};

static void connect_later(struct follow *f);

/* The caller frees; NULL if there is none. */
static char *find_socket(const struct config *c)
{
	const char *host = getenv("DOCKER_HOST");
	enum engine_kind kind = ENGINE_AUTO;

	if (c->socket)
		return xstrdup(str_starts(c->socket, "unix://") ? c->socket + strlen("unix://")
								: c->socket);
	if (c->engine == ENGINE_AUTO && host && str_starts(host, "unix://"))
		return xstrdup(host + strlen("unix://"));
	return place_engine_socket(c->engine, &kind);
}

static void disconnect(struct follow *f)
{
	f->io = sd_event_source_disable_unref(f->io);
	auto_close_at(&f->fd);
	f->fd = -1;
	str_done(&f->line);
	f->line = (struct str){.max = LINE_MAX_BYTES};
	f->part = PART_STATUS;
}

/* The headers are there: events follow. */
static void begin_events(struct follow *f)
{
	f->part = PART_EVENTS;
	f->failures = 0;
	if (f->followed)
		work_drifted(f->daemon, NULL); /* nobody told us what happened meanwhile */
	f->followed = true;
	log_debug("following the engine's events");
}

static int take_line(struct follow *f, const char *line, size_t len)
{
	char project[LINES_PROJECT_SIZE];

	if (len > 0 && line[len - 1] == '\r')
		len--;
	switch (f->part) {
	case PART_STATUS:
		if (len < 12 || strncmp(line, "HTTP/1.", 7) != 0 ||
		    strncmp(line + 8, " 200", 4) != 0) {
			auto_free char *shown = str_printable(line, 100);

			log_debug("the engine's events cannot be followed: %s", shown);
			return -1;
		}
		f->part = PART_HEADERS;
		return 0;
	case PART_HEADERS:
		if (len == 0)
			begin_events(f);
		return 0;
	case PART_EVENTS:
		if (lines_event(line, len, project))
			work_drifted(f->daemon, project);
		return 0;
	}
	return 0;
}

static int take_bytes(struct follow *f, const char *p, size_t n)
{
	while (n > 0) {
		const char *newline = memchr(p, '\n', n);
		size_t part = newline ? (size_t)(newline - p) : n;

		str_addn(&f->line, p, part);
		p += part;
		n -= part;
		if (!newline)
			return 0;
		int r = f->line.cut ? 0 : take_line(f, str_text(&f->line), f->line.len);
		str_reset(&f->line);
		f->line.cut = false;
		if (r < 0)
			return -1;
		p++;
		n--;
	}
	return 0;
}

/* -1: this connection is over. */
static int read_some(struct follow *f)
{
	char buf[4096];

	for (int i = 0; i < READS_MAX; i++) {
		ssize_t n = read(f->fd, buf, sizeof(buf));

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n <= 0 || take_bytes(f, buf, (size_t)n) < 0)
			return -1;
	}
	return 0;
}

static int on_io(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	struct follow *f = arg;

	(void)s;
	(void)fd;
	(void)events;
	if (read_some(f) < 0)
		connect_later(f);
	return 0;
}

static int try_connect(struct follow *f)
{
	auto_free char *path = find_socket(&f->daemon->config);
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	if (!path || strlen(path) >= sizeof(to.sun_path))
		return -1;
	(void)snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	f->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (f->fd < 0 || connect(f->fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		return -1;
	/* A fresh socket has room for the whole request. */
	if (send(f->fd, request, sizeof(request) - 1, MSG_NOSIGNAL) != (ssize_t)sizeof(request) - 1)
		return -1;
	return sd_event_add_io(f->daemon->event, &f->io, f->fd, EPOLLIN, on_io, f) < 0 ? -1 : 0;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *arg)
{
	struct daemon *d = arg;
	struct follow *f = d->follow;

	(void)s;
	(void)usec;
	if (try_connect(f) < 0)
		connect_later(f);
	return 0;
}

static void connect_later(struct follow *f)
{
	int64_t base = pace_backoff(RECONNECT_MS, f->failures++, RECONNECT_MAX_MS);

	disconnect(f);
	f->followed = true;
	daemon_arm(f->daemon, &f->timer, pace_jitter(base, JITTER, pace_random()), RECONNECT_MS,
		   on_timer);
}

void follow_open(struct daemon *d)
{
	struct follow *f = xcalloc(1, sizeof(*f));

	*f = (struct follow){.daemon = d, .fd = -1, .line = {.max = LINE_MAX_BYTES}};
	d->follow = f;
	if (try_connect(f) < 0)
		connect_later(f);
}

void follow_close(struct daemon *d)
{
	struct follow *f = d->follow;

	if (!f)
		return;
	disconnect(f);
	sd_event_source_disable_unref(f->timer);
	str_done(&f->line);
	free(f);
	d->follow = NULL;
}
