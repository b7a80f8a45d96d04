/*
 * compose_run - runs the Compose plugin itself (not `docker compose`: that is twice the work, and
 * the plugin outlives a killed `docker` and goes on changing containers).
 *
 * Its environment is made here from nothing: a COMPOSE_* or DOCKER_* of ours must not change what
 * is deployed, and what a project's ${...} can see is what is listed here. Depends on: common,
 * compose_errors, api.
 */
#include "agent/engine/compose_run.h"

#include "common/duration.h"
#include "common/mem.h"
#include "common/proc.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_PATH                                                                               \
	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin"

enum {
	GRACE_MS = 5000,       /* between SIGTERM and SIGKILL */
	RENDER_GRACE_MS = 500, /* it changes nothing */
	MAX_OUT = 16 * 1024 * 1024,
	SAID_MAX = 400,
	FIRST_MAX = 512,
	CHECKS_MS = 500,
};

static const char *const names[] = {
	[COMPOSE_RENDER] = "read the Compose files",
	[COMPOSE_PULL] = "pull images",
	[COMPOSE_BUILD] = "build images",
	[COMPOSE_UP] = "docker compose up",
	[COMPOSE_DOWN] = "docker compose down",
	[COMPOSE_STOP] = "docker compose stop",
};

void compose_run_done(struct compose_run *r)
{
	strv_done(&r->args);
	strv_done(&r->env);
}

void compose_pass_env(struct strv *env, const char *name)
{
	const char *value = getenv(name);

	if (value)
		strv_pushf(env, "%s=%s", name, value);
}

static void fill_env(const struct compose_run *r, struct strv *env)
{
	const char *path = getenv("PATH");
	const char *home = getenv("HOME");

	for (size_t i = 0; i < r->env.n; i++)
		strv_push(env, r->env.v[i]);
	strv_pushf(env, "PATH=%s", path ? path : DEFAULT_PATH);
	strv_pushf(env, "HOME=%s", home && home[0] != '\0' ? home : "/root");
	strv_push(env, "COMPOSE_ANSI=never");
	strv_push(env, "COMPOSE_PROGRESS=plain");
	strv_push(env, "COMPOSE_STATUS_STDOUT=false");
	strv_push(env, "COMPOSE_EXPERIMENTAL_OCI_REMOTE=false");
	strv_push(env, "COMPOSE_EXPERIMENTAL_GIT_REMOTE=false");
	strv_push(env, "DOCKER_CLI_HINTS=false");
}

/* Cuts stderr into lines for the caller's progress. */
struct lines {
	struct engine *g;
	const struct compose_run *r;
	struct str part;
	struct str first; /* the beginning: a Go program that dies says why before all its stacks */
};

static void flush_line(struct lines *l)
{
	const char *text = str_text(&l->part);

	while (*text == ' ' || *text == '\t')
		text++;
	if (*text != '\0') {
		auto_free char *shown = str_printable(text, SAID_MAX);

		l->r->on_line(shown, l->r->arg);
	}
	str_reset(&l->part);
}

static void on_stderr(const char *text, size_t len, void *arg)
{
	struct lines *l = arg;

	str_addn(&l->first, text, len);
	for (size_t i = 0; l->r->on_line && i < len; i++) {
		if (text[i] == '\n' || text[i] == '\r')
			flush_line(l);
		else
			str_addc(&l->part, text[i]);
	}
}

static void on_tick(void *arg)
{
	struct lines *l = arg;

	engine_health_kick_all(l->g, l->r->checks);
}

/* A build tells what went wrong on stdout: the block between its last two "------" lines. */
static char *build_words(const char *out)
{
	static const char rule[] = "\n------\n";
	const char *block = NULL, *end = NULL;

	for (const char *at = strstr(out, rule); at; at = strstr(at + 1, rule)) {
		block = end;
		end = at;
	}
	if (!block)
		return xstrdup("");
	auto_free char *text =
		xstrndup(block + strlen(rule), (size_t)(end - block) - strlen(rule) + 1);

	for (char *at = text; *at != '\0'; at++)
		*at = *at == '\n' ? ' ' : *at;
	return str_printable(text, SAID_MAX);
}

static int exited(struct engine *g, const struct compose_run *r, const struct proc_result *res,
		  struct err *e)
{
	auto_free char *words = compose_words(r->step, str_text(&res->err));
	enum err_kind kind = compose_kind(r->step, res->code, words);
	struct err ping = ERR_INIT;

