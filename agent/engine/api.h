/*
 * api - one request to the engine's API over its unix socket. For this directory only.
 * Paths carry no version: Docker 20.10 refuses newer ones than its own, Docker 29 older ones.
 * Depends on: common.
 */
#pragma once

#include "agent/engine/demux.h"
#include "agent/engine/engine.h"
#include "common/http.h"

#include <sys/types.h>

enum engine_flavour { FLAVOUR_UNKNOWN, FLAVOUR_DOCKER, FLAVOUR_PODMAN };

struct kick;
struct kicks { /* health checks that we run: health.c */
	struct kick *v;
	size_t n;
};
void kicks_done(struct kicks *k);

struct engine {
	char *socket;
	char *compose;         /* path of the plugin */
	char *compose_version; /* NULL until engine_check_compose() */
	char *version_note;    /* file that remembers it between runs */
	enum engine_flavour flavour;
	struct http *http; /* opened at the first request */
	pid_t pid;         /* of the process that opened it: a forked child opens its own */
	struct kicks kicks;
};

/* What to install, for messages. */
#define ENGINE_COMPOSE_ADVICE                                                                      \
	"install it (Docker's packages: docker-compose-plugin; Debian from trixie on: "            \
	"docker-compose; NixOS: virtualisation.docker.enable and pkgs.docker-compose), or name "   \
	"its path with `compose:` in agent.yaml"

enum { API_TIMEOUT_MS = 10000, API_PING_MS = 5000, API_MAX_BODY = 32 * 1024 * 1024 };

struct api_answer {
	long status;
	cJSON *json;       /* NULL if the body is empty or is not JSON */
	char message[256]; /* the engine's own words when it refused, printable; else "" */
};
void api_answer_done(struct api_answer *a);
#define auto_api_answer AUTO(api_answer_done)

/*
 * Send a request without a body; *a is to be freed. 0 if an answer came, whatever its status.
 * ERR_RETRY if none came, if it is larger than API_MAX_BODY, or if it is a 2xx to a GET and not
 * JSON.
 */
int api_call(struct engine *g, const char *method, const char *path, int timeout_ms,
	     struct api_answer *a, struct err *e);

/* api_call() with GET that is 0 only for 200; *out is its JSON, the caller frees. */
int api_get(struct engine *g, const char *path, const char *what, cJSON **out, struct err *e);

/* api_get() of one object that may have gone: *out is NULL for 404. `kind`: "containers",
 * "volumes",
 * ...; `rest` stands behind the id ("/json", ""). */
int api_object(struct engine *g, const char *kind, const char *id, const char *rest, cJSON **out,
	       struct err *e);

/* POST with a JSON body (borrowed; NULL: none), else as api_call(). */
int api_post(struct engine *g, const char *path, const cJSON *body, int timeout_ms,
	     struct api_answer *a, struct err *e);
/* POST with a JSON body whose answer's body goes to a sink. */
int api_post_stream(struct engine *g, const char *path, const cJSON *body, int timeout_ms,
		    struct demux *out, long *status, struct err *e);

/*
 * Send a request without a body and do not wait: the answer, headers and all, comes at *fd, which
 * then ends. The caller closes it.
 */
int api_begin(struct engine *g, const char *method, const char *path, int *fd, struct err *e);

/* A request whose body goes to a sink; see http.h. */
int api_stream(struct engine *g, const char *path, int (*sink)(const char *, size_t, void *),
	       void *arg, long *status, struct err *e);

/* Set e for a status nobody expected: 5xx and the like are ERR_RETRY, 400 is ERR_REJECTED. Returns
 * -1. */
int api_unexpected(const struct api_answer *a, const char *what, struct err *e);

/* "?filters=..." for one filter {kind: [value]}; the caller frees. */
char *api_filter(const char *kind, const char *value);

/* Escape for use in a path: slashes, colons and @ stay, so image names fit. The caller frees. */
char *api_path_escape(const char *s);

/* Docker or Podman; asks once. FLAVOUR_UNKNOWN with e if it does not answer. */
enum engine_flavour api_flavour(struct engine *g, struct err *e);

/* The containers of a project (NULL: of all) as the API lists them; the caller frees. */
int api_containers(struct engine *g, const char *project, cJSON **out, struct err *e);

/* The first name that is a container's own, without the slash; "" if there is none. Borrowed. */
const char *api_container_name(const cJSON *container);
