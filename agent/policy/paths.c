/*
 * paths - what a path of the host gives away: an engine's socket, what makes up the host, or just a
 * directory outside of the repository. Symbolic links are followed as they are now; somebody who
 * can change one later, in a directory that is allowed, is not stopped by this (docs/policy.md says
 * so). Depends on: parts, path.
 */
#include "agent/policy/parts.h"

#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Sockets of engines: patterns. A directory above one gives it away too. */
static const char *const sockets[] = {
	"/run/docker.sock",   "/run/docker",
	"/run/podman",        "/run/podman/podman.sock",
	"/run/containerd",    "/run/containerd/containerd.sock",
	"/run/crio",          "/run/crio/crio.sock",
	"/run/buildkit",      "/run/balena-engine.sock",
	"/run/snap.docker",   "/run/user/*/docker.sock",
	"/run/user/*/podman", "/run/user/*/podman/podman.sock",
	"/run/user/*/docker", "/run/user/*/containerd",
};
/* Wherever they stand. */
static const char *const socket_names[] = {"docker.sock",     "podman.sock",     "containerd.sock",
					   "buildkitd.sock",  "crio.sock",       "docker-api.sock",
					   "dockershim.sock", "cri-dockerd.sock"};

/* What makes up the host. */
static const char *const sensitive[] = {
	"/bin",
	"/boot",
	"/dev",
	"/efi",
	"/etc",
	"/lib",
	"/lib32",
	"/lib64",
	"/libx32",
	"/nix",
	"/proc",
	"/root",
	"/run/credentials",
	"/run/dbus",
	"/run/current-system",
	"/run/secrets",
	"/run/systemd",
	"/run/udev",
	"/sbin",
	"/sys",
	"/usr",
	"/var/lib/containerd",
	"/var/lib/containers",
	"/var/lib/docker",
	"/var/lib/dpkg",
	"/var/lib/kubelet",
	"/var/lib/lxc",
	"/var/lib/machines",
	"/var/lib/mdc-agent",
	"/var/lib/portables",
	"/var/lib/rancher",
	"/var/lib/systemd",
	"/var/spool/cron",
	"/var/snap/docker",
	"/home/*/.ssh",
	"/home/*/.docker",
	"/home/*/.gnupg",
	"/home/*/.config/systemd",
	"/home/*/.local/share/containers",
	"/home/*/.local/share/docker",
};

char *path_fold(const char *absolute)
{
	char *out = xmalloc(strlen(absolute) + 2);
	size_t len = 0;

	while (*absolute) {
		size_t n = strcspn(absolute, "/");

		if (n == 2 && memcmp(absolute, "..", 2) == 0) {
			while (len > 0 && out[--len] != '/')
				; /* above the root is the root */
		} else if (n > 0 && !(n == 1 && absolute[0] == '.')) {
			out[len++] = '/';
			memcpy(out + len, absolute, n);
			len += n;
		}
		absolute += n + (absolute[n] == '/');
	}
	if (len == 0)
		out[len++] = '/';
	out[len] = '\0';
	return out;
}

char *path_real(const char *folded)
{
	auto_free char *there = xstrdup(folded);

	if (strlen(folded) >= PATH_MAX)
		return xstrdup(folded);
	for (;;) {
		auto_free char *real = realpath(there, NULL);

		if (real) {
			const char *rest = folded + strlen(there);

			rest += strspn(rest, "/");
			return *rest ? path_join(real, rest) : TAKE(real);
		}
		char *up = path_dir(there);

		free(there);
		there = up;
		if (strcmp(there, "/") == 0 || strcmp(there, ".") == 0)
			return xstrdup(folded);
	}
}

/* The pattern fits the path or a directory above it. */
static bool fits(const char *pattern, const char *path)
{
	return path_below(path, pattern) ||
	       fnmatch(pattern, path, FNM_PATHNAME | FNM_LEADING_DIR | FNM_NOESCAPE) == 0;
}

bool path_listed(const struct strv *list, const char *path, bool read_only)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *entry = list->v[i];
		bool only_read = str_ends(entry, ":ro");
		auto_free char *pattern = xstrndup(entry, strlen(entry) - (only_read ? 3 : 0));

		for (size_t n = strlen(pattern); n > 1 && pattern[n - 1] == '/'; n--)
			pattern[n - 1] = '\0';
		/* An entry may be a link itself, as /var/run is: root meant what it leads to. */
		auto_free char *real = pattern[0] == '/' ? path_real(pattern) : xstrdup(pattern);

		if ((!only_read || read_only) && (fits(pattern, path) || path_below(path, real)))
			return true;
	}
	return false;
}

/* Does something that fits the pattern lie below path? Part by part. */
static bool holds(const char *path, const char *pattern)
{
	auto_free char *prefix = xstrdup(pattern);

	if (strcmp(path, "/") == 0)
		return true;
	for (;;) {
		char *up = path_dir(prefix);

		free(prefix);
		prefix = up;
		if (strcmp(prefix, "/") == 0 || strcmp(prefix, ".") == 0)
			return false;
		if (fnmatch(prefix, path, FNM_PATHNAME | FNM_NOESCAPE) == 0)
			return true;
	}
}

