/*
 * compose - pull, build, up, down and stop. All but render work on a model file: resolved, with
 * literal dollars doubled as Compose prints them, so that nothing of a repository's .env has a say
 * any more. Depends on: compose_run, compose_down's model.
 */
#include "agent/engine/compose_run.h"
#include "agent/engine/compose_variables.h"
#include "agent/engine/leftover_model.h"
#include "common/file.h"
#include "common/json.h"
#include "common/mem.h"

#include <string.h>

enum { MODEL_MAX = 32 * 1024 * 1024 };

/* Where a person behind a proxy has set them for us, pulls and builds need them. */
static const char *const proxies[] = {
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
	"http_proxy", "https_proxy", "no_proxy", "all_proxy",
};

static void start(struct engine *g, const struct compose_call *c, const char *model,
		  struct compose_run *r)
{
	r->timeout_ms = c->timeout_ms;
	r->lock_fd = c->lock_fd;
	r->on_line = c->on_line;
	r->arg = c->arg;
	strv_pushf(&r->env, "DOCKER_HOST=unix://%s", g->socket);
	strv_push(&r->env, "COMPOSE_DISABLE_ENV_FILE=1");
	compose_pass_env(&r->env, "DOCKER_CONFIG");
	strv_push(&r->args, "-p");
	strv_push(&r->args, c->project);
	strv_push(&r->args, "-f");
	strv_push(&r->args, model);
}

static void words(struct strv *args, const char *const *v)
{
	for (; *v; v++)
		strv_push(args, *v);
}

#define WORDS(args, ...) words(args, (const char *const[]){__VA_ARGS__, NULL})

static int with_services(struct engine *g, const struct compose_call *c,
			 const struct strv *services, enum compose_step step, struct err *e)
{
	auto_compose_run struct compose_run r = {.step = step};
	struct err ignored = ERR_INIT;

	if (services && services->n == 0)
		return 0;
	start(g, c, c->model, &r);
	for (size_t i = 0; i < COUNT_OF(proxies); i++)
		compose_pass_env(&r.env, proxies[i]);
	/* Podman has no BuildKit: Compose would want to start one, from an image of its makers'. */
	if (step == COMPOSE_BUILD && api_flavour(g, &ignored) == FLAVOUR_PODMAN)
		strv_push(&r.env, "DOCKER_BUILDKIT=0");
	/* "--": a service may be called "-q". */
	WORDS(&r.args, step == COMPOSE_PULL ? "pull" : "build", "--");
	for (size_t i = 0; services && i < services->n; i++)
		strv_push(&r.args, services->v[i]);
	return compose_run(g, &r, NULL, e);
}

int compose_pull(struct engine *g, const struct compose_call *c, const struct strv *services,
		 struct err *e)
{
	return with_services(g, c, services, COMPOSE_PULL, e);
}

int compose_build(struct engine *g, const struct compose_call *c, const struct strv *services,
		  struct err *e)
{
	return with_services(g, c, services, COMPOSE_BUILD, e);
}

/* Values that `environment:` of configs and secrets needs, from the model into Compose's
 * environment. */
static int add_variables(const char *path, struct strv *env, struct err *e)
{
	auto_free char *text = NULL;
	auto_json cJSON *model = NULL;
	size_t len = 0;

	if (file_read(path, MODEL_MAX, &text, &len, e) < 0)
		return -1;
	if (!strstr(text, "\"x-mdc-variables\""))
		return 0;
	if (json_parse(text, len, &model, e) < 0)
		return err_wrap(e, "%s", path);
	compose_variables_env(model, env);
	return 0;
}

int compose_up(struct engine *g, const struct compose_call *c, struct err *e)
{
	auto_compose_run struct compose_run r = {.step = COMPOSE_UP};
	struct err ignored = ERR_INIT;

	start(g, c, c->model, &r);
	if (add_variables(c->model, &r.env, e) < 0)
		return -1;
	/* Where `depends_on` wants a service healthy, `up` itself waits for its checks. */
	if (api_flavour(g, &ignored) == FLAVOUR_PODMAN)
		r.checks = c->project;
	WORDS(&r.args, "up", "-d", "--no-build", "--pull", "never", "--remove-orphans");
	if (c->anew)
		strv_push(&r.args, "--force-recreate");
	return compose_run(g, &r, NULL, e);
}

/* A model of what is there: see leftover_model.h. */
static int on_leftovers(struct engine *g, const struct compose_call *c, enum compose_step step,
			struct err *e)
{
	auto_compose_run struct compose_run r = {.step = step};
	auto_json cJSON *model = NULL;

	if (leftover_model(g, c->project, &model, e) < 0)
		return -1;
	if (!model)
		return 0;
	auto_free char *text = json_text(model);

	r.input = text;
	start(g, c, "-", &r);
	if (step == COMPOSE_DOWN)
		WORDS(&r.args, "down", "--remove-orphans");
	if (step == COMPOSE_DOWN && c->stop_s > 0) {
		strv_push(&r.args, "--timeout");
		strv_pushf(&r.args, "%d", c->stop_s);
	}
	if (step == COMPOSE_STOP)
		WORDS(&r.args, "stop");
	return compose_run(g, &r, NULL, e);
}

int compose_down(struct engine *g, const struct compose_call *c, struct err *e)
{
	return on_leftovers(g, c, COMPOSE_DOWN, e);
}

int compose_stop(struct engine *g, const struct compose_call *c, struct err *e)
{
	return on_leftovers(g, c, COMPOSE_STOP, e);
}
