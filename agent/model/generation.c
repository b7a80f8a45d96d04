/*
 * generation - what belongs on this host: clean-up, look-up, JSON. One project's record is in
 * active.c. Depends on: common, project.
 */
#include "agent/model/generation.h"

#include "common/mem.h"

#include <stdio.h>
#include <string.h>

static const char *const statuses[] = {
	[ENTRY_GOOD] = "good", [ENTRY_HELD] = "held", [ENTRY_MISSING] = "missing"};

const char *entry_status_name(enum entry_status s)
{
	return (size_t)s < COUNT_OF(statuses) ? statuses[s] : "missing";
}

enum entry_status entry_status_parse(const char *name)
{
	for (size_t i = 0; name && i < COUNT_OF(statuses); i++)
		if (strcmp(statuses[i], name) == 0)
			return (enum entry_status)i;
	return ENTRY_MISSING;
}

void commit_info_done(struct commit_info *c)
{
	free(c->subject);
	free(c->author);
	*c = (struct commit_info){.time = 0};
}

void commit_info_copy(struct commit_info *to, const struct commit_info *from)
{
	*to = *from;
	to->subject = xstrdup_null(from->subject);
	to->author = xstrdup_null(from->author);
}

cJSON *commit_info_to_json(const struct commit_info *c)
{
	cJSON *o = cJSON_CreateObject();

	json_set_str(o, "id", c->id);
	json_set_str(o, "tree", c->tree);
	json_set_str(o, "subject", c->subject);
	json_set_str(o, "author", c->author);
	json_set_int(o, "time", c->time);
	return o;
}

void commit_info_from_json(const cJSON *j, struct commit_info *c)
{
	*c = (struct commit_info){.time = json_int(j, "time", 0)};
	(void)snprintf(c->id, sizeof(c->id), "%s", json_str(j, "id", ""));
	(void)snprintf(c->tree, sizeof(c->tree), "%s", json_str(j, "tree", ""));
	c->subject = xstrdup_null(json_str(j, "subject", NULL));
	c->author = xstrdup_null(json_str(j, "author", NULL));
}

void generation_done(struct generation *g)
{
	for (size_t i = 0; i < g->n; i++) {
		free(g->v[i].name);
		free(g->v[i].why);
		free(g->v[i].text);
		if (!g->v[i].borrowed)
			active_done(&g->v[i].active);
	}
	free(g->v);
	strv_done(&g->others);
	free(g->source);
	free(g->cause);
	free(g->host_config);
	free(g->host_system);
	commit_info_done(&g->commit);
	*g = (struct generation){.n = 0};
}

/* Each commit once; neighbours mostly share theirs. */
static void add_commit(cJSON *commits, const struct commit_info *c)
{
	const cJSON *last = commits->child ? commits->child->prev : NULL;

	if (c->id[0] == '\0' || (last && strcmp(last->string, c->id) == 0) ||
	    cJSON_GetObjectItemCaseSensitive(commits, c->id))
		return;
	cJSON_AddItemToObject(commits, c->id, commit_info_to_json(c));
}

cJSON *generation_head_to_json(const struct generation *g)
{
	cJSON *o = cJSON_CreateObject();

	json_set_int(o, "number", g->number);
	cJSON_AddItemToObject(o, "commit", commit_info_to_json(&g->commit));
	json_set_int(o, "made", g->made);
	json_set_str(o, "source", g->source);
	json_set_str(o, "host_config", g->host_config);
	json_set_str(o, "host_system", g->host_system);
	json_set_str(o, "cause", g->cause);
	cJSON *commits = cJSON_AddObjectToObject(o, "commits");
	for (size_t i = 0; i < g->n; i++)
		add_commit(commits, &g->v[i].active.commit);
	if (g->others.n > 0)
		json_set_strv(o, "others", &g->others);
	return o;
}

cJSON *generation_entry_to_json(const struct generation_entry *x)
{
	cJSON *o = cJSON_CreateObject();

	json_set_str(o, "name", x->name);
	json_set_str(o, "status", entry_status_name(x->status));
	json_set_str(o, "why", x->why);
	cJSON_AddItemToObject(o, "active", active_to_short_json(&x->active));
	return o;
}

cJSON *generation_to_json(const struct generation *g)
{
	cJSON *o = generation_head_to_json(g);
	cJSON *list = cJSON_AddArrayToObject(o, "projects");

	for (size_t i = 0; i < g->n; i++)
		cJSON_AddItemToArray(list, generation_entry_to_json(&g->v[i]));
	return o;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct generation_entry *)a)->name,
		      ((const struct generation_entry *)b)->name);
}

void generation_sort(struct generation *g)
{
	if (g->n > 0)
		qsort(g->v, g->n, sizeof(*g->v), by_name);
}

void generation_head_from_json(const cJSON *j, struct generation *g)
{
	*g = (struct generation){.number = json_int(j, "number", 0),
				 .made = json_int(j, "made", 0)};
	commit_info_from_json(json_obj(j, "commit"), &g->commit);
	g->source = xstrdup_null(json_str(j, "source", NULL));
	g->cause = xstrdup_null(json_str(j, "cause", NULL));
	g->host_config = xstrdup_null(json_str(j, "host_config", NULL));
	g->host_system = xstrdup_null(json_str(j, "host_system", NULL));
	json_get_strv(j, "others", &g->others);
}

void generation_entry_from_json(const cJSON *j, const cJSON *commits, struct generation_entry *x)
{
	const cJSON *active = json_obj(j, "active");
	const char *id = json_str(active, "commit", NULL);
	const cJSON *commit = id ? cJSON_GetObjectItemCaseSensitive(commits, id) : NULL;

	*x = (struct generation_entry){
		.name = xstrdup(json_str(j, "name", "")),
		.status = entry_status_parse(json_str(j, "status", "")),
		.why = xstrdup_null(json_str(j, "why", NULL)),
	};
	active_from_json(active, &x->active);
	if (commit)
		commit_info_from_json(commit, &x->active.commit);
}

void generation_from_json(const cJSON *j, struct generation *g)
{
	const cJSON *item, *list = json_arr(j, "projects");
	size_t n = list ? (size_t)cJSON_GetArraySize(list) : 0;

	generation_head_from_json(j, g);
	if (n == 0)
		return;
	g->v = xcalloc(n, sizeof(*g->v));
	cJSON_ArrayForEach (item, list)
		generation_entry_from_json(item, json_obj(j, "commits"), &g->v[g->n++]);
	generation_sort(g);
}

const struct generation_entry *generation_find(const struct generation *g, const char *name)
{
	size_t low = 0, high = g->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcmp(g->v[mid].name, name);
		if (order == 0)
			return &g->v[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}
