/*
 * settings_read - reading a map of settings, and what only makes sense of several keys together.
 * Depends on: common, keys, settings.
 */
#include "agent/model/settings.h"

#include "common/path.h"

#include <string.h>

/* Keys that say where a project is; which of them may stand where. */
static int check_place(const struct yaml_node *map, bool host_side, const struct key_context *c)
{
	static const char *const in_repository[] = {"path", "files", "hosts"};

	for (const struct key_row *r = settings_host_rows; !host_side && r->name; r++) {
		const struct yaml_node *v = yaml_get(map, r->name);

		if (v)
			return key_refuse(v, c, "%s may only stand in agent.yaml%s", r->name,
					  strcmp(r->name, "compose_files") == 0
						  ? "; use path and files"
						  : "");
	}
	if (!host_side)
		return 0;
	for (size_t i = 0; i < COUNT_OF(in_repository); i++) {
		const struct yaml_node *v = yaml_get(map, in_repository[i]);
		if (v)
			return key_refuse(
				v, c,
				"%s is for projects of the repository; in agent.yaml a project is "
				"given by compose_files",
				in_repository[i]);
	}
	return 0;
}

static int check_env_files(const struct yaml_node *map, bool host_side, const struct key_context *c,
			   const struct settings *s)
{
	const struct yaml_node *v = yaml_get(map, "env_files");

	for (size_t i = 0; v && i < s->env_files.n; i++) {
		const char *text = s->env_files.v[i];
		const struct yaml_node *at = v->kind == YAML_LIST ? &v->items[i] : v;
		if (host_side && (text[0] != '/' || !path_is_clean(text + 1)))
			return key_refuse(
				at, c,
				"env_files: '%s' must be an absolute path in agent.yaml, such as "
				"/etc/mdc-agent/prod.env",
				text);
		if (!host_side && text[0] == '/')
			return key_refuse(
				at, c,
				"env_files: '%s' is outside of the repository; use a path relative "
				"to the project's directory",
				text);
	}
	return 0;
}

static int check_hook(const struct yaml_node *map, const char *name, const struct hook *h,
		      const struct key_context *c)
{
	const struct yaml_node *v = yaml_get(yaml_get(map, "hooks"), name);

	if (!v || v->kind != YAML_MAP)
		return 0;
	if (h->command.n > 0 && !h->service)
		return key_refuse(
			v, c,
			"hooks.%s has no service: name the one whose container runs the command",
			name);
	if (h->command.n == 0)
		return key_refuse(v, c, "hooks.%s has no command: give it as a list of words",
				  name);
	return 0;
}

static int check_health(const struct yaml_node *map, const struct key_context *c,
			const struct settings *s)
{
	const struct yaml_node *v = yaml_get(map, "health");
	int64_t timeout = s->health.timeout_ms, settle = s->health.settle_ms;

	if (v && timeout == 0)
		return key_refuse(yaml_get(v, "timeout"), c,
				  "health.timeout is 0s: nothing could ever become healthy");
	if (v && timeout != DURATION_UNSET && settle != DURATION_UNSET && timeout < settle)
		diags_add(
			c->diags, DIAG_WARNING, c->file, v->line, v->column, c->project,
			"%s%shealth.timeout is shorter than health.settle: nothing can become healthy in "
			"time; make timeout longer",
			c->key ? c->key : "", c->key ? ": " : "");
	return 0;
}

static int check_together(const struct yaml_node *map, bool host_side, const struct key_context *c,
			  const struct settings *s)
{
	int rc = check_place(map, host_side, c);

	rc |= check_env_files(map, host_side, c, s);
	rc |= check_hook(map, "before_snapshot", &s->before_snapshot, c);
	rc |= check_hook(map, "after_snapshot", &s->after_snapshot, c);
	rc |= check_health(map, c, s);
	return rc < 0 ? -1 : 0;
}

int settings_read(const struct yaml_node *map, bool host_side, const struct key_context *c,
		  struct settings *s)
{
	if (keys_read(map, settings_rows(), s, c) < 0)
		return -1;
	return check_together(map, host_side, c, s);
}

int settings_read_defaults(const struct yaml_node *map, const struct key_context *c,
			   struct settings *s)
{
	if (keys_read(map, settings_default_rows(), s, c) < 0)
		return -1;
	/* Defaults of agent.yaml too apply to projects of the repository: paths are theirs. */
	return check_together(map, false, c, s);
}
