/*
 * snapshot - the record of a copy of volumes: clean-up, copying, JSON.
 * Depends on: common, generation.
 */
#include "agent/model/snapshot.h"

#include "common/mem.h"

#include <stdio.h>
#include <string.h>

static const char *const kinds[] = {
	[SNAPSHOT_TRIAL] = "trial", [SNAPSHOT_MANUAL] = "manual", [SNAPSHOT_FAILED] = "failed"};

const char *snapshot_kind_name(enum snapshot_kind k)
{
	return (size_t)k < COUNT_OF(kinds) ? kinds[k] : "manual";
}

enum snapshot_kind snapshot_kind_parse(const char *name)
{
	for (size_t i = 0; name && i < COUNT_OF(kinds); i++)
		if (strcmp(kinds[i], name) == 0)
			return (enum snapshot_kind)i;
	return SNAPSHOT_MANUAL;
}

bool snapshot_is_id(const char *name)
{
	static const char when[] = "ddddddddTdddddd.dddZ";
	const char *time = strrchr(name, '-'), *p = time;

	if (!time || strlen(time + 1) != strlen(when))
		return false;
	for (size_t i = 0; when[i] != '\0'; i++)
		if (when[i] == 'd' ? !(time[1 + i] >= '0' && time[1 + i] <= '9')
				   : time[1 + i] != when[i])
			return false;
	while (p > name && p[-1] >= '0' && p[-1] <= '9')
		p--;
	return p < time && p >= name + 2 && p[-1] == '-';
}

static void volume_done(struct snapshot_volume *v)
{
	free(v->name);
	free(v->mount);
	free(v->path);
	free(v->driver);
	free(v->place);
	free(v->identity);
}

void snapshot_done(struct snapshot *s)
{
	for (size_t i = 0; i < s->n; i++)
		volume_done(&s->v[i]);
	free(s->v);
	free(s->id);
	free(s->project);
	free(s->why);
	commit_info_done(&s->commit);
	*s = (struct snapshot){.n = 0};
}

static void volume_copy(struct snapshot_volume *to, const struct snapshot_volume *from)
{
	*to = *from;
	to->name = xstrdup_null(from->name);
	to->mount = xstrdup_null(from->mount);
	to->path = xstrdup_null(from->path);
	to->driver = xstrdup_null(from->driver);
	to->place = xstrdup_null(from->place);
	to->identity = xstrdup_null(from->identity);
}

void snapshot_copy(struct snapshot *to, const struct snapshot *from)
{
	*to = *from;
	to->id = xstrdup_null(from->id);
	to->project = xstrdup_null(from->project);
	to->why = xstrdup_null(from->why);
	commit_info_copy(&to->commit, &from->commit);
	to->v = xcalloc(from->n + 1, sizeof(*to->v));
	for (size_t i = 0; i < from->n; i++)
		volume_copy(&to->v[i], &from->v[i]);
}

static cJSON *volume_to_json(const struct snapshot_volume *v)
{
	cJSON *o = cJSON_CreateObject();

	json_set_str(o, "name", v->name);
	json_set_str(o, "mount", v->mount);
	if (v->bind)
		json_set_bool(o, "bind", true);
	json_set_str(o, "path", v->path);
	if (v->absent)
		json_set_bool(o, "absent", true);
	json_set_str(o, "driver", v->driver);
	json_set_str(o, "place", v->place);
	json_set_str(o, "identity", v->identity);
	json_set_int(o, "bytes", v->bytes);
	if (v->moved)
		json_set_bool(o, "moved", true);
	return o;
}

static void volume_from_json(const cJSON *j, struct snapshot_volume *v)
{
	*v = (struct snapshot_volume){
		.name = xstrdup(json_str(j, "name", "")),
		.mount = xstrdup_null(json_str(j, "mount", NULL)),
		.bind = json_bool(j, "bind", false),
		.path = xstrdup_null(json_str(j, "path", NULL)),
		.absent = json_bool(j, "absent", false),
		.driver = xstrdup_null(json_str(j, "driver", NULL)),
		.place = xstrdup_null(json_str(j, "place", NULL)),
		.identity = xstrdup_null(json_str(j, "identity", NULL)),
		.bytes = json_int(j, "bytes", -1),
		.moved = json_bool(j, "moved", false),
	};
}

cJSON *snapshot_to_json(const struct snapshot *s)
{
	cJSON *o = cJSON_CreateObject();

	json_set_str(o, "id", s->id);
	json_set_str(o, "project", s->project);
	json_set_str(o, "kind", snapshot_kind_name(s->kind));
	json_set_int(o, "made", s->made);
	json_set_int(o, "generation", s->generation);
	json_set_int(o, "before", s->before);
	json_set_str(o, "digest", s->digest);
	cJSON_AddItemToObject(o, "commit", commit_info_to_json(&s->commit));
	json_set_str(o, "quiesce", quiesce_name(s->quiesce));
	json_set_int(o, "took_ms", s->took_ms);
	json_set_str(o, "why", s->why);
	cJSON *list = cJSON_AddArrayToObject(o, "volumes");
	for (size_t i = 0; i < s->n; i++)
		cJSON_AddItemToArray(list, volume_to_json(&s->v[i]));
	return o;
}

static enum quiesce quiesce_parse(const char *name)
{
	for (enum quiesce q = QUIESCE_STOP; q <= QUIESCE_NONE; q++)
		if (strcmp(quiesce_name(q), name) == 0)
			return q;
	return QUIESCE_UNSET;
}

void snapshot_from_json(const cJSON *j, struct snapshot *s)
{
	const cJSON *item, *list = json_arr(j, "volumes");
	size_t n = list ? (size_t)cJSON_GetArraySize(list) : 0;

	*s = (struct snapshot){
		.id = xstrdup(json_str(j, "id", "")),
		.project = xstrdup(json_str(j, "project", "")),
		.kind = snapshot_kind_parse(json_str(j, "kind", NULL)),
		.made = json_int(j, "made", 0),
		.generation = json_int(j, "generation", 0),
		.before = json_int(j, "before", 0),
		.quiesce = quiesce_parse(json_str(j, "quiesce", "")),
		.took_ms = json_int(j, "took_ms", 0),
		.why = xstrdup_null(json_str(j, "why", NULL)),
	};
	(void)snprintf(s->digest, sizeof(s->digest), "%s", json_str(j, "digest", ""));
	commit_info_from_json(json_obj(j, "commit"), &s->commit);
	if (n == 0)
		return;
	s->v = xcalloc(n, sizeof(*s->v));
	cJSON_ArrayForEach (item, list)
		volume_from_json(item, &s->v[s->n++]);
}
