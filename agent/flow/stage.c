/*
 * stage - everything each changed project needs comes to this host: files, resolved model, images;
 * and the way back is checked. Nothing that runs is touched: a failure here leaves all as it is
 * (promise 7). Depends on: staging.h.
 */
#include "agent/flow/secrets.h"
#include "agent/flow/snap.h"
#include "agent/flow/staging.h"

#include "agent/engine/model.h"
#include "common/clock.h"
#include "common/duration.h"
#include "common/fault.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

enum { STAGE_MS = 2 * 60 * 60 * 1000, ENGINE_NETWORKS = 31 };
static const unsigned long long SPACE_FLOOR = 64ULL * 1024 * 1024;

int staging_open(struct pool_job *j, struct staging *g, struct err *e)
{
	struct sync *s = j->sync;
	auto_free char *stage = s->dry ? path_join3(s->scratch, "stage", j->trial->name)
				       : store_stage_dir(s->store, j->trial->name);
	unsigned long long nonce = 0, left = 0;

	*g = (struct staging){.job = j, .sync = s, .trial = j->trial, .want = j->trial->want};
	if (getrandom(&nonce, sizeof(nonce), 0) != (ssize_t)sizeof(nonce))
		return err_set(e, ERR_RETRY, errno, "no random numbers");
	g->root = xasprintf("%s/%016llx", stage, nonce);
	g->directory = g->want->declared                 ? xstrdup(g->want->path)
		       : strcmp(g->want->path, ".") == 0 ? xstrdup(g->root)
							 : path_join(g->root, g->want->path);
	g->live = store_live_dir(s->store, j->trial->name);
	g->elsewhere = store_elsewhere_dir(s->store, j->trial->name);
	if (disk_space(s->config->state_dir, &left, NULL, e) < 0)
		return -1;
	if (left < SPACE_FLOOR) {
		char text[32];

		return err_set(e, ERR_RETRY, ENOSPC, "only %s left in %s; nothing was touched",
			       size_text(left, text, sizeof(text)), s->config->state_dir);
	}
	return 0;
}

void staging_close(struct staging *g)
{
	struct err ignored = ERR_INIT;

	if (g->root) {
		auto_free char *model = xasprintf("%s.json", g->root);

		(void)tree_remove(g->root, &ignored);
		(void)unlink(model);
	}
	free(g->root);
	free(g->directory);
	free(g->live);
	free(g->elsewhere);
	cJSON_Delete(g->model);
}

/* A default dockerd has room for 31 project networks; the 32nd `up` fails (measured). */
static int count_networks(struct staging *g, struct err *e)
{
	auto_strv struct strv wanted = STRV_INIT;
	auto_json cJSON *have = NULL;
	const cJSON *n;
	size_t bridges = 0;

	model_networks(g->model, &wanted);
	if (g->trial->has_old || wanted.n == 0)
		return 0;
	if (engine_networks(g->sync->engine, &have, e) < 0 ||
	    requires_networks(g->model, have, project_compose_name(g->want), e) < 0)
		return -1;
	cJSON_ArrayForEach (n, have)
		bridges += str_eq(json_str(n, "Driver", ""), "bridge") &&
			   !str_eq(json_str(n, "Name", ""), "bridge");
	if (bridges + wanted.n > ENGINE_NETWORKS)
		strv_pushf(
			&g->trial->notes,
			"the engine would have %zu networks, and by default there is room for %d: if `up` "
			"fails, set default-address-pools in its daemon.json",
			bridges + wanted.n, ENGINE_NETWORKS);
	return 0;
}

/* A plan says what the change would do with the data. */
static void tell_data(struct staging *g, const cJSON *old)
{
	struct volumes_query q = {.project = g->want->name,
				  .compose = project_compose_name(g->want),
				  .settings = &g->want->settings,
				  .model = g->model,
				  .old_model = old,
				  .count = true};
	struct err why = ERR_INIT;

	if (data_notes(g->sync, &q, &g->trial->notes, &why) < 0)
		strv_pushf(&g->trial->notes, "its data cannot be looked at: %s", why.cause);
}

/* Compose has nothing to do. Of a degraded project nobody knows what runs. */
static bool stays(const struct sync *s, const struct trial *t)
{
	return t->has_old && strcmp(t->new.model, t->old.model) == 0 &&
	       !degraded_is(s->store, t->name) && !strv_has(&s->doubted, t->name);
}

static int make_model(struct staging *g, const struct secrets *secrets, struct err *e)
{
	struct active *a = &g->trial->new;
	auto_strv struct strv services = STRV_INIT;
	auto_json cJSON *old = NULL;

	if (!g->want->declared) {
		model_relocate(g->model, g->directory, g->live);
		model_relocate(g->model, g->root, g->elsewhere);
	}
	/* Labels go by the ciphertext's id. */
	if (model_label(g->model, g->live, a->files, a->n_files, e) < 0 ||
	    secrets_redirect(g, secrets, e) < 0)
		return -1;
	model_digest(g->model, a->model);
	if (staging_roots(g, e) < 0)
		return -1;
	if (!g->sync->dry && model_write(g->sync->store, g->want->name, g->model, a->model, e) < 0)
		return -1;
	if (g->trial->has_old &&
	    model_read(g->sync->store, g->want->name, g->trial->old.model, &old, e) < 0)
		return err_wrap(e, "the way back");
	changes_find(g, old, g->model);
	g->trial->same_model = stays(g->sync, g->trial);
	if (g->sync->dry && !g->trial->same_model)
		tell_data(g, old);
	return 0;
}

static void fill_new(struct staging *g)
{
	struct active *a = &g->trial->new;

	project_copy(&a->want, g->want);
	commit_info_copy(&a->commit, &g->sync->commit);
}

