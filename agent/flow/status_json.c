/*
 * status_json - `status --json`. Names here are an interface: they are added to, never changed.
 * Depends on: flow.h.
 */
#include "agent/flow/flow.h"

#include "common/clock.h"
#include "common/json.h"

static void set_time(cJSON *o, const char *name, int64_t wall)
{
	char text[CLOCK_ISO_SIZE];

	if (wall > 0)
		json_set_str(o, name, clock_iso(wall, text));
}

static cJSON *commit_to_json(const struct commit_info *c)
{
	cJSON *o = cJSON_CreateObject();

	json_set_str(o, "id", c->id);
	json_set_str(o, "subject", c->subject);
	json_set_str(o, "author", c->author);
	set_time(o, "time", c->time);
	return o;
}

static cJSON *project_to(const struct project_status *p)
{
	cJSON *o = cJSON_CreateObject();

	json_set_str(o, "name", p->name);
	json_set_str(o, "state", p->state);
	json_set_str(o, "detail", p->detail);
	json_set_str(o, "held", p->held);
	json_set_int(o, "generation", p->generation);
	set_time(o, "since", p->since);
	json_set_int(o, "containers", (int64_t)p->containers);
	json_set_int(o, "running", (int64_t)p->running);
	cJSON_AddItemToObject(o, "commit", commit_to_json(&p->commit));
	return o;
}

cJSON *status_to_json(const struct status *s)
{
	cJSON *o = cJSON_CreateObject();
	cJSON *source = cJSON_AddObjectToObject(o, "source"),
	      *control = cJSON_AddObjectToObject(o, "control");
	cJSON *list = cJSON_AddArrayToObject(o, "projects");

	json_set_int(o, "generation", s->generation);
	json_set_int(o, "generations", s->generations);
	cJSON_AddItemToObject(o, "commit", commit_to_json(&s->commit));
	json_set_str(source, "url", s->source_url);
	json_set_str(source, "head", s->source.id);
	json_set_bool(source, "settled", s->source.settled);
	json_set_int(source, "failures", s->source.failures);
	json_set_str(source, "last_error", s->source.last_error);
	set_time(source, "fetched", s->source.fetched);
	set_time(source, "moved", s->source.moved);
	if (s->source.refused[0]) {
		json_set_str(source, "refused", s->source.refused);
		json_set_str(source, "refused_why", s->source.refused_why);
	}
	set_time(source, "seen", s->source_seen);
	json_set_str(source, "error", s->source_error);
	json_set_str(control, "mode", control_mode_name(s->control.mode));
	json_set_str(control, "why", s->control.why);
	json_set_bool(control, "pinned", s->control.pinned);
	set_time(control, "since", s->control.since);
	json_set_str(o, "busy", s->busy);
	json_set_bool(o, "engine_answers", s->engine_answers);
	json_set_str(o, "engine_error", s->engine_error);
	json_set_bool(o, "recovery_open", s->recovery_open);
	json_set_bool(o, "safe_mode", s->safe_mode);
	json_set_bool(o, "daemon", s->daemon);
	json_set_bool(o, "synced", s->synced);
	set_time(o, "made", s->made);
	json_set_str(o, "check", status_code_name(s->code));
	json_set_str(o, "problem", s->problem);
	json_set_str(o, "next", s->next);
	json_set_int(o, "code", s->code);
	for (size_t i = 0; i < s->n; i++)
		cJSON_AddItemToArray(list, project_to(&s->v[i]));
	return o;
}
