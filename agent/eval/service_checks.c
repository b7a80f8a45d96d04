/*
 * service_checks - keys of a Compose file that nobody knows, and what a service must have.
 * Compose refuses the same later, in its own words and after a fetch: here it has a line, and
 * `check` can say it. Depends on: scan, ports.
 */
#include "agent/eval/scan.h"

#include "agent/model/compose_keys.h"
#include "common/mem.h"
#include "common/str.h"

#include <string.h>

static void check_name(const struct place *p, const struct yaml_node *name)
{
	const char *text = yaml_text(name);

	if (text && strcmp(text, p->s->p->name) != 0)
		scan_note(
			p->s, DIAG_WARNING, p->file, name,
			"name: '%s' is ignored, the project is called '%s': remove it, or rename the project "
			"(note that volumes carry the project's name)",
			text, p->s->p->name);
}

void scan_top_keys(const struct place *p, const struct yaml_node *root)
{
	for (size_t i = 0; i < root->n; i++) {
		const char *key = root->pairs[i].key;
		if (compose_top_key(key))
			continue;
		struct yaml_node at = {.line = root->pairs[i].line,
				       .column = root->pairs[i].column};
		const char *near = str_nearest(key, compose_top_keys, compose_top_count);
		if (near)
			scan_note(p->s, DIAG_ERROR, p->file, &at,
				  "unknown key '%s': did you mean '%s'?", key, near);
		else
			scan_note(
				p->s, DIAG_ERROR, p->file, &at,
				"unknown key '%s': Compose knows services, networks, volumes, configs, secrets, "
				"include; settings of mdc-agent belong under x-mdc",
				key);
	}
	check_name(p, yaml_get(root, "name"));
}

static void check_service_keys(const struct place *p, const char *name,
			       const struct yaml_node *service)
{
	for (size_t i = 0; i < service->n; i++) {
		const char *key = service->pairs[i].key;
		if (compose_service_key(key))
			continue;
		struct yaml_node at = {.line = service->pairs[i].line,
				       .column = service->pairs[i].column};
		const char *near = str_nearest(key, compose_service_keys, compose_service_count);
		if (near)
			scan_note(p->s, DIAG_ERROR, p->file, &at,
				  "unknown key '%s' in service '%s': did you mean '%s'?", key, name,
				  near);
	}
}

static struct service *find_service(struct scan *s, const char *name)
{
	for (size_t i = 0; i < s->n_services; i++)
		if (strcmp(s->services[i].name, name) == 0)
			return &s->services[i];
	return NULL;
}

/* A service may stand in several files; one of them has to say what it runs. */
static void note_service(const struct place *p, const char *name, const struct yaml_node *v)
{
	static const char *const sources[] = {"image", "build", "extends", "provider"};
	struct scan *s = p->s;
	struct service *known = find_service(s, name);

	if (!known) {
		s->services = xreallocarray(s->services, s->n_services + 1, sizeof(*s->services));
		known = &s->services[s->n_services++];
		*known = (struct service){
			.name = name, .file = p->file, .line = v->line, .column = v->column};
	}
	for (size_t i = 0; i < COUNT_OF(sources); i++)
		known->has_source |= yaml_get(v, sources[i]) != NULL;
}

/* A service with profiles only runs when one of them is enabled. */
static bool is_enabled(const struct scan *s, const struct yaml_node *service)
{
	const struct yaml_node *profiles = yaml_get(service, "profiles");

	if (!profiles || profiles->kind != YAML_LIST || profiles->n == 0)
		return true;
	for (size_t i = 0; i < profiles->n; i++) {
		const char *one = yaml_text(&profiles->items[i]);
		if (one && (strv_has(&s->p->settings.profiles, one) ||
			    strv_has(&s->p->settings.profiles, "*")))
			return true;
	}
	return false;
}

/* compose2nix's word for "do not start it": plain Compose knows none. */
static void check_compose2nix(const struct place *p, const char *name, const struct yaml_node *l)
{
	static const char label[] = "compose2nix.settings.autoStart";
	const struct yaml_node *at = yaml_get(l, label);
	bool off = at && yaml_text(at) && strcmp(yaml_text(at), "false") == 0;

	for (size_t i = 0; l && l->kind == YAML_LIST && i < l->n && !off; i++) {
		const char *text = yaml_text(&l->items[i]);

		off = text && str_starts(text, label) &&
		      strcmp(text + strlen(label), "=false") == 0;
		at = &l->items[i];
	}
	if (off)
		scan_note(
			p->s, DIAG_WARNING, p->file, at,
			"%s=false of service '%s' means nothing here, and the service is started: "
			"put it behind a profile instead",
			label, name);
}

void scan_service_keys(const struct place *p, const char *name, const struct yaml_node *service)
{
	if (!p->runs)
		return;
	note_service(p, name, service);
	if (service->kind != YAML_MAP)
		return;
	check_service_keys(p, name, service);
	check_compose2nix(p, name, yaml_get(service, "labels"));
	if (is_enabled(p->s, service))
		scan_claims(p, service);
}