/* /var/run is /run on every host that matters, also where `check` runs and has neither. */
static char *usual(const char *path)
{
	return path_below(path, "/var/run") ? xasprintf("/run%s", path + strlen("/var/run"))
					    : xstrdup(path);
}

enum touch { TOUCH_NONE, TOUCH_HOLDS, TOUCH_IS };

static enum touch touches(const char *path, const char *pattern)
{
	if (fits(pattern, path))
		return TOUCH_IS;
	return holds(path, pattern) ? TOUCH_HOLDS : TOUCH_NONE;
}

static enum touch touches_any(const char *path, const char *const *patterns, size_t n)
{
	enum touch found = TOUCH_NONE;

	for (size_t i = 0; i < n && found != TOUCH_IS; i++) {
		enum touch t = touches(path, patterns[i]);

		found = t > found ? t : found;
	}
	return found;
}

static enum touch touches_socket(const struct judging *j, const char *path)
{
	const struct strv *more = j->call->sockets;
	enum touch t = touches_any(path, sockets, COUNT_OF(sockets));

	for (size_t i = 0; i < COUNT_OF(socket_names) && t != TOUCH_IS; i++)
		if (strcmp(path_base(path), socket_names[i]) == 0)
			t = TOUCH_IS;
	for (size_t i = 0; more && i < more->n && t != TOUCH_IS; i++) {
		enum touch one = touches(path, more->v[i]);

		t = one > t ? one : t;
	}
	return t;
}

static bool is_sensitive(const struct judging *j, const char *path)
{
	const struct strv *more = j->call->guarded;

	if (touches_any(path, sensitive, COUNT_OF(sensitive)) != TOUCH_NONE ||
	    strstr(path, "/.ssh/") || str_ends(path, "/.ssh"))
		return true;
	for (size_t i = 0; more && i < more->n; i++)
		if (touches(path, more->v[i]) != TOUCH_NONE)
			return true;
	return false;
}

/* Is it one of the project's own files, or one from elsewhere in the repository? *moved: where it
 * is going to live. The caller frees. */
static bool is_own(const struct judging *j, const char *folded, char **moved)
{
	const struct policy_call *c = j->call;
	const char *from[] = {c->directory, c->root}, *to[] = {c->live, c->elsewhere};

	for (size_t i = 0; i < COUNT_OF(from); i++) {
		if (!from[i] || !path_below(folded, from[i]))
			continue;
		const char *rest = folded + strlen(from[i]);

		*moved = c->live ? xasprintf("%s%s", to[i], rest) : xstrdup(folded);
		auto_free char *base = path_real(c->live ? to[i] : from[i]);
		auto_free char *real = path_real(*moved);
		return path_below(real, base);
	}
	*moved = xstrdup(folded);
	return false;
}

struct verdict {
	struct judging *j;
	const struct policy_place *place;
	const struct path_use *use;
	const char *shown; /* as the model has it */
};

/* True: something was said. */
static bool judge_one(const struct verdict *v, const char *path)
{
	struct judging *j = v->j;
	bool read_only = v->use->read_only, other = !str_eq(path, v->shown);
	auto_free char *as =
		other ? xasprintf("%s, which leads to %s", v->shown, path) : xstrdup(path);
	auto_free char *plain = usual(path);
	enum touch socket = touches_socket(j, plain);

	if (socket != TOUCH_NONE) {
		bool fine = path_listed(&j->words[POLICY_ENGINE_SOCKETS].list, path, read_only) ||
			    !judge_cares(j, POLICY_ENGINE_SOCKETS);

		if (!fine) {
			judge_add(j, POLICY_ENGINE_SOCKETS, v->place, path, "%s %s, %s",
				  v->use->how, as,
				  socket == TOUCH_IS ? "an engine's socket or its directory"
						     : "which holds an engine's socket");
			return true;
		}
		if (socket == TOUCH_IS)
			return false;
	}
	bool sensible = is_sensitive(j, plain);

	if (sensible && judge_cares(j, POLICY_SENSITIVE_PATHS) &&
	    !path_listed(&j->words[POLICY_SENSITIVE_PATHS].list, path, read_only)) {
		judge_add(j, POLICY_SENSITIVE_PATHS, v->place, path,
			  "%s %s, a part of the host itself", v->use->how, as);
		return true;
	}
	if (path_listed(&j->words[POLICY_BINDS].list, path, read_only) ||
	    !judge_cares(j, POLICY_BINDS))
		return false;
	judge_add(j, POLICY_BINDS, v->place, path, "%s %s, outside of the repository", v->use->how,
		  as);
	return true;
}

void judge_path(struct judging *j, const struct policy_place *p, const struct path_use *u)
{
	auto_free char *folded = path_fold(u->path), *moved = NULL;

	if (is_own(j, folded, &moved))
		return;
	auto_free char *real = path_real(moved);
	struct verdict v = {.j = j, .place = p, .use = u, .shown = moved};

	/* An own path that leads out of the project: only where it leads to counts. */
	if (str_eq(moved, folded) && judge_one(&v, moved))
		return;
	if (!str_eq(moved, real))
		(void)judge_one(&v, real);
}
