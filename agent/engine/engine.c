/*
 * engine - where the engine's socket and the Compose plugin are to be found.
 * To support another layout: a line in sockets[] of model/places.c, or in plugin_dirs[].
 * Depends on: common, api.
 */
#include "agent/engine/engine.h"

#include "agent/engine/api.h"
#include "agent/model/places.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"

#include <string.h>
#include <sys/stat.h>

static const char *const plugin_dirs[] = {
	"/usr/local/lib/docker/cli-plugins",
	"/usr/local/libexec/docker/cli-plugins",
	"/usr/lib/docker/cli-plugins",
	"/usr/libexec/docker/cli-plugins",
	"/run/current-system/sw/libexec/docker/cli-plugins", /* NixOS */
};

/* An engine whose program is here but whose socket is not may just not have been started. */
static const struct program_place {
	enum engine_kind kind;
	const char *path, *unit;
} programs[] = {
	{ENGINE_DOCKER, "/usr/bin/dockerd", "docker.socket"},
	{ENGINE_DOCKER, "/usr/sbin/dockerd", "docker.socket"},
	{ENGINE_DOCKER, "/run/current-system/sw/bin/dockerd", "docker.socket"},
	{ENGINE_PODMAN, "/usr/bin/podman", "podman.socket"},
	{ENGINE_PODMAN, "/run/current-system/sw/bin/podman", "podman.socket"},
};

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static int no_socket(enum engine_kind kind, struct err *e)
{
	const char *name = kind == ENGINE_DOCKER   ? "Docker"
			   : kind == ENGINE_PODMAN ? "Podman"
						   : "Docker or Podman";

	for (size_t i = 0; i < COUNT_OF(programs); i++) {
		const struct program_place *p = &programs[i];

		if ((kind == ENGINE_AUTO || kind == p->kind) && is_program(p->path))
			return err_set(e, ERR_RETRY, 0,
				       "%s is installed, but there is no socket of its API: "
				       "start it with `systemctl %senable --now %s`",
				       p->path, place_is_user() ? "--user " : "", p->unit);
	}
	return err_set(
		e, ERR_USAGE, 0,
		"no engine: there is no socket of %s in the usual places. Install one "
		"(Debian: apt install docker.io; NixOS: virtualisation.docker.enable = true), "
		"or name its socket with `socket:` in agent.yaml",
		name);
}

/* What the person's shell points Docker at counts only where agent.yaml says nothing. */
static int from_environment(const char *host, struct engine *g, struct err *e)
{
	if (!str_starts(host, "unix:///"))
		return err_set(e, ERR_USAGE, 0,
			       "DOCKER_HOST is \"%.100s\": only unix:// sockets on this host are "
			       "supported; set `socket:` in agent.yaml or unset it",
			       host);
	g->socket = xstrdup(host + strlen("unix://"));
	return 0;
}

static int find_socket(const struct config *c, struct engine *g, struct err *e)
{
	const char *host = getenv("DOCKER_HOST");
	enum engine_kind kind = ENGINE_AUTO;

	/* A socket that is named may come later (the engine restarts): calls will say so. */
	if (c->socket) {
		g->socket = xstrdup(c->socket);
		return 0;
	}
	if (c->engine == ENGINE_AUTO && host && host[0] != '\0')
		return from_environment(host, g, e);
	g->socket = place_engine_socket(c->engine, &kind);
	if (g->socket) {
		/* Docker's place may be a link to Podman's socket: then it is asked. */
		if (kind == ENGINE_PODMAN)
			g->flavour = FLAVOUR_PODMAN;
		return 0;
	}
	return no_socket(c->engine, e);
}

/* Takes dir; true if the plugin is there. */
static bool try_dir(struct engine *g, char *dir)
{
	auto_free char *owned = dir;
	auto_free char *path = path_join(owned, "docker-compose");

	if (!is_program(path))
		return false;
	g->compose = TAKE(path);
	return true;
}

/* A docker-compose in $PATH may be version 1; engine_check_compose() finds out before it is used.
 */
static bool try_path(struct engine *g)
{
	const char *at = getenv("PATH");

	while (at && *at != '\0') {
		size_t len = strcspn(at, ":");

		if (at[0] == '/' && try_dir(g, xstrndup(at, len)))
			return true;
		at += at[len] == ':' ? len + 1 : len;
	}
	return try_dir(g, xstrdup("/run/current-system/sw/bin"));
}

static int find_plugin(const struct config *c, struct engine *g, struct err *e)
{
	const char *docker_config = getenv("DOCKER_CONFIG");
	const char *home = getenv("HOME");

	if (c->compose) {
		if (!is_program(c->compose))
			return err_set(e, ERR_USAGE, 0,
				       "compose: %s is not a program; name the Compose v2 plugin, "
				       "or leave it out to have it looked for",
				       c->compose);
		g->compose = xstrdup(c->compose);
		return 0;
	}
	if (docker_config && try_dir(g, path_join(docker_config, "cli-plugins")))
		return 0;
	if (home && try_dir(g, path_join(home, ".docker/cli-plugins")))
		return 0;
	for (size_t i = 0; i < COUNT_OF(plugin_dirs); i++) {
		if (try_dir(g, xstrdup(plugin_dirs[i])))
			return 0;
	}
	if (try_path(g))
		return 0;
	return err_set(e, ERR_USAGE, 0, "there is no Docker Compose v2 on this host: %s",
		       ENGINE_COMPOSE_ADVICE);
}

int engine_open(const struct config *c, struct engine **out, struct err *e)
{
	auto_engine struct engine *g = xcalloc(1, sizeof(*g));

	g->flavour = c->engine == ENGINE_DOCKER   ? FLAVOUR_DOCKER
		     : c->engine == ENGINE_PODMAN ? FLAVOUR_PODMAN
						  : FLAVOUR_UNKNOWN;
	if (find_socket(c, g, e) < 0 || find_plugin(c, g, e) < 0)
		return -1;
	if (c->runtime_dir)
		g->version_note = path_join(c->runtime_dir, "compose-version");
	*out = TAKE(g);
	return 0;
}

void engine_close(struct engine *g)
{
	if (g->http)
		http_close(g->http);
	kicks_done(&g->kicks);
	free(g->socket);
	free(g->compose);
	free(g->version_note);
	free(g->compose_version);
	free(g);
}

const char *engine_socket(const struct engine *g)
{
	return g->socket;
}
