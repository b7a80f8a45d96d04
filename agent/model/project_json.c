/*
 * project_json - a project as JSON and back: what a generation records.
 * Depends on: common, project.
 */
#include "agent/model/project.h"

#include "common/json.h"
#include "common/mem.h"

#include <stdio.h>
#include <string.h>

static const char *const kinds[] = {
	[ENTRY_FILE] = "file",       [ENTRY_EXEC] = "exec",           [ENTRY_DIR] = "dir",
	[ENTRY_SYMLINK] = "symlink", [ENTRY_SUBMODULE] = "submodule",
};

const char *entry_kind_name(enum entry_kind k)
{
	return (size_t)k < COUNT_OF(kinds) ? kinds[k] : kinds[ENTRY_SUBMODULE];
}

enum entry_kind entry_kind_parse(const char *name)
{
	for (size_t i = 0; name && i < COUNT_OF(kinds); i++)
		if (strcmp(kinds[i], name) == 0)
			return (enum entry_kind)i;
	return ENTRY_SUBMODULE;
}

cJSON *project_to_json(const struct project *p)
{
	cJSON *o = cJSON_CreateObject();

	json_set_str(o, "name", p->name);
	json_set_str(o, "path", p->path);
	if (p->declared)
		json_set_bool(o, "declared", true);
	json_set_str(o, "tree", p->tree);
	json_set_str(o, "digest", p->digest);
	json_set_str(o, "why_bad", p->why_bad);
	json_set_strv(o, "files", &p->files);
	if (p->env_files.n > 0)
		json_set_strv(o, "env_files", &p->env_files);
	if (p->claims.n > 0)
		json_set_strv(o, "claims", &p->claims);
	cJSON *list = p->n_elsewhere > 0 ? cJSON_AddArrayToObject(o, "elsewhere") : NULL;
	for (size_t i = 0; i < p->n_elsewhere; i++) {
		cJSON *item = cJSON_CreateObject();
		json_set_str(item, "path", p->elsewhere[i].path);
		json_set_str(item, "id", p->elsewhere[i].id);
		json_set_str(item, "kind", entry_kind_name(p->elsewhere[i].kind));
		cJSON_AddItemToArray(list, item);
	}
	cJSON *settings = settings_to_short_json(&p->settings);
	if (settings->child)
		cJSON_AddItemToObject(o, "settings", settings);
	else
		cJSON_Delete(settings);
	cJSON *own = settings_to_json(&p->own);
	if (own->child)
		cJSON_AddItemToObject(o, "own", own);
	else
		cJSON_Delete(own);
	return o;
}

static void read_elsewhere(const cJSON *list, struct project *p)
{
	const cJSON *item;
	size_t n = (size_t)cJSON_GetArraySize(list);

	if (n == 0)
		return;
	p->elsewhere = xcalloc(n, sizeof(*p->elsewhere));
	cJSON_ArrayForEach (item, list) {
		struct elsewhere *e = &p->elsewhere[p->n_elsewhere++];
		e->path = xstrdup(json_str(item, "path", ""));
		(void)snprintf(e->id, sizeof(e->id), "%s", json_str(item, "id", ""));
		e->kind = entry_kind_parse(json_str(item, "kind", ""));
	}
}

void project_from_json(const cJSON *j, struct project *p)
{
	project_init(p);
	p->name = xstrdup(json_str(j, "name", ""));
	p->path = xstrdup(json_str(j, "path", "."));
	p->declared = json_bool(j, "declared", false);
	(void)snprintf(p->tree, sizeof(p->tree), "%s", json_str(j, "tree", ""));
	(void)snprintf(p->digest, sizeof(p->digest), "%s", json_str(j, "digest", ""));
	p->why_bad = xstrdup_null(json_str(j, "why_bad", NULL));
	json_get_strv(j, "files", &p->files);
	json_get_strv(j, "env_files", &p->env_files);
	json_get_strv(j, "claims", &p->claims);
	read_elsewhere(json_arr(j, "elsewhere"), p);
	settings_from_json(json_obj(j, "settings"), &p->settings);
	settings_finish(&p->settings);
	settings_from_json(json_obj(j, "own"), &p->own);
}

cJSON *projects_to_json(const struct projects *l)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < l->n; i++)
		cJSON_AddItemToArray(list, project_to_json(&l->v[i]));
	return list;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct project *)a)->name, ((const struct project *)b)->name);
}

void projects_from_json(const cJSON *j, struct projects *l)
{
	const cJSON *item;
	size_t n = cJSON_IsArray(j) ? (size_t)cJSON_GetArraySize(j) : 0;

	*l = (struct projects)PROJECTS_INIT;
	if (n == 0)
		return;
	l->v = xcalloc(n, sizeof(*l->v));
	cJSON_ArrayForEach (item, j)
		project_from_json(item, &l->v[l->n++]);
	qsort(l->v, l->n, sizeof(*l->v), by_name);
}