static int stage_fresh(struct staging *g, struct err *e)
{
	auto_secrets struct secrets secrets = {.n = 0};

	fill_new(g);
	job_show(g->job, "stage", NULL);
	if (requires_mounts(g->want, e) < 0 || staging_export(g, e) < 0 ||
	    secrets_prepare(g, &secrets, e) < 0)
		return -1;
	if (staging_render(g, e) < 0) {
		secrets_explain(&secrets, e);
		return -1;
	}
	/* The store is mounted by root's word in agent.yaml: the policy has no say in that. */
	if (staging_policy(g, e) < 0 ||
	    model_mount_store(g->model, &g->want->settings.host.store, e) < 0 ||
	    staging_load(g, &g->want->settings, e) < 0)
		return -1;
	if (staging_images(g, e) < 0 || staging_signed(g, e) < 0 || count_networks(g, e) < 0)
		return -1;
	return make_model(g, &secrets, e);
}

/* Rollback: the record, its model and its files are kept; its images must be too. */
static int stage_kept(struct staging *g, struct err *e)
{
	struct trial *t = g->trial;
	auto_free char *image = NULL;
	auto_json cJSON *old = NULL, *new = NULL;

	if (model_read(g->sync->store, t->name, t->new.model, &new, e) < 0)
		return -1;
	if (requires_mounts(&t->new.want, e) < 0 ||
	    images_present(g->sync->engine, &t->new, &image, e) < 0)
		return -1;
	if (image && t->new.want.settings.host.images.n > 0) {
		free(TAKE(image));
		if (staging_load(g, &t->new.want.settings, e) < 0 ||
		    images_present(g->sync->engine, &t->new, &image, e) < 0)
			return -1;
	}
	if (image)
		return err_set(e, ERR_REJECTED, 0,
			       "cannot go there: image %s is not on this host any more", image);
	if (t->has_old && model_read(g->sync->store, t->name, t->old.model, &old, e) < 0)
		return -1;
	if (secrets_check(g->sync, &t->new, e) < 0)
		return err_wrap(e, "cannot go there");
	changes_find(g, old, new);
	t->same_model = stays(g->sync, t);
	return 0;
}

static cJSON *staged_to_json(const struct trial *t)
{
	cJSON *j = cJSON_CreateObject();

	cJSON_AddItemToObject(j, "new", active_to_json(&t->new));
	json_set_bool(j, "same_model", t->same_model);
	json_set_strv(j, "reasons", &t->reasons);
	json_set_strv(j, "services", &t->services);
	json_set_strv(j, "notes", &t->notes);
	json_set_strv(j, "quiet", &t->quiet);
	return j;
}

int stage_work(void *arg, struct worker_out *o, cJSON **result, struct err *e)
{
	struct pool_job *j = arg;
	struct staging g;
	int rc;

	j->out = o;
	if (staging_open(j, &g, e) < 0)
		return -1;
	rc = j->trial->prepared ? stage_kept(&g, e) : stage_fresh(&g, e);
	if (rc == 0 && !g.sync->dry)
		rc = staging_way_back(&g, e);
	if (rc == 0)
		*result = staged_to_json(j->trial);
	staging_close(&g);
	return rc;
}

static bool needs_staging(const struct trial *t)
{
	return t->state == TRIAL_WAITING && !t->busy &&
	       (t->action == PLAN_ADD || t->action == PLAN_CHANGE);
}

static struct trial *next_to_stage(struct sync *s)
{
	for (size_t i = 0; i < s->n_trials; i++)
		if (needs_staging(&s->trials[i]))
			return &s->trials[i];
	return NULL;
}

static void take_staged(struct sync *s, struct trial *t, const cJSON *j, const struct err *failed)
{
	if (failed) {
		char text[sizeof(failed->cause) + sizeof(failed->trail)];

		t->state = TRIAL_ENDED;
		t->outcome = failed->kind == ERR_REJECTED ? OUTCOME_FAILED : OUTCOME_RETRY;
		t->why = xstrdup(err_text(failed, text, sizeof(text)));
		return;
	}
	t->state = TRIAL_STAGED;
	active_done(&t->new);
	active_from_json(json_obj(j, "new"), &t->new);
	t->same_model = json_bool(j, "same_model", false);
	json_get_strv(j, "reasons", &t->reasons);
	json_get_strv(j, "services", &t->services);
	json_get_strv(j, "notes", &t->notes);
	for (size_t i = 0; i < t->notes.n; i++)
		if (str_starts(t->notes.v[i], "policy:"))
			strv_pushf(&s->report->warnings, "%s: %s", t->name, t->notes.v[i]);
	json_get_strv(j, "quiet", &t->quiet);
}

const struct pool stage_pool = {
	.next = next_to_stage,
	.work = stage_work,
	.ended = take_staged,
	.timeout_ms = STAGE_MS,
	.stop_cancels = true,
};

static bool any_to_stage(struct sync *s)
{
	for (size_t i = 0; i < s->n_trials; i++)
		if (needs_staging(&s->trials[i]))
			return true;
	return false;
}

int flow_stage(struct sync *s, struct err *e)
{
	if (s->n_trials == 0)
		return 0;
	if (sync_engine(s, e) < 0)
		return err_wrap(e, "stage");
	disk_look_engine(s);
	if (any_to_stage(s) && pool_run(s, &stage_pool, e) < 0)
		return -1;
	for (size_t i = 0; i < s->n_trials; i++)
		if (s->trials[i].state == TRIAL_WAITING)
			s->trials[i].state = TRIAL_STAGED; /* removals and repairs need nothing */
	return fault_hit(FAULT_stage_done, e);
}
