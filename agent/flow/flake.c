/*
 * flake - asks Nix what the repository's flake says of this host. Nix runs in a worker, so that a
 * stop ends it; it reads the commit from our own repository, whose objects are there already.
 * Depends on: sync.h, common/proc.
 */
#include "agent/flow/sync.h"

#include "common/mem.h"
#include "common/path.h"
#include "common/proc.h"

#include <string.h>

enum {
	EVAL_MS = 5 * 60 * 1000, /* the first time it may have to fetch the flake's inputs */
	OUT_MAX = 16 * 1024 * 1024,
	CAUSE_MAX = 700,
};
static const size_t memory_max = 8UL << 30;

/* Where a Nix of its own is, beside what the caller's PATH has. */
#define NIX_PATHS "/run/current-system/sw/bin:/nix/var/nix/profiles/default/bin"

struct flake_job {
	const char *reference; /* git+file://...#attribute */
	const char *cache;
};

static void pass(struct strv *env, const char *key)
{
	const char *value = getenv(key);

	if (value)
		strv_pushf(env, "%s=%s", key, value);
}

static void fill_env(const struct flake_job *j, struct strv *env)
{
	static const char *const passed[] = {
		"NIX_REMOTE",        "NIX_CONFIG",    "NIX_CONF_DIR",
		"NIX_STORE_DIR",     "NIX_STATE_DIR", "NIX_LOG_DIR",
		"NIX_SSL_CERT_FILE", "SSL_CERT_FILE", "HTTPS_PROXY",
		"https_proxy",       "ALL_PROXY",     "all_proxy",
		"NO_PROXY",          "no_proxy",      "TMPDIR",
	};
	const char *path = getenv("PATH"), *cache = getenv("XDG_CACHE_HOME"),
		   *home = getenv("HOME");

	for (size_t i = 0; i < COUNT_OF(passed); i++)
		pass(env, passed[i]);
	strv_pushf(env, "PATH=%s:%s", path && path[0] ? path : "/usr/local/bin:/usr/bin:/bin",
		   NIX_PATHS);
	strv_pushf(env, "HOME=%s", home && home[0] ? home : "/root");
	strv_pushf(env, "XDG_CACHE_HOME=%s", cache && cache[0] == '/' ? cache : j->cache);
	strv_push(env, "GIT_TERMINAL_PROMPT=0");
}

/* The last line that begins with "error:"; newer versions of Nix put it, indented, below a trace.
 * Lines after it only say where, and how to see more. */
static char *cause_of(const char *text)
{
	const char *found = NULL;

	for (const char *p = text; *p != '\0'; p += strcspn(p, "\n"), p += *p == '\n') {
		const char *word = p + strspn(p, " ");

		if (str_starts(word, "error:"))
			found = word + strlen("error:");
	}
	if (!found)
		return proc_last_line(text);
	found += strspn(found, " \n");
	return xstrndup(found, strcspn(found, "\n") < CAUSE_MAX ? strcspn(found, "\n") : CAUSE_MAX);
}

/* What another time may be different: inputs that could not be fetched, a daemon that is down. */
static enum err_kind kind_of(const struct proc_result *r)
{
	static const char *const passing[] = {
		"unable to download",    "cannot connect to socket", "Could not resolve host",
		"Couldn't resolve host", "No space left on device",  "Connection refused",
		"program 'git' failed", /* the input's server, or its key: the commit is no worse */
		"Failed to fetch git",
	};

	if (r->how == PROC_TOO_MUCH)
		return ERR_REJECTED; /* the same commit gives the same */
	if (r->how != PROC_EXITED)
		return ERR_RETRY;
	for (size_t i = 0; i < COUNT_OF(passing); i++)
		if (strstr(str_text(&r->err), passing[i]))
			return ERR_RETRY;
	return ERR_REJECTED;
}

/* What Nix's own words leave open. */
static const char *hint_of(const struct proc_result *r)
{
	static const struct {
		const char *said, *hint;
	} hints[] = {
		{"modified lock file", ": run `nix flake lock` and commit flake.lock"},
		{"requires lock file changes", ": run `nix flake lock` and commit flake.lock"},
		{"program 'git' failed",
		 ": is git installed, and can this host fetch the flake's inputs?"},
	};

	for (size_t i = 0; i < COUNT_OF(hints); i++)
		if (strstr(str_text(&r->err), hints[i].said))
			return hints[i].hint;
	return "";
}

static int run_nix(const struct flake_job *j, struct proc_result *r, struct err *e)
{
	/* No evaluation cache: it would name files that a garbage collection has removed. */
	const char *const argv[] = {"nix",
				    "--extra-experimental-features",
				    "nix-command flakes",
				    "eval",
				    "--json",
				    "--no-update-lock-file",
				    "--option",
				    "eval-cache",
				    "false",
				    "--",
				    j->reference,
				    NULL};
	auto_strv struct strv env = STRV_INIT;

	fill_env(j, &env);
	struct proc p = {.argv = argv,
			 .env = (const char *const *)env.v,
			 .timeout_ms = EVAL_MS,
			 .max_out = OUT_MAX,
			 .max_memory = memory_max};
	char how[64];

	if (proc_run(&p, r, e) < 0) {
		if (e->kind == ERR_BROKEN)
			return err_set(e, ERR_RETRY, 0,
				       "source.evaluator is flake, but there is no nix on this "
				       "host: install Nix, or set source.evaluator: files");
		return -1;
	}
	if (r->how == PROC_EXITED && r->code == 0)
		return 0;
	auto_free char *cause = cause_of(str_text(&r->err));

	return err_set(e, kind_of(r), 0, "nix eval %s%s%s%s",
		       proc_how_text(&p, r, how, sizeof(how)), cause[0] ? ": " : "", cause,
		       hint_of(r));
}

static int flake_work(void *arg, struct worker_out *o, cJSON **result, struct err *e)
{
	auto_proc_result struct proc_result r = {.code = 0};

	(void)o;
	if (run_nix(arg, &r, e) < 0)
		return -1;
	*result = cJSON_CreateObject();
	json_set_str(*result, "text", str_text(&r.out));
	return 0;
}

static char *reference(const struct sync *s, const char *repo_dir)
{
	const struct source_config *src = &s->config->source;
	bool below = src->path && strcmp(src->path, ".") != 0;
	auto_free char *own = src->flake_attribute ? xstrdup(src->flake_attribute)
						   : xasprintf("mdcAgent.\"%s\"", s->config->host);

	return xasprintf("git+file://%s?ref=refs/mdc/source&rev=%s%s%s#%s", repo_dir, s->head,
			 below ? "&dir=" : "", below ? src->path : "", own);
}

int flake_evaluate(struct sync *s, const char *repo_dir, char **out, struct err *e)
{
	static const struct worker_limits limits = {.timeout_ms = EVAL_MS + 10000,
						    .max_message = 2 * OUT_MAX};
	auto_free char *ref = NULL, *cache = NULL, *state = path_dir(repo_dir);
	auto_json cJSON *answer = NULL;

	if (s->config->source.evaluator != EVALUATOR_FLAKE || !s->head[0])
		return 0;
	ref = reference(s, repo_dir);
	cache = path_join(state, "flake-cache");
	struct flake_job j = {.reference = ref, .cache = cache};

	if (worker_call("nix", flake_work, &j, &limits, NULL, NULL, &answer, e) < 0)
		return err_wrap(e, "%s", strchr(ref, '#') + 1);
	*out = xstrdup(json_str(answer, "text", ""));
	return 0;
}
