/*
 * project - the evaluated project: digest, look-up, clean-up. Its JSON is in project_json.c.
 * Depends on: common, settings.
 */
#include "agent/model/project.h"

#include "common/json.h"
#include "common/mem.h"

#include <string.h>

const char *project_compose_name(const struct project *p)
{
	return p->settings.host.project_name ? p->settings.host.project_name : p->name;
}

void project_init(struct project *p)
{
	*p = (struct project){.name = NULL};
	settings_init(&p->settings);
	settings_init(&p->own);
}

void project_done(struct project *p)
{
	free(p->name);
	free(p->path);
	free(p->why_bad);
	strv_done(&p->files);
	strv_done(&p->env_files);
	strv_done(&p->claims);
	for (size_t i = 0; i < p->n_elsewhere; i++)
		free(p->elsewhere[i].path);
	free(p->elsewhere);
	settings_done(&p->settings);
	settings_done(&p->own);
	project_init(p);
}

void project_copy(struct project *to, const struct project *from)
{
	*to = *from;
	to->name = xstrdup_null(from->name);
	to->path = xstrdup_null(from->path);
	to->why_bad = xstrdup_null(from->why_bad);
	to->files = to->env_files = to->claims = (struct strv)STRV_INIT;
	strv_copy(&to->files, &from->files);
	strv_copy(&to->env_files, &from->env_files);
	strv_copy(&to->claims, &from->claims);
	to->elsewhere = NULL;
	if (from->n_elsewhere > 0)
		to->elsewhere = xcalloc(from->n_elsewhere, sizeof(*to->elsewhere));
	for (size_t i = 0; i < from->n_elsewhere; i++) {
		to->elsewhere[i] = from->elsewhere[i];
		to->elsewhere[i].path = xstrdup(from->elsewhere[i].path);
	}
	settings_init(&to->settings);
	settings_init(&to->own);
	settings_merge(&to->settings, &from->settings);
	settings_merge(&to->own, &from->own);
}

void projects_done(struct projects *l)
{
	for (size_t i = 0; i < l->n; i++)
		project_done(&l->v[i]);
	free(l->v);
	*l = (struct projects)PROJECTS_INIT;
}

const struct project *projects_find(const struct projects *l, const char *name)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcmp(l->v[mid].name, name);
		if (order == 0)
			return &l->v[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

void project_seal(struct project *p)
{
	auto_json cJSON *o = cJSON_CreateObject();

	json_set_str(o, "name", p->name);
	json_set_str(o, "path", p->path);
	json_set_bool(o, "declared", p->declared);
	json_set_str(o, "tree", p->tree);
	json_set_strv(o, "files", &p->files);
	json_set_strv(o, "env_files", &p->env_files);
	cJSON *list = cJSON_AddArrayToObject(o, "elsewhere");
	for (size_t i = 0; i < p->n_elsewhere; i++) {
		cJSON_AddItemToArray(list, cJSON_CreateString(p->elsewhere[i].path));
		cJSON_AddItemToArray(list, cJSON_CreateString(p->elsewhere[i].id));
	}
	cJSON_AddItemToObject(o, "settings", settings_to_json(&p->settings));
	auto_free char *text = json_canonical(o);
	digest_text(text, p->digest);
}