	/* Its words are no proof that the engine is there or not. */
	if (r->step != COMPOSE_RENDER && engine_ping(g, &ping) < 0)
		return err_set(e, ERR_RETRY, 0, "%s; Compose said: %.*s", ping.cause, SAID_MAX,
			       words[0] != '\0' ? words : "nothing");
	if (words[0] == '\0')
		return err_set(e, kind, 0, "%s: Compose exited with %d and said nothing",
			       names[r->step], res->code);
	if (r->step == COMPOSE_BUILD) {
		auto_free char *last = build_words(str_text(&res->out));

		return err_set(e, kind, 0, "%s%s%s", words, last[0] != '\0' ? ": " : "", last);
	}
	return err_set(e, kind, 0, "%s%s", words, compose_advice(r->step, words));
}

static bool out_of_memory(const struct lines *l)
{
	const char *text = str_text(&l->first);

	return strstr(text, "out of memory") || strstr(text, "cannot allocate memory") ||
	       strstr(text, "pthread_create failed");
}

static int failed(struct engine *g, const struct compose_run *r, const struct proc *p,
		  const struct proc_result *res, struct err *e)
{
	char how[80];

	if (res->how == PROC_EXITED)
		return exited(g, r, res, e);
	(void)proc_how_text(p, res, how, sizeof(how));
	if (res->how == PROC_TOO_MUCH && r->step == COMPOSE_RENDER)
		return err_set(e, ERR_REJECTED, 0,
			       "the Compose files give a model of more than %d MiB",
			       MAX_OUT / 1024 / 1024);
	if (res->cpu_spent && r->step == COMPOSE_RENDER)
		return err_set(e, ERR_REJECTED, 0,
			       "Compose needs more than %d s of processor time to read these files",
			       r->max_cpu_s);
	/* Too slow to start its containers is the deployment's failure; all else may be ours. */
	enum err_kind kind =
		res->how == PROC_TIMED_OUT && r->step == COMPOSE_UP ? ERR_FAILED : ERR_RETRY;
	struct err ping = ERR_INIT;

	if (kind == ERR_FAILED && engine_ping(g, &ping) < 0)
		kind = ERR_RETRY;
	return err_set(e, kind, 0, "%s: Compose %s", names[r->step], how);
}

int compose_run(struct engine *g, const struct compose_run *r, char **out, struct err *e)
{
	auto_strv struct strv argv = STRV_INIT;
	auto_strv struct strv env = STRV_INIT;
	auto_proc_result struct proc_result res = {.how = PROC_EXITED};
	struct lines lines = {.g = g, .r = r, .first = {.max = FIRST_MAX}};

	strv_push(&argv, g->compose);
	for (size_t i = 0; i < r->args.n; i++)
		strv_push(&argv, r->args.v[i]);
	fill_env(r, &env);
	const struct proc p = {
		.argv = (const char *const *)argv.v,
		.env = (const char *const *)env.v,
		.cwd = "/",
		.input = r->input,
		.timeout_ms = r->timeout_ms,
		.grace_ms = r->step == COMPOSE_RENDER ? RENDER_GRACE_MS : GRACE_MS,
		.max_out = MAX_OUT,
		.max_memory = r->max_memory,
		.max_cpu_s = r->max_cpu_s,
		.keep_fd = r->lock_fd,
		.on_stderr = on_stderr,
		.on_tick = r->checks ? on_tick : NULL,
		.tick_ms = CHECKS_MS,
		.arg = &lines,
	};
	int bad = proc_run(&p, &res, e);

	if (bad == 0 && lines.part.len > 0 && r->on_line)
		flush_line(&lines);
	bool memory = out_of_memory(&lines);
	str_done(&lines.part);
	str_done(&lines.first);
	if (bad < 0)
		return -1;
	if (memory && r->step == COMPOSE_RENDER && res.how == PROC_EXITED && res.code != 0)
		return err_set(e, ERR_REJECTED, 0,
			       "Compose needs more than %zu MiB of memory to read these files",
			       r->max_memory / 1024 / 1024);
	if (res.how != PROC_EXITED || res.code != 0)
		return failed(g, r, &p, &res, e);
	if (out)
		*out = str_take(&res.out);
	return 0;
}
