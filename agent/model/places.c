/*
 * places - see places.h. To support another layout of an engine: a line in sockets[].
 * Depends on: common.
 */
#include "agent/model/places.h"

#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYSTEM_SETTINGS MDC_SYSCONFDIR "/agent.yaml"

/* In the order they are tried. */
static const struct {
	enum engine_kind kind;
	bool users; /* below the user's runtime directory */
	const char *path;
} sockets[] = {
	{ENGINE_DOCKER, true, "docker.sock"}, /* Docker without root */
	{ENGINE_DOCKER, false, "/run/docker.sock"},
	{ENGINE_DOCKER, false, "/var/run/docker.sock"},
	{ENGINE_PODMAN, true, "podman/podman.sock"},
	{ENGINE_PODMAN, false, "/run/podman/podman.sock"},
};

/* In `podman unshare` a user is root of a namespace of their own; Podman says whose. 0: nobody's.
 */
static unsigned long unshared_uid(void)
{
	const char *uid = getenv("_CONTAINERS_ROOTLESS_UID");

	return uid ? strtoul(uid, NULL, 10) : 0;
}

bool place_is_unshared(void)
{
	return geteuid() == 0 && unshared_uid() != 0;
}

bool place_is_user(void)
{
	return geteuid() != 0 || place_is_unshared();
}

/* $name if it is an absolute path, as the specification wants, else $HOME/below. */
static char *xdg(const char *name, const char *below)
{
	const char *value = getenv(name), *home = getenv("HOME");

	if (value && value[0] == '/')
		return xstrdup(value);
	return path_join(home && home[0] == '/' ? home : "/", below);
}

static char *runtime(void)
{
	const char *value = getenv("XDG_RUNTIME_DIR");

	if (value && value[0] == '/')
		return xstrdup(value);
	return xasprintf("/run/user/%lu",
			 place_is_unshared() ? unshared_uid() : (unsigned long)geteuid());
}

char *place_settings_dir(void)
{
	if (!place_is_user())
		return xstrdup(MDC_SYSCONFDIR);
	auto_free char *base = xdg("XDG_CONFIG_HOME", ".config");

	return path_join(base, "mdc-agent");
}

char *place_settings(void)
{
	auto_free char *dir = place_settings_dir();
	auto_free char *own = path_join(dir, "agent.yaml");

	if (!file_exists(own) && file_exists(SYSTEM_SETTINGS))
		return xstrdup(SYSTEM_SETTINGS);
	return TAKE(own);
}

static bool of_user(const char *settings)
{
	return place_is_user() && !str_eq(settings, SYSTEM_SETTINGS);
}

char *place_state(const char *settings)
{
	if (!of_user(settings))
		return xstrdup(MDC_LOCALSTATEDIR);
	auto_free char *base = xdg("XDG_STATE_HOME", ".local/state");

	return path_join(base, "mdc-agent");
}

char *place_runtime(const char *settings)
{
	if (!of_user(settings))
		return xstrdup("/run/mdc-agent");
	auto_free char *base = runtime();

	return path_join(base, "mdc-agent");
}

static bool is_usable(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISSOCK(st.st_mode) &&
	       (!place_is_user() || faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) == 0);
}

char *place_engine_socket(enum engine_kind wanted, enum engine_kind *kind)
{
	auto_free char *users = runtime();

	for (size_t i = 0; i < COUNT_OF(sockets); i++) {
		if ((wanted != ENGINE_AUTO && wanted != sockets[i].kind) ||
		    (sockets[i].users && !place_is_user()))
			continue;
		auto_free char *path = sockets[i].users ? path_join(users, sockets[i].path)
							: xstrdup(sockets[i].path);

		if (!is_usable(path))
			continue;
		*kind = sockets[i].kind;
		return TAKE(path);
	}
	return NULL;
}
