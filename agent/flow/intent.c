/*
 * intent - the write-ahead records: what a restart needs to finish or undo.
 * projects/<name>/intent.json for a trial, sync.json for the sync around it. Depends on: trial.h,
 * store.
 */
#include "agent/flow/trial.h"

#include "common/clock.h"
#include "common/mem.h"

#include <string.h>

cJSON *intent_to_json(const struct bench *b)
{
	const struct trial *t = b->trial;
	cJSON *j = cJSON_CreateObject();

	json_set_str(j, "project", t->name);
	json_set_str(j, "phase", b->intent.phase);
	json_set_int(j, "attempt", b->intent.attempt);
	json_set_str(j, "why", b->intent.why);
	json_set_bool(j, "atomic", b->intent.atomic);
	json_set_bool(j, "unblamed", b->intent.unblamed);
	json_set_bool(j, "blocked", b->intent.blocked);
	json_set_bool(j, "adopted", b->intent.adopted);
	json_set_bool(j, "disk", b->intent.disk);
	json_set_int(j, "records", b->intent.records);
	json_set_int(j, "resumes", b->intent.resumes);
	json_set_str(j, "on_remove", b->intent.on_remove);
	json_set_strv(j, "failing", &b->intent.failing);
	json_set_bool(j, "same_model", t->same_model);
	json_set_int(j, "action", t->action);
	json_set_str(j, "boot", clock_boot_id());
	snap_state_to_json(&b->intent.snap, j);
	if (t->has_old)
		cJSON_AddItemToObject(j, "old", active_to_json(&t->old));
	if (t->action != PLAN_REMOVE)
		cJSON_AddItemToObject(j, "new", active_to_json(&t->new));
	return j;
}

int intent_load(struct sync *s, const char *project, struct trial *t, struct intent *in,
		struct err *e)
{
	auto_json cJSON *j = NULL;

	if (intent_read(s->store, project, &j, e) < 0)
		return -1;
	memset(in, 0, sizeof(*in));
	if (!j)
		return 0;
	active_done(&t->old);
	active_done(&t->new);
	active_from_json(json_obj(j, "old"), &t->old);
	active_from_json(json_obj(j, "new"), &t->new);
	in->phase = xstrdup(json_str(j, "phase", ""));
	in->attempt = (int)json_int(j, "attempt", 1);
	in->why = xstrdup_null(json_str(j, "why", NULL));
	in->atomic = json_bool(j, "atomic", false);
	in->unblamed = json_bool(j, "unblamed", false);
	in->blocked = json_bool(j, "blocked", false);
	in->adopted = json_bool(j, "adopted", false);
	in->disk = json_bool(j, "disk", false);
	in->records = (int)json_int(j, "records", 0);
	in->resumes = (int)json_int(j, "resumes", 0);
	in->on_remove = xstrdup_null(json_str(j, "on_remove", NULL));
	json_get_strv(j, "failing", &in->failing);
	snap_state_from_json(j, &in->snap);
	t->same_model = json_bool(j, "same_model", false);
	t->action = (enum plan_action)json_int(j, "action", PLAN_CHANGE);
	t->has_old = json_obj(j, "old") != NULL;
	t->want = t->action == PLAN_REMOVE ? NULL : &t->new.want;
	return 0;
}

void intent_done(struct intent *in)
{
	free(in->phase);
	free(in->why);
	free(in->on_remove);
	strv_done(&in->failing);
	snap_state_done(&in->snap);
}

int bench_save(struct bench *b, struct err *e)
{
	b->intent.records++;
	auto_json cJSON *j = intent_to_json(b);

	return intent_write(b->sync->store, b->trial->name, j, e);
}

/* Only what this sync touches is listed; recovery looks at nothing else. */
int sync_intent_save(struct sync *s, const char *decided, struct err *e)
{
	auto_json cJSON *j = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(j, "projects");
	cJSON *gone = cJSON_AddArrayToObject(j, "removed");
	cJSON *commit = cJSON_AddObjectToObject(j, "commit");

	json_set_int(j, "number", s->number);
	json_set_bool(j, "atomic", s->atomic);
	json_set_str(j, "decided", decided);
	json_set_bool(j, "rollback", s->options->rollback);
	json_set_int(j, "target",
		     s->options->rollback && !s->options->project ? s->target.number : 0);
	json_set_str(commit, "id", s->commit.id);
	json_set_str(commit, "tree", s->commit.tree);
	json_set_str(commit, "subject", s->commit.subject);
	json_set_str(commit, "author", s->commit.author);
	json_set_int(commit, "time", s->commit.time);
	for (size_t i = 0; i < s->n_trials; i++) {
		const struct trial *t = &s->trials[i];
		/* Once they have run, one to be tried again may have left its intent open. */
		bool over = t->state == TRIAL_ENDED &&
			    (decided[0] == '\0' || t->outcome != OUTCOME_RETRY);

		if (!over && t->action != PLAN_REPAIR)
			cJSON_AddItemToArray(list, cJSON_CreateString(t->name));
		if (!over && t->action == PLAN_REMOVE)
			cJSON_AddItemToArray(gone, cJSON_CreateString(t->name));
	}
	return sync_intent_write(s->store, j, e);
}
