/*
 * compose_render - the project's files resolved by Compose into one JSON model: includes, extends,
 * interpolation, env files and paths. The only time that the repository's .env is read; which
 * project, files and profiles there are is said on the command line and in the environment, which
 * win. Depends on: common, compose_run, compose_variables.
 */
#include "agent/engine/compose_run.h"
#include "agent/engine/compose_variables.h"
#include "agent/engine/model.h"
#include "common/file.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/path.h"

#include <string.h>

enum { RENDER_MS = 30000 };

/*
 * Compose normally needs 50 MB and 0.1 s; for 2500 services in 230 KB, 170 MB and 2.5 s. Files that
 * blow up are refused by eval; this is the net below. Stacks of threads count as memory, so there
 * must not be one for each of a large machine's processors.
 */
static const size_t render_memory = (size_t)768 * 1024 * 1024;
enum { RENDER_CPU_S = 20 };

static void start(const struct render_call *c, const char *extra, struct compose_run *r)
{
	auto_free char *profiles = strv_join(c->profiles, ",");
	auto_free char *dotenv = path_join(c->directory, ".env");

	r->timeout_ms = c->timeout_ms > 0 ? c->timeout_ms : RENDER_MS;
	r->max_memory = render_memory;
	r->max_cpu_s = RENDER_CPU_S;
	strv_push(&r->env, "GOMAXPROCS=4");
	strv_pushf(&r->env, "COMPOSE_PROFILES=%s", profiles);
	strv_push(&r->args, "-p");
	strv_push(&r->args, c->project);
	strv_push(&r->args, "--project-directory");
	strv_push(&r->args, c->directory);
	/* With --env-file Compose no longer reads .env by itself. */
	if (c->env_files->n > 0 && file_exists(dotenv)) {
		strv_push(&r->args, "--env-file");
		strv_push(&r->args, dotenv);
	}
	for (size_t i = 0; i < c->env_files->n; i++) {
		strv_push(&r->args, "--env-file");
		strv_push(&r->args, c->env_files->v[i]);
	}
	for (size_t i = 0; i < c->files->n; i++) {
		strv_push(&r->args, "-f");
		strv_push(&r->args, c->files->v[i]);
	}
	if (extra) {
		strv_push(&r->args, "-f");
		strv_push(&r->args, "-");
		r->input = extra;
	}
	strv_push(&r->args, "config");
	strv_push(&r->args, "--format");
	strv_push(&r->args, "json");
}

static int config(struct engine *g, const struct render_call *c, const char *extra, cJSON **out,
		  struct err *e)
{
	auto_compose_run struct compose_run r = {.step = COMPOSE_RENDER};
	auto_free char *text = NULL;

	start(c, extra, &r);
	if (compose_run(g, &r, &text, e) < 0)
		return -1;
	if (json_parse(text, strlen(text), out, e) < 0)
		return err_wrap(e, "Compose's resolved model");
	return 0;
}

/*
 * Which services belong is decided here. A profile left in the model would have to be named again
 * at every later call, or its service would be taken for an orphan and removed.
 */
static void settle_profiles(cJSON *model)
{
	cJSON *service = NULL;

	cJSON_ArrayForEach (service, json_obj(model, "services"))
		cJSON_DeleteItemFromObjectCaseSensitive(service, "profiles");
}

static int check_services(const cJSON *model, struct err *e)
{
	const cJSON *services = json_obj(model, "services");

	if (services && services->child)
		return 0;
	return err_set(
		e, ERR_REJECTED, 0,
		"the Compose files have no service that is to run: add one, or name its profile "
		"with `profiles:`");
}

int compose_render(struct engine *g, const struct render_call *r, cJSON **model, struct err *e)
{
	auto_json cJSON *m = NULL;
	struct err ignored = ERR_INIT;

	if (config(g, r, NULL, &m, e) < 0 || check_services(m, e) < 0)
		return -1;
	settle_profiles(m);
	if (api_flavour(g, &ignored) == FLAVOUR_PODMAN)
		model_whole_checks(m);
	auto_free char *ask = compose_variables_ask(m);

	if (ask) {
		auto_json cJSON *answer = NULL;

		if (config(g, r, ask, &answer, e) < 0)
			return -1;
		compose_variables_keep(answer, m);
	}
	*model = TAKE(m);
	return 0;
}
