/*
 * sync - what the steps share: the engine on first use, the look at what runs, trials, outcomes.
 * Depends on: sync.h.
 */
#include "agent/flow/sync.h"

#include "common/clock.h"
#include "common/confine.h"
#include "common/mem.h"
#include "common/path.h"

#include <string.h>

/* Reads what strangers wrote: 512 MiB of data, 1 GiB of pack. The time is set per call. */
const struct worker_limits sync_reader_limits = {
	.timeout_ms = 120000,
	.max_memory = 512UL * 1024 * 1024,
	.max_file = 1024UL * 1024 * 1024,
	.max_message = 64UL * 1024 * 1024,
};

void sync_confine(const struct sync *s, const char *dir, bool network)
{
	const char *const write[] = {dir, NULL};
	/* A source on this host, or declared files, may belong to somebody else. */
	const struct confine c = {.write = write,
				  .read_all = s->config->source.kind == SOURCE_FILE ||
					      s->config->n_projects > 0,
				  .network = network};

	confine_self(&c);
}

int sync_engine(struct sync *s, struct err *e)
{
	if (s->engine)
		return 0;
	auto_engine struct engine *g = NULL;

	if (engine_open(s->config, &g, e) < 0)
		return -1;
	if (engine_ping(g, e) < 0 || engine_check_compose(g, e) < 0)
		return -1;
	s->engine = TAKE(g);
	return 0;
}

int sync_look(struct sync *s, struct err *e)
{
	if (s->looked)
		return 0;
	if (sync_engine(s, e) < 0 || engine_list(s->engine, NULL, &s->running, e) < 0)
		return -1;
	s->looked = true;
	return 0;
}

void sync_show(const struct sync *s, const char *project, const char *step, const char *detail)
{
	const struct progress *p = s->options->progress;
	struct progress_line l = {.project = project, .step = step, .detail = detail};

	if (p && p->show)
		p->show(&l, p->arg);
}

struct trial *sync_trial(struct sync *s, const char *project)
{
	for (size_t i = 0; i < s->n_trials; i++)
		if (str_eq(s->trials[i].name, project))
			return &s->trials[i];
	return NULL;
}

void sync_outcome(struct sync *s, const char *project, enum outcome_kind k, const char *why,
		  int64_t ms)
{
	struct sync_report *r = s->report;

	r->v = xreallocarray(r->v, r->n + 1, sizeof(*r->v));
	r->v[r->n++] = (struct outcome){
		.project = xstrdup(project), .kind = k, .why = xstrdup_null(why), .ms = ms};
	if (k == OUTCOME_RETRY)
		s->retry_later = true;
}

char *sync_repo_dir(const struct sync *s)
{
	return s->dry ? path_join(s->scratch, "repo.git") : store_path(s->store, "repo.git");
}

const char *trial_compose_name(const struct trial *t)
{
	/* What an intent does not have, a removal's new record, is read back as a project of the
	 * name "". */
	const struct project *all[] = {t->want, &t->new.want, &t->old.want};

	for (size_t i = 0; i < COUNT_OF(all); i++)
		if (all[i] && all[i]->name && all[i]->name[0])
			return project_compose_name(all[i]);
	return t->name;
}

struct trial *trial_add(struct sync *s, const char *name, enum plan_action action)
{
	s->trials = xreallocarray(s->trials, s->n_trials + 1, sizeof(*s->trials));
	struct trial *t = &s->trials[s->n_trials++];

	memset(t, 0, sizeof(*t));
	t->name = xstrdup(name);
	t->action = action;
	active_init(&t->old);
	active_init(&t->new);
	return t;
}

void trials_done(struct sync *s)
{
	for (size_t i = 0; i < s->n_trials; i++) {
		struct trial *t = &s->trials[i];

		free(t->name);
		free(t->why);
		active_done(&t->old);
		active_done(&t->new);
		strv_done(&t->reasons);
		strv_done(&t->services);
		strv_done(&t->notes);
		strv_done(&t->quiet);
		cJSON_Delete(t->details);
		free(t->step);
	}
	free(s->trials);
	s->trials = NULL;
	s->n_trials = 0;
}

void sync_report_done(struct sync_report *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->v[i].project);
		free(r->v[i].why);
	}
	free(r->v);
	commit_info_done(&r->commit);
	strv_done(&r->recovered);
	strv_done(&r->warnings);
	memset(r, 0, sizeof(*r));
}

const char *outcome_name(enum outcome_kind k)
{
	static const char *const names[] = {
		[OUTCOME_DEPLOYED] = "deployed", [OUTCOME_REPAIRED] = "repaired",
		[OUTCOME_REMOVED] = "removed",   [OUTCOME_FAILED] = "failed",
		[OUTCOME_HELD] = "held",         [OUTCOME_BLOCKED] = "blocked",
		[OUTCOME_RETRY] = "retry",       [OUTCOME_DEGRADED] = "degraded",
	};
	return (size_t)k < COUNT_OF(names) ? names[k] : "unknown";
}

cJSON *sync_report_to_json(const struct sync_report *r)
{
	cJSON *j = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(j, "projects");

	json_set_bool(j, "nothing_new", r->nothing_new);
	json_set_bool(j, "stopped", r->stopped);
	json_set_int(j, "generation", r->generation);
	json_set_bool(j, "made", r->made);
	json_set_str(j, "commit", r->commit.id);
	json_set_int(j, "kept", (int64_t)r->kept);
	for (size_t i = 0; i < r->n; i++) {
		cJSON *o = cJSON_CreateObject();

		json_set_str(o, "project", r->v[i].project);
		json_set_str(o, "outcome", outcome_name(r->v[i].kind));
		json_set_str(o, "why", r->v[i].why);
		json_set_int(o, "ms", r->v[i].ms);
		cJSON_AddItemToArray(list, o);
	}
	json_set_strv(j, "recovered", &r->recovered);
	json_set_strv(j, "warnings", &r->warnings);
	return j;
}

bool sync_open_trials(const struct sync *s)
{
	for (size_t i = 0; i < s->n_trials; i++) {
		auto_json cJSON *j = NULL;
		struct err ignored = ERR_INIT;

		if (s->trials[i].outcome == OUTCOME_RETRY && s->trials[i].state == TRIAL_ENDED &&
		    (intent_read(s->store, s->trials[i].name, &j, &ignored) < 0 || j))
			return true;
	}
	return false;
}
