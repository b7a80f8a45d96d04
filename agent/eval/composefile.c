/*
 * composefile - walks one parsed Compose file: every path it mentions, every name it uses and
 * defines. Depends on: references, includes, service_checks, ports, names. To follow another key: a
 * line in service_paths() or scan_file().
 */
#include "agent/eval/scan.h"

#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"

#include <ctype.h>
#include <string.h>

static int refer(const struct place *p, enum reference how, const char *what,
		 const struct yaml_node *at, struct err *e)
{
	auto_free char *path = NULL;

	return at && at->kind == YAML_SCALAR ? scan_reference(p, how, what, at, &path, e) : 0;
}

/* A text, or a list of texts or of {path, required}. */
static int env_files(const struct place *p, const char *what, const struct yaml_node *v,
		     struct err *e)
{
	for (size_t i = 0; v && i < (v->kind == YAML_LIST ? v->n : 1); i++) {
		const struct yaml_node *one = v->kind == YAML_LIST ? &v->items[i] : v;
		const char *required = yaml_text(yaml_get(one, "required"));
		bool optional = required && strcmp(required, "false") == 0;
		const struct yaml_node *at = one->kind == YAML_MAP ? yaml_get(one, "path") : one;
		if (refer(p, optional ? REF_OPTIONAL : REF_ENV, what, at, e) < 0)
			return -1;
	}
	return 0;
}

/* "a=b" entries of a list, or the values of a map: additional_contexts. */
static int contexts(const struct place *p, const struct yaml_node *v, struct err *e)
{
	for (size_t i = 0; v && v->kind == YAML_MAP && i < v->n; i++) {
		const char *text = yaml_text(&v->pairs[i].value);
		if (text && !str_starts(text, "service:") &&
		    refer(p, REF_BUILD, "build.additional_contexts", &v->pairs[i].value, e) < 0)
			return -1;
	}
	for (size_t i = 0; v && v->kind == YAML_LIST && i < v->n; i++) {
		const char *text = yaml_text(&v->items[i]);
		const char *value = text ? strchr(text, '=') : NULL;
		if (!value || str_starts(value + 1, "service:"))
			continue;
		struct yaml_node at = v->items[i];
		at.text = (char *)(uintptr_t)(value + 1);
		if (refer(p, REF_BUILD, "build.additional_contexts", &at, e) < 0)
			return -1;
	}
	return 0;
}

static int build(const struct place *p, const struct yaml_node *v, struct err *e)
{
	if (!v)
		return 0;
	const struct yaml_node *context = v->kind == YAML_MAP ? yaml_get(v, "context") : v;
	const struct yaml_node *dockerfile = yaml_get(v, "dockerfile");
	struct place inner = *p;
	auto_free char *path = NULL;

	if (context && context->kind == YAML_SCALAR &&
	    scan_reference(p, REF_BUILD, "build.context", context, &path, e) < 0)
		return -1;
	/* A Dockerfile is relative to its context; one that is inside of it comes along with it. */
	inner.dir = path ? path : p->dir;
	if (dockerfile && (path || !context) &&
	    refer(&inner, REF_BUILD, "build.dockerfile", dockerfile, e) < 0)
		return -1;
	return contexts(p, yaml_get(v, "additional_contexts"), e);
}

/* The source of "source:target[:mode]"; a colon inside of ${} does not count. NULL: no source. */
static char *mount_source(const char *text)
{
	int depth = 0;

	for (size_t i = 0; text[i]; i++) {
		if (text[i] == '{')
			depth++;
		else if (text[i] == '}')
			depth--;
		else if (text[i] == ':' && depth == 0)
			return xstrndup(text, i);
	}
	return NULL;
}

static int short_mount(const struct place *p, const char *by, const struct yaml_node *v,
		       struct err *e)
{
	auto_free char *source = mount_source(yaml_text(v));
	bool open;

	if (!source || source[0] == '\0')
		return 0;
	if (isalpha((unsigned char)source[0]) && source[1] == '\0') {
		scan_note(
			p->s, DIAG_ERROR, p->file, v,
			"service '%s': Compose takes the one-letter volume name '%s' for a Windows drive: give "
			"it a longer name",
			by, source);
		return 0;
	}
	auto_free char *text = env_expand(&p->s->env, source, &open);
	if (open && !strchr(source, '/'))
		return 0; /* may be a volume or a path: only Compose will know */
	if (!open && text[0] != '.' && text[0] != '/' && text[0] != '~') {
		scan_use(p, "volumes", by, v, source);
		return 0;
	}
	struct yaml_node at = *v;
	at.text = source;
	return refer(p, REF_BIND, "volumes", &at, e);
}

