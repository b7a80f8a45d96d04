/*
 * staging - what brings one project's new content to this host before anything that runs is
 * touched. Private to flow. Depends on: trial.h.
 */
#pragma once

#include "agent/flow/trial.h"

/* One project being staged, inside its worker. */
struct staging {
	struct pool_job *job;
	struct sync *sync;
	struct trial *trial;
	const struct project *want;
	char *root; /* stage/<project>/<random>: a mirror of the repository, only what is needed */
	char *directory; /* what Compose is told is the project's directory */
	char *live, *elsewhere;
	cJSON *model; /* as rendered; later relocated, pinned and labelled */
};
int staging_open(struct pool_job *j, struct staging *g, struct err *e);
void staging_close(struct staging *g); /* removes the mirror */

/* export.c: the project's files into the mirror; fills trial->new.files. */
int staging_export(struct staging *g, struct err *e);
/* render.c: let Compose resolve it. */
int staging_render(struct staging *g, struct err *e);
/* policy.c: may this host do what the model asks? ERR_REJECTED, or warnings in trial->notes. */
int staging_policy(struct staging *g, struct err *e);
/* signed.c: images that must be signed are; after staging_images(). */
int staging_signed(struct staging *g, struct err *e);
/* policy.c: its Compose files, relative to the repository. */
void policy_project_files(const struct project *p, struct strv *out);
/* images.c: pull, build, pin; fills trial->new.images. */
int staging_images(struct staging *g, struct err *e);
/* images.c: are the images of this record on this host? *missing (the caller frees): the first that
 * is not, or NULL. */
int images_present(struct engine *g, const struct active *a, char **missing, struct err *e);
/* changes.c: what changes, in words: trial->reasons, services, notes, quiet, and its details. */
void changes_find(struct staging *g, const cJSON *old, const cJSON *new);
void changes_settings(const struct project *old, const struct project *new, struct strv *out);
/* wayback.c: can what holds now be brought back? */
int staging_way_back(struct staging *g, struct err *e);

/* derive.c: images of these settings that come from files of this host. */
int staging_load(struct staging *g, const struct settings *s, struct err *e);
bool staging_loads(const struct staging *g, const char *service);
int staging_loaded(struct staging *g, const char *service, char **id, struct err *e);
/* roots.c: keep the store paths that the new model names; ERR_REJECTED if one is missing. */
int staging_roots(struct staging *g, struct err *e);
int roots_drop(struct sync *s, const cJSON *models, struct err *e); /* of models that are gone */
/* requires.c */
int requires_mounts(const struct project *p, struct err *e);
int requires_networks(const cJSON *model, const cJSON *have, const char *compose, struct err *e);

/* export.c: write these files below dir, in a worker that reads the object store. */
extern const struct pool stage_pool; /* stage.c; the plan uses it too */

int export_files(struct sync *s, const char *dir, const struct export_file *files, size_t n,
		 struct err *e);
/* Run fn with an open repository in a worker with limits. */
int with_repo(struct sync *s, const char *what,
	      int (*fn)(struct repo *r, void *arg, cJSON **out, struct err *e), void *arg,
	      cJSON **out, struct err *e);
