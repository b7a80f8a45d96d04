/*
 * engine - Docker or Podman behind one face: the API over its unix socket to look, the Compose v2
 * plugin to change. Measured with Compose 2.26, dockerd 20.10 and Podman 4.3. An engine that does
 * not answer is ERR_RETRY ("unknown"), never a verdict about a container. Depends on: common,
 * model.
 */
#pragma once

#include "agent/model/config.h"
#include "agent/model/container.h"
#include "common/auto.h"
#include "common/err.h"
#include "common/strv.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

struct engine;

/*
 * Find socket and plugin; talks to nobody. ERR_USAGE if no socket or plugin is to be found: says
 * what to install. ERR_RETRY if an engine is installed but its socket is not there. A socket that
 * is named need not exist yet: the calls say so.
 */
int engine_open(const struct config *c, struct engine **out, struct err *e);
void engine_close(struct engine *g);
AUTO_PTR(engine_close, struct engine)
#define auto_engine AUTO(engine_close_at)
const char *engine_socket(const struct engine *g);

int engine_ping(struct engine *g, struct err *e); /* ERR_RETRY if it does not answer in 5 s */
/* Is the plugin Compose v2? ERR_USAGE with the install command for v1, podman-compose or none. The
 * answer is remembered. */
int engine_check_compose(struct engine *g, struct err *e);
const char *engine_compose_version(struct engine *g); /* after engine_check_compose(); "2.26.1" */

/* ---- looking (api.c, containers.c, images.c) ---- */
int engine_list(struct engine *g, const char *project, struct containers *out,
		struct err *e); /* NULL: every Compose project; one request */
int engine_inspect(struct engine *g, struct container *c, bool *gone, struct err *e);
/* The last lines of a container's log, stdout and stderr, printable, at most max bytes; the caller
 * frees. */
int engine_logs(struct engine *g, const char *id, int lines, size_t max, char **out, struct err *e);
int engine_networks(struct engine *g, struct cJSON **out,
		    struct err *e); /* array as the API gives it */
/* Where it keeps images and volumes, as it says (""; on its own host); the caller frees. */
int engine_root(struct engine *g, char **out, struct err *e);

struct image_info {
	char *id;
	struct strv digests; /* name@sha256:... */
	struct strv tags;
};
void image_info_done(struct image_info *i);
#define auto_image_info AUTO(image_info_done)
int engine_image(struct engine *g, const char *ref, struct image_info *out, bool *found,
		 struct err *e);
/* Keep an image against prunes: tag mdc-keep:<first 32 hex digits of its id>. Untag removes that
 * tag only. */
int engine_image_keep(struct engine *g, const char *id, struct err *e);
int engine_image_unkeep(struct engine *g, const char *id, struct err *e);
int engine_images_kept(struct engine *g, struct strv *ids,
		       struct err *e); /* ids (sha256:...) with such a tag */
/*
 * Load an image from an archive, or with `stream` from what a program writes. It is known by its
 * path from then on (a tag mdc-load:<digest of the path>), whatever becomes of its name. *id: the
 * caller frees. ERR_REJECTED when the archive, or the program, is bad.
 */
struct image_file {
	const char *path, *ref;
	bool stream;
};
int engine_image_load(struct engine *g, const struct image_file *f, char **id, struct err *e);
/* Was it loaded, and is it still here? *id is NULL if not; the caller frees. */
int engine_image_loaded(struct engine *g, const char *path, char **id, struct err *e);
/* Forget what was loaded from any path but these. */
int engine_images_forget(struct engine *g, const struct strv *paths, size_t *dropped,
			 struct err *e);
/* Give an image another name (used after building). */
int engine_image_tag(struct engine *g, const char *id, const char *repo, const char *tag,
		     struct err *e);
/*
 * Begin the container's health check if it is due and nobody else runs it (Podman without timers of
 * systemd; health.c); a no-op on Docker. To be called at each look, after engine_inspect().
 */
int engine_health_kick(struct engine *g, const struct container *c, struct err *e);
void engine_health_kick_all(struct engine *g, const char *project);

