/*
 * flake - the evaluator for repositories that are Nix flakes: what `nix eval` gave for this host,
 * read as `projects` of agent.yaml is. Nix itself is run by flow (agent/flow/flake.c): here nothing
 * is started. Depends on: eval_parts, config.
 */
#include "agent/eval/eval_parts.h"

#include "common/mem.h"
#include "common/str.h"

#include <string.h>

enum { FLAKE_MAX_BYTES = 16 * 1024 * 1024, FLAKE_MAX_EVENTS = 1000000 };

static const char name[] = "flake";

static int read_it(const struct eval *ev, const struct yaml_node *root, struct config *out,
		   struct err *e)
{
	const struct yaml_node *version = yaml_get(root, "version");
	const struct yaml_node *projects = yaml_get(root, "projects");
	size_t before = ev->d->n;

	if (!version || !projects)
		return err_set(e, ERR_REJECTED, 0,
			       "the flake gives no {version = 1; projects = ...;} for this host: "
			       "use lib.projects of mdc-agent's flake");
	if (!str_eq(yaml_text(version), "1"))
		return err_set(e, ERR_REJECTED, 0,
			       "the flake gives projects of version %s, this agent knows 1: "
			       "update one of them",
			       yaml_text(version) ? yaml_text(version) : "?");
	if (config_read_projects(projects, name, ev->d, out) == 0)
		return 0;
	for (size_t i = before; i < ev->d->n; i++)
		if (ev->d->v[i].level == DIAG_ERROR)
			return err_set(e, ERR_REJECTED, 0, "the flake's projects: %s",
				       ev->d->v[i].text);
	return err_set(e, ERR_REJECTED, 0, "the flake's projects cannot be read");
}

static int run(struct eval *ev, struct err *e)
{
	static const struct yaml_limits limits = {.max_bytes = FLAKE_MAX_BYTES,
						  .max_events = FLAKE_MAX_EVENTS};
	auto_yaml struct yaml_node *root = NULL;
	auto_config struct config c = {.file = NULL};
	const char *text = ev->in->flake;

	if (!text)
		return 0;
	/* JSON is YAML. */
	if (yaml_parse(text, strlen(text), name, &limits, &root, e) < 0)
		return -1;
	if (read_it(ev, root, &c, e) < 0)
		return -1;
	for (size_t i = 0; i < c.n_projects; i++) {
		strv_push(&ev->names, c.projects[i].name);
		if (declared_evaluate(ev, &c.projects[i], e) < 0)
			return -1;
	}
	return 0;
}

const struct evaluator evaluator_flake = {.name = name, .run = run};
