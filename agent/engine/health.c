/*
 * health - runs the health checks that nobody else runs. Docker runs them itself. Podman leaves
 * them to timers of systemd; where there are none (another init, a user without a session) the
 * status stays "starting" for ever, and `up` waits for ever for what `depends_on` wants healthy.
 * Who else runs them is not asked but seen: by the log of checks, which does or does not grow.
 * Depends on: common, api.
 */
#include "agent/engine/api.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/str.h"

#include <poll.h>
#include <string.h>

enum {
	EVERY_MS = 30000, /* both engines' default */
	LATE_MS = 2000,   /* so late may a timer be */
	KNOWN_MAX = 4096,
};

/* One container's checks, as far as this process has seen them. */
struct kick {
	char *id, *last;  /* last: as in struct container */
	int64_t since_ms; /* when that was first seen, or when we began one */
	int fd;           /* where the answer to ours will come; -1: none is under way */
};

void kicks_done(struct kicks *k)
{
	for (size_t i = 0; i < k->n; i++) {
		free(k->v[i].id);
		free(k->v[i].last);
		if (k->v[i].fd >= 0)
			(void)close(k->v[i].fd);
	}
	free(k->v);
	*k = (struct kicks){.n = 0};
}

static bool has_systemd(void)
{
	return file_exists("/run/systemd/system");
}

static struct kick *find(struct kicks *k, const struct container *c)
{
	for (size_t i = 0; i < k->n; i++)
		if (str_eq(k->v[i].id, c->id))
			return &k->v[i];
	if (k->n == KNOWN_MAX)
		return NULL;
	k->v = xreallocarray(k->v, k->n + 1, sizeof(*k->v));
	struct kick *new = &k->v[k->n++];

	*new = (struct kick){.id = xstrdup(c->id), .since_ms = clock_ms(), .fd = -1};
	new->last = c->check_last ? xstrdup(c->check_last) : NULL;
	/* The first one comes at once, as with a timer of Podman's. */
	if (!c->check_last && !has_systemd())
		new->since_ms -= c->check_every_ms > 0 ? c->check_every_ms : EVERY_MS;
	return new;
}

/* The answer is not looked at: the next inspect says what came of it. */
static bool under_way(struct kick *k)
{
	struct pollfd p = {.fd = k->fd, .events = POLLIN};

	if (k->fd < 0 || poll(&p, 1, 0) == 0)
		return k->fd >= 0;
	(void)close(TAKE_FD(k->fd));
	return false;
}

static bool is_due(struct kick *k, const struct container *c)
{
	int64_t every_ms = c->check_every_ms > 0 ? c->check_every_ms : EVERY_MS;

	if (!str_eq(k->last, c->check_last)) {
		free(k->last);
		k->last = c->check_last ? xstrdup(c->check_last) : NULL;
		k->since_ms = clock_ms();
		return false;
	}
	if (has_systemd())
		every_ms += every_ms + LATE_MS;
	return clock_ms() - k->since_ms >= every_ms;
}

int engine_health_kick(struct engine *g, const struct container *c, struct err *e)
{
	if (!c->inspected || c->health == HEALTH_NONE || c->state != CONTAINER_RUNNING)
		return 0;
	enum engine_flavour flavour = api_flavour(g, e);

	if (flavour == FLAVOUR_UNKNOWN)
		return -1;
	if (flavour == FLAVOUR_DOCKER)
		return 0;
	struct kick *k = find(&g->kicks, c);

	if (!k || under_way(k) || !is_due(k, c))
		return 0;
	auto_free char *id = api_path_escape(c->id);
	auto_free char *path = xasprintf("/v4.0.0/libpod/containers/%s/healthcheck", id);

	k->since_ms = clock_ms();
	return api_begin(g, "GET", path, &k->fd, e);
}

void engine_health_kick_all(struct engine *g, const char *project)
{
	auto_containers struct containers now = CONTAINERS_INIT;
	struct err ignored = ERR_INIT;

	if (engine_list(g, project, &now, &ignored) < 0)
		return;
	for (size_t i = 0; i < now.n; i++) {
		bool gone = false;

		if (now.v[i].state == CONTAINER_RUNNING &&
		    engine_inspect(g, &now.v[i], &gone, &ignored) == 0 && !gone)
			(void)engine_health_kick(g, &now.v[i], &ignored);
		err_clear(&ignored);
	}
}
