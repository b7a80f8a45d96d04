/*
 * compose_check - is the plugin Compose v2? Version 1 ("docker-compose version 1.29.2") exits 0
 * when it is asked for what it does not know; podman-compose applies no changes and always exits 0.
 * Depends on: common, api.
 */
#include "agent/engine/api.h"
#include "common/mem.h"
#include "common/proc.h"

#include <ctype.h>
#include <string.h>

enum { VERSION_MS = 10000 };

/* The digits and dots behind "version", as in "Docker Compose version v2.26.1-4"; the caller frees.
 */
static char *version_of(const char *text)
{
	const char *at = strstr(text, "Docker Compose version ");

	if (!at)
		return NULL;
	at += strlen("Docker Compose version ");
	at += *at == 'v' ? 1 : 0;
	size_t len = strspn(at, "0123456789.");

	return isdigit((unsigned char)at[0]) ? xstrndup(at, len) : NULL;
}

static const char *kind_of(const char *text)
{
	if (strcasestr(text, "podman"))
		return "podman-compose, which does not apply changes";
	if (strstr(text, "docker-compose version 1") || strstr(text, "docker-compose version: 1"))
		return "Compose version 1, which is not maintained any more";
	return "not Docker Compose version 2";
}

int engine_check_compose(struct engine *g, struct err *e)
{
	const char *const argv[] = {g->compose, "version", NULL};
	const struct proc p = {.argv = argv, .timeout_ms = VERSION_MS};
	auto_proc_result struct proc_result r = {.how = PROC_EXITED};

	if (g->compose_version)
		return 0;
	if (proc_run(&p, &r, e) < 0) {
		e->kind = e->kind == ERR_BROKEN ? ERR_USAGE : e->kind;
		return err_wrap(e, "%s version", g->compose);
	}
	if (r.how != PROC_EXITED) {
		char how[80];

		return err_set(e, ERR_RETRY, 0, "%s version %s", g->compose,
			       proc_how_text(&p, &r, how, sizeof(how)));
	}
	auto_free char *version = version_of(str_text(&r.out));

	if (!version || strtol(version, NULL, 10) < 2)
		return err_set(e, ERR_USAGE, 0, "%s is %s: %s", g->compose,
			       kind_of(str_text(&r.out)), ENGINE_COMPOSE_ADVICE);
	g->compose_version = TAKE(version);
	return 0;
}

const char *engine_compose_version(struct engine *g)
{
	return g->compose_version ? g->compose_version : "";
}
