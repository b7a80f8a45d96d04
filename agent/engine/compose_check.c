/*
 * compose_check - is the plugin Compose v2? Version 1 ("docker-compose version 1.29.2") exits 0
 * when it is asked for what it does not know; podman-compose applies no changes and always exits 0.
 * Depends on: common, api.
 */
#include "agent/engine/api.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/proc.h"

#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

enum { VERSION_MS = 10000, NOTE_MAX = 8192 };

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

/* What the note says of this very plugin: "path size mtime version". The caller frees; NULL:
 * nothing. */
static char *note_key(const struct engine *g)
{
	struct stat st;

	if (!g->version_note || stat(g->compose, &st) < 0)
		return NULL;
	return xasprintf("%s %lld %lld.%09ld ", g->compose, (long long)st.st_size,
			 (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

/* Starting the plugin costs as much as resolving a project: once for each version of it. */
static bool read_note(struct engine *g, const char *key)
{
	if (!key)
		return false;
	auto_free char *text = NULL;
	struct err ignored = ERR_INIT;

	if (file_read(g->version_note, NOTE_MAX, &text, NULL, &ignored) < 0 ||
	    !str_starts(text, key) || !isdigit((unsigned char)text[strlen(key)]))
		return false;
	g->compose_version = xstrdup(text + strlen(key));
	return true;
}

static void write_note(struct engine *g, const char *key)
{
	auto_free char *text = key ? xasprintf("%s%s", key, g->compose_version) : NULL;
	auto_free char *dir = key ? path_dir(g->version_note) : NULL;
	struct err ignored = ERR_INIT;

	/* Without the note the next run asks again. */
	if (key && dir_make(dir, 0755, &ignored) == 0)
		(void)file_replace_unsynced(g->version_note, text, strlen(text), 0644, &ignored);
}

int engine_check_compose(struct engine *g, struct err *e)
{
	const char *const argv[] = {g->compose, "version", NULL};
	const struct proc p = {.argv = argv, .timeout_ms = VERSION_MS};
	auto_proc_result struct proc_result r = {.how = PROC_EXITED};

	auto_free char *key = note_key(g);

	if (g->compose_version || read_note(g, key))
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
	write_note(g, key);
	return 0;
}

const char *engine_compose_version(struct engine *g)
{
	return g->compose_version ? g->compose_version : "";
}
