/*
 * init_bare - a bare repository on this host whose post-receive hook pokes the agent: push to
 * deploy without a server. Made by git itself, as its owner would make it. Depends on: common; git
 * on the host; the text of hooks/post-receive, compiled in.
 */
#include "agent/cli/init.h"

#include "common/auto.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/proc.h"
#include "common/strv.h"

#include "hook_post_receive.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { GIT_TIMEOUT_MS = 30000 };

/* Errors of git are the user's to mend: the directory, its owner, a missing program. */
static int git(const char *const *argv, struct err *e)
{
	struct proc p = {.argv = argv, .timeout_ms = GIT_TIMEOUT_MS};

	if (proc_need(&p, NULL, e) == 0)
		return 0;
	if (e->kind == ERR_BROKEN)
		return err_set(e, ERR_USAGE, 0,
			       "git is not installed on this host: apt install git, or the like");
	e->kind = ERR_USAGE;
	return err_wrap(e, "git %s", argv[1]);
}

static int set(const char *dir, const char *name, const char *value, struct err *e)
{
	const char *const argv[] = {"git", "--git-dir", dir, "config", name, value, NULL};

	return git(argv, e);
}

/* An empty or missing directory becomes a repository; one that is a bare repository already is
 * taken as it is. */
static int need_repository(const struct init_bare *b, struct err *e)
{
	const char *const argv[] = {"git",     "init", "--quiet", "--bare", "-b",
				    b->branch, "--",   b->dir,    NULL};
	auto_free char *head = path_join(b->dir, "HEAD");
	auto_free char *objects = path_join(b->dir, "objects");
	auto_strv struct strv names = STRV_INIT;
	struct err ignored = ERR_INIT;

	if (file_exists(head) && file_exists(objects))
		return 0;
	if (dir_list(b->dir, 10, &names, &ignored) < 0 && file_exists(b->dir) && ignored.errnum)
		return err_set(e, ERR_USAGE, ignored.errnum, "cannot use %s", b->dir);
	if (names.n > 0 || ignored.kind == ERR_REJECTED)
		return err_set(e, ERR_USAGE, 0,
			       "%s is not empty and no bare repository: name another directory",
			       b->dir);
	return git(argv, e);
}

static int need_hook(const struct init_bare *b, struct err *e)
{
	auto_free char *hooks = path_join(b->dir, "hooks");
	auto_free char *path = path_join(hooks, "post-receive");
	auto_free char *old = NULL;
	size_t len = sizeof(hook_post_receive) - 1;
	struct err ignored = ERR_INIT;

	if (file_exists(path) && !b->force &&
	    (file_read(path, 64 * 1024, &old, NULL, &ignored) < 0 ||
	     strcmp(old, hook_post_receive) != 0))
		return err_set(
			e, ERR_USAGE, 0,
			"%s is there already and is not this hook: move it away, or say --force",
			path);
	if (dir_make(hooks, 0755, e) < 0)
		return -1;
	return file_replace(path, hook_post_receive, len, 0755, e);
}

int init_bare(const struct init_bare *b, struct err *e)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	auto_free char *ref = xasprintf("refs/heads/%s", b->branch);

	if (need_repository(b, e) < 0 || need_hook(b, e) < 0)
		return err_wrap(e, "init --bare");
	if (set(b->dir, "mdc.ref", ref, e) < 0)
		return -1;
	if (b->config && set(b->dir, "mdc.config", b->config, e) < 0)
		return -1;
	if (n <= 0)
		return 0;
	self[n] = '\0';
	return set(b->dir, "mdc.agent", self, e);
}
