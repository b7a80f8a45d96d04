/*
 * model - a project's resolved Compose file as JSON: relocate its paths, pin its images, label its
 * services, compare two. No I/O but model_label(), which reads files of configs and secrets on the
 * host. Depends on: common, model.
 */
#pragma once

#include "agent/model/generation.h"
#include "common/err.h"
#include "common/strv.h"

#include <cjson/cJSON.h>
#include <stdbool.h>

/*
 * Every string that is `from` or lies below it is moved to `to`. The staging directory's name is
 * unguessable, so a string that begins with it came from path resolution (include, extends, binds,
 * configs, secrets, build contexts).
 */
void model_relocate(cJSON *model, const char *from, const char *to);

/* Services with their image references; built ones have a `build` member. */
struct model_service {
	char *name, *image; /* image: <project>-<service> where only `build` is given */
	bool builds;
	char *pull_policy; /* or NULL */
};
struct model_services {
	struct model_service *v;
	size_t n;
};
void model_services(const cJSON *model, const char *project, struct model_services *out);
void model_services_done(struct model_services *s);
#define auto_model_services AUTO(model_services_done)

/*
 * Put the pin in place of the image; `build` and `pull_policy` go away, so that up needs neither.
 * The reference stays in x-mdc-image (which Compose ignores), for words.
 */
void model_pin(cJSON *model, const struct pinned_image *pin);

/*
 * Labels: mdc.managed=1 on every service (and nothing that changes from generation to generation),
 * mdc.inputs=<digest> on those that mount files that come from the repository: `files` (what is in
 * live/, with ids) tells which. Content of configs and secrets from files and of inline configs
 * counts too. live is the absolute path of live/<project>; files elsewhere in the repository begin
 * with "../.elsewhere/<project>/". The file of a config or secret that is not in `files` is read
 * from the host (1 MiB). If it is missing: ERR_REJECTED below live, else ERR_RETRY; Compose would
 * only find out after it removed the old container.
 */
int model_label(cJSON *model, const char *live, const struct live_file *files, size_t n,
		struct err *e);

/* Mount the host's /nix/store as the settings say; ERR_REJECTED for a service that is not there. */
int model_mount_store(cJSON *model, const struct store_mount *m, struct err *e);
/* The paths /nix/store/<hash>-<name> in a text, each once. */
void model_store_paths_in(const char *text, struct strv *out);
/*
 * Those that must be on this host: what is mounted from it, and what services run that see the
 * host's store. all: what any service runs; otherwise an image may bring a store of its own.
 */
void model_store_paths(const cJSON *model, bool all, struct strv *needed);

/* The digest a model is known by: of its canonical text. */
void model_digest(const cJSON *model, char out[DIGEST_HEX_SIZE]);

/*
 * What changes from one model to another, in words, a line each: "service web: image a:1 → a:2",
 * "service web: environment LOG_LEVEL" (names only, never values), "service db: added". old may be
 * NULL (everything is added). services: those Compose will create or recreate. notes: network and
 * volume definition changes that Compose does not apply.
 */
void model_compare(const cJSON *old, const cJSON *new, struct strv *reasons, struct strv *services,
		   struct strv *notes);

/* What model_compare() says when the content of a mount changed and it cannot know which. */
#define MODEL_A_FILE_CHANGED "service %s: a file it mounts changed"

/* Files of a project before and after, and where they live. */
struct model_files {
	const char *live; /* absolute path of live/<project> */
	const struct live_file *old, *new;
	size_t n_old, n_new;
};
/*
 * After model_compare(): names the files in place of its "a file it mounts changed". rest: those
 * that differ and no changed service mounts, "file compose.yaml changed".
 */
void model_compare_files(const struct model_files *f, const cJSON *old, const cJSON *new,
			 struct strv *reasons, struct strv *rest);

/* Published host ports as "tcp/8080" or "tcp/127.0.0.1:8080". */
void model_ports(const cJSON *model, struct strv *out);
/* Named volumes as the engine knows them, and sources of binds: what a restore would and
 * would not cover. */
void model_volumes(const cJSON *model, struct strv *named, struct strv *binds);
/* Networks the project would create by itself. */
void model_networks(const cJSON *model, struct strv *out);
/* Health checks whose words hold blanks as CMD-SHELL: Podman breaks them up (model_checks.c). */
void model_whole_checks(cJSON *model);
/* Services that `depends_on` needs to end with success, and restart "no"/"on-failure" ones, are
 * one-shots; replicas 0 is nothing. */
bool model_expects_exit(const cJSON *model, const char *service);