/* ---- changing (compose.c, repair.c) ---- */
struct compose_call {
	const char *project;
	const char *model; /* path of a model file, for all but render */
	int timeout_ms;
	int stop_s;  /* down: how long containers may take to stop; 0: as each of them says */
	bool anew;   /* up: every container is made anew */
	int lock_fd; /* inherited by Compose, so the project lock outlives us; 0: none */
	void (*on_line)(const char *line, void *arg); /* progress; may be NULL */
	void *arg;
};
struct render_call {
	const char *project;
	const char *directory;                           /* --project-directory, absolute */
	const struct strv *files, *env_files, *profiles; /* absolute paths; profiles may be empty */
	int timeout_ms;
};
/* `config --format json` in an empty environment. ERR_REJECTED with Compose's own words when the
 * files are wrong. */
int compose_render(struct engine *g, const struct render_call *r, cJSON **model, struct err *e);
/* Pull the images of these services. ERR_RETRY for network and registry trouble, ERR_REJECTED when
 * an image does not exist. */
int compose_pull(struct engine *g, const struct compose_call *c, const struct strv *services,
		 struct err *e);
int compose_build(struct engine *g, const struct compose_call *c, const struct strv *services,
		  struct err *e); /* ERR_REJECTED: the build failed */
int compose_up(struct engine *g, const struct compose_call *c,
	       struct err *e); /* ERR_FAILED; ERR_RETRY if the engine went away */
int compose_down(struct engine *g, const struct compose_call *c,
		 struct err *e); /* never volumes; works from labels, model unused */
int compose_stop(struct engine *g, const struct compose_call *c, struct err *e);

/* After a killed Compose: remove or rename <hex>_name leftovers, remove dead containers. Only of
 * this project. *done: what was done, in words. */
int engine_repair(struct engine *g, const char *project, struct strv *done, struct err *e);
/*
 * An engine whose disk was full may keep the endpoint of a container that it removed; the next one
 * of that name cannot start then (docker/cli issue 1891). why: what `up` said. *done: it was such
 * an endpoint of this project, and is gone: `up` is worth another try. The engine finds it by the
 * container's name only, not by ids (moby issue 33156).
 */
int engine_release_endpoint(struct engine *g, const char *project, const char *why, bool *done,
			    struct err *e);

/* ---- data: who uses it, and holding them (uses.c, control.c, exec.c) ---- */
struct mount {
	char *type; /* "volume", "bind", "tmpfs", ... */
	char *name; /* of a volume, else "" */
	char *source, *destination;
	char *driver; /* of a volume, else "" */
	bool writes;
};
struct user {                                /* a container with what it mounts */
	char *id, *name, *project, *service; /* "" where Compose did not make it */
	bool ours, oneoff;
	enum container_state state;
	struct mount *v;
	size_t n;
};
struct uses {
	struct user *v;
	size_t n;
};
#define USES_INIT                                                                                  \
	{                                                                                          \
		.n = 0                                                                             \
	}
void uses_done(struct uses *u);
#define auto_uses AUTO(uses_done)
/* Every container of the project (NULL: of the host), whatever its state. One request; with Podman
 * one more for each container. */
int engine_uses(struct engine *g, const char *project, struct uses *out, struct err *e);
/* The volumes that carry the project's label, an array as the API gives it. */
int engine_project_volumes(struct engine *g, const char *project, struct cJSON **out,
			   struct err *e);
int engine_volume(struct engine *g, const char *name, struct cJSON **out, bool *found,
		  struct err *e);
/* Make a local volume as Compose would, with its labels; key: its name in the Compose file. */
int engine_volume_create(struct engine *g, const char *name, const char *project, const char *key,
			 struct err *e);

/*
 * All at once, each with its own grace period; 0 when all have stopped (one that is gone counts).
 * ERR_RETRY otherwise.
 */
int engine_stop_all(struct engine *g, const struct strv *ids, struct err *e);
/* One that already is as asked, or is gone, is success. */
int engine_start(struct engine *g, const char *id, struct err *e);
int engine_pause(struct engine *g, const char *id, struct err *e);
int engine_unpause(struct engine *g, const char *id, struct err *e);
int engine_remove(struct engine *g, const char *id, struct err *e); /* never its volumes */
/* Of one that is gone it is "no", and setting it is success; as it is with Podman, which cannot. */
int engine_restart_policy(struct engine *g, const char *id, char **out, struct err *e);
int engine_set_restart_policy(struct engine *g, const char *id, const char *policy, struct err *e);

/*
 * Run a command in a container and wait for it. 0 when it has ended: *code is its exit code,
 * *output (the caller frees) the last of what it said, printable. ERR_FAILED when it took longer
 * than timeout_ms: then it was killed.
 */
int engine_exec(struct engine *g, const char *id, const struct strv *command, int timeout_ms,
		int *code, char **output, struct err *e);
