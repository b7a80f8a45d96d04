/*
 * names - what services use must be defined somewhere: services, volumes, networks, configs,
 * secrets. Depends on: scan.
 */
#include "agent/eval/scan.h"

#include "common/mem.h"
#include "common/str.h"

#include <string.h>

static struct use *add(struct use **list, size_t *n)
{
	if ((*n & (*n - 1)) == 0)
		*list = xreallocarray(*list, *n > 0 ? *n * 2 : 1, sizeof(**list));
	return &(*list)[(*n)++];
}

void scan_use(const struct place *p, const char *section, const char *by,
	      const struct yaml_node *at, const char *name)
{
	if (!p->runs)
		return;
	*add(&p->s->uses, &p->s->n_uses) = (struct use){.section = section,
							.by = by,
							.file = p->file,
							.name = xstrdup(name),
							.line = at->line,
							.column = at->column};
}

void scan_define(const struct place *p, const char *section, const struct yaml_node *map)
{
	if (!map || map->kind == YAML_NULL)
		return;
	if (map->kind != YAML_MAP) {
		scan_note(p->s, DIAG_ERROR, p->file, map, "%s: expected a map of names, not a %s",
			  section, yaml_kind_name(map->kind));
		return;
	}
	for (size_t i = 0; i < map->n; i++)
		*add(&p->s->defined, &p->s->n_defined) =
			(struct use){.section = section,
				     .file = p->file,
				     .by = p->file,
				     .name = xstrdup(map->pairs[i].key),
				     .line = map->pairs[i].line,
				     .column = map->pairs[i].column};
}

static int by_name(const void *a, const void *b)
{
	const struct use *x = a, *y = b;
	int order = strcmp(x->section, y->section);

	return order != 0 ? order : strcmp(x->name, y->name);
}

static bool is_defined(const struct scan *s, const char *section, const char *name)
{
	struct use key = {.section = section, .name = (char *)(uintptr_t)name};

	return s->n_defined > 0 &&
	       bsearch(&key, s->defined, s->n_defined, sizeof(*s->defined), by_name);
}

/* The nearest defined name of the section; the caller frees. */
static char *nearest(const struct scan *s, const char *section, const char *name)
{
	auto_strv struct strv names = STRV_INIT;

	for (size_t i = 0; i < s->n_defined; i++)
		if (strcmp(s->defined[i].section, section) == 0)
			strv_push(&names, s->defined[i].name);
	return xstrdup_null(str_nearest(name, (const char *const *)names.v, names.n));
}

static void check_use(struct scan *s, const struct use *u)
{
	bool is_default = strcmp(u->section, "networks") == 0 && strcmp(u->name, "default") == 0;

	if (is_default || strchr(u->name, '$') || is_defined(s, u->section, u->name))
		return;
	struct yaml_node at = {.line = u->line, .column = u->column};
	auto_free char *near = nearest(s, u->section, u->name);
	if (near)
		scan_note(
			s, DIAG_ERROR, u->file, &at,
			"service '%s' uses '%s', which is not defined under %s: did you mean '%s'?",
			u->by, u->name, u->section, near);
	else
		scan_note(s, DIAG_ERROR, u->file, &at,
			  "service '%s' uses '%s', which is not defined under %s: define it there",
			  u->by, u->name, u->section);
}

static void check_setting(struct scan *s, const char *key, const char *section, const char *name)
{
	if (!name || is_defined(s, section, name))
		return;
	auto_free char *near = nearest(s, section, name);
	scan_note(s, DIAG_ERROR, s->n_roots > 0 ? s->files[0] : s->p->path, NULL,
		  "%s names '%s', which the Compose files do not have under %s%s%s%s", key, name,
		  section, near ? ": did you mean '" : ": correct the name", near ? near : "",
		  near ? "'?" : "");
}

static void check_services(struct scan *s)
{
	for (size_t i = 0; i < s->n_services; i++) {
		const struct service *v = &s->services[i];
		struct yaml_node at = {.line = v->line, .column = v->column};
		if (!v->has_source)
			scan_note(s, DIAG_ERROR, v->file, &at,
				  "service '%s' has neither image nor build: say what it runs",
				  v->name);
	}
}

void scan_check_names(struct scan *s)
{
	const struct settings *set = &s->p->settings;

	check_services(s);
	if (s->incomplete)
		return;
	if (s->n_defined > 1)
		qsort(s->defined, s->n_defined, sizeof(*s->defined), by_name);
	for (size_t i = 0; i < s->n_uses; i++)
		check_use(s, &s->uses[i]);
	check_setting(s, "hooks.before_snapshot.service", "services", set->before_snapshot.service);
	check_setting(s, "hooks.after_snapshot.service", "services", set->after_snapshot.service);
	for (size_t i = 0; i < set->snapshot.volumes.n; i++)
		check_setting(s, "snapshot.volumes", "volumes", set->snapshot.volumes.v[i]);
}