static int mounts(const struct place *p, const char *by, const struct yaml_node *list,
		  struct err *e)
{
	for (size_t i = 0; list && list->kind == YAML_LIST && i < list->n; i++) {
		const struct yaml_node *v = &list->items[i];
		const char *type = yaml_text(yaml_get(v, "type"));
		const struct yaml_node *source = yaml_get(v, "source");
		int rc = 0;
		if (v->kind == YAML_SCALAR)
			rc = short_mount(p, by, v, e);
		else if (type && strcmp(type, "bind") == 0)
			rc = refer(p, REF_BIND, "volumes", source, e);
		else if (type && strcmp(type, "volume") == 0 && yaml_text(source))
			scan_use(p, "volumes", by, source, yaml_text(source));
		if (rc < 0)
			return -1;
	}
	return 0;
}

static int watches(const struct place *p, const struct yaml_node *develop, struct err *e)
{
	const struct yaml_node *list = yaml_get(develop, "watch");

	for (size_t i = 0; list && list->kind == YAML_LIST && i < list->n; i++)
		if (refer(p, REF_BIND, "develop.watch", yaml_get(&list->items[i], "path"), e) < 0)
			return -1;
	return 0;
}

/* Names in a list of texts or {source}, or the keys of a map. */
static void uses(const struct place *p, const char *section, const char *by,
		 const struct yaml_node *v)
{
	for (size_t i = 0; v && v->kind == YAML_MAP && i < v->n; i++) {
		struct yaml_node at = {.line = v->pairs[i].line, .column = v->pairs[i].column};
		scan_use(p, section, by, &at, v->pairs[i].key);
	}
	for (size_t i = 0; v && v->kind == YAML_LIST && i < v->n; i++) {
		const struct yaml_node *one = &v->items[i];
		const char *name = yaml_text(one->kind == YAML_MAP ? yaml_get(one, "source") : one);
		if (name)
			scan_use(p, section, by, one, name);
	}
}

static int service_paths(const struct place *p, const char *name, const struct yaml_node *v,
			 struct err *e)
{
	if (scan_extends(p, yaml_get(v, "extends"), e) < 0 ||
	    env_files(p, "env_file", yaml_get(v, "env_file"), e) < 0 ||
	    env_files(p, "label_file", yaml_get(v, "label_file"), e) < 0 ||
	    mounts(p, name, yaml_get(v, "volumes"), e) < 0 ||
	    build(p, yaml_get(v, "build"), e) < 0 ||
	    refer(p, REF_FILE, "credential_spec.file",
		  yaml_get(yaml_get(v, "credential_spec"), "file"), e) < 0)
		return -1;
	return watches(p, yaml_get(v, "develop"), e);
}

int scan_one_service(const struct place *p, const char *name, const struct yaml_node *service,
		     struct err *e)
{
	if (service->kind != YAML_MAP) {
		if (service->kind != YAML_NULL)
			scan_note(
				p->s, DIAG_ERROR, p->file, service,
				"service '%s': expected a map such as {image: nginx:1.27}, not a %s",
				name, yaml_kind_name(service->kind));
		return 0;
	}
	uses(p, "services", name, yaml_get(service, "depends_on"));
	uses(p, "networks", name, yaml_get(service, "networks"));
	uses(p, "configs", name, yaml_get(service, "configs"));
	uses(p, "secrets", name, yaml_get(service, "secrets"));
	return service_paths(p, name, service, e);
}

/* `file` of each entry of configs: and secrets:. */
static int content_files(const struct place *p, const char *section, const struct yaml_node *map,
			 struct err *e)
{
	for (size_t i = 0; map && map->kind == YAML_MAP && i < map->n; i++)
		if (refer(p, REF_FILE, section, yaml_get(&map->pairs[i].value, "file"), e) < 0)
			return -1;
	return 0;
}

int scan_file(const struct place *p, const struct yaml_node *root, struct err *e)
{
	static const char *const sections[] = {"services", "volumes", "networks", "configs",
					       "secrets"};
	const struct yaml_node *services = yaml_get(root, "services");

	for (size_t i = 0; i < COUNT_OF(sections); i++)
		scan_define(p, sections[i], yaml_get(root, sections[i]));
	for (size_t i = 0; services && services->kind == YAML_MAP && i < services->n; i++) {
		const struct yaml_pair *one = &services->pairs[i];
		struct yaml_node named =
			one->value; /* findings about the service stand at its name */
		named.line = one->line;
		named.column = one->column;
		scan_service_keys(p, one->key, &named);
		if (scan_one_service(p, one->key, &one->value, e) < 0)
			return -1;
	}
	if (content_files(p, "configs", yaml_get(root, "configs"), e) < 0 ||
	    content_files(p, "secrets", yaml_get(root, "secrets"), e) < 0)
		return -1;
	return scan_includes(p, yaml_get(root, "include"), e);
}
