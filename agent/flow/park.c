/*
 * park - a project whose worker died again and again: degraded, and its intent stays, because it
 * knows what is half done (volumes that are exchanged, containers that are held). Recovery leaves
 * it alone; a person's word takes it up again. Depends on: trial.h.
 */
#include "agent/flow/trial.h"

#include "common/fault.h"
#include "common/mem.h"

#include <string.h>

int park_project(struct sync *s, const char *project, const char *why, struct err *e)
{
	auto_free char *text =
		xasprintf("%s; what was under way is kept: `mdc-agent retry %s` goes on with it",
			  why, project);

	return degraded_write(s->store, project, text, e);
}

int park_is(const struct sync *s, const char *project, bool *yes, struct err *e)
{
	auto_free char *why = NULL;
	auto_json cJSON *intent = NULL;
	int64_t since = 0;

	*yes = false;
	if (degraded_read(s->store, project, &why, &since, e) < 0)
		return -1;
	if (why && intent_read(s->store, project, &intent, e) < 0)
		return -1;
	*yes = intent != NULL;
	return 0;
}

static void set_zero(cJSON *intent, const char *name)
{
	cJSON_DeleteItemFromObject(intent, name);
	json_set_int(intent, name, 0);
}

/* Whose content it is about. */
static void take_commit(struct sync *s, const cJSON *intent)
{
	const cJSON *of = json_obj(intent, "new");
	auto_active struct active a;

	active_from_json(of ? of : json_obj(intent, "old"), &a);
	commit_info_done(&s->commit);
	commit_info_copy(&s->commit, &a.commit);
}

/* An open sync around it, of this project alone: from there on it is like any that was cut off. */
static int open_again(struct sync *s, const char *project, cJSON *intent, struct err *e)
{
	set_zero(intent, "resumes");
	set_zero(intent, "records");
	if (intent_write(s->store, project, intent, e) < 0 ||
	    generation_next(s->store, &s->number, e) < 0)
		return -1;
	take_commit(s, intent);
	(void)trial_add(s, project, PLAN_CHANGE);
	int rc = sync_intent_save(s, "", e);

	recover_forget(s);
	/* In this order: killed in between it is parked as before. */
	if (rc < 0 || fault_hit(FAULT_park_opened, e) < 0)
		return -1;
	return degraded_remove(s->store, project, e);
}

int park_take_up(struct sync *s, const char *only, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;

	if (active_names(s->store, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		auto_json cJSON *intent = NULL;

		if (only && !str_eq(only, names.v[i]))
			continue;
		if (intent_read(s->store, names.v[i], &intent, e) < 0)
			return -1;
		if (!intent)
			continue;
		if (open_again(s, names.v[i], intent, e) < 0 || recover_run(s, e) < 0)
			return err_wrap(e, "%s", names.v[i]);
	}
	return 0;
}
