/*
 * compose_errors - Compose's exit codes say little (14: a file is missing, 15: the files are wrong,
 * 17: a build failed, 18: a pull failed, 1: everything else), so its words are matched against
 * tables of what registries and engines answer. What is in no table is trouble of the world and is
 * tried again. To teach it another wording: a line in the table. Depends on: common.
 */
#include "agent/engine/compose_errors.h"

#include "common/auto.h"
#include "common/mem.h"
#include "common/str.h"
#include "common/strv.h"

#include <string.h>
#include <strings.h>

enum { LINES_RENDER = 12, LINES_OTHER = 3, LINE_MAX_SHOWN = 400 };

/* The image does not exist, or not for this machine: trying again cannot help. */
static const char *const no_such_image[] = {
	"manifest unknown",
	"name unknown",
	"pull access denied",
	"repository does not exist",
	"does not exist or no pull access",
	"requested access to the resource is denied",
	"repository name not known to registry",
	"no matching manifest for",
	"no image found in manifest list",
	"no image found in image index",
	"invalid reference format",
	"invalid repository name",
};

/* A build that could not reach what it needs is not a broken Dockerfile. */
static const char *const network_trouble[] = {
	"dial tcp",
	"i/o timeout",
	"connection refused",
	"connection reset",
	"no such host",
	"tls handshake",
	"temporary failure",
	"could not resolve",
	"network is unreachable",
	"unexpected eof",
	"toomanyrequests",
	"too many requests",
	"503 service unavailable",
	"502 bad gateway",
	"504 gateway",
	"context deadline exceeded",
	"request canceled",
};

/* This host is short of something. */
static const char *const host_trouble[] = {
	"no space left on device",          "cannot allocate memory", "too many open files",
	"resource temporarily unavailable", "disk quota exceeded",
};

static const char *const lost_engine[] = {
	"cannot connect to the docker daemon",
	"error during connect",
	"is the docker daemon running",
	"docker.sock: connect",
	"podman.sock: connect",
};

static bool holds(const char *words, const char *const *table, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcasestr(words, table[i]))
			return true;
	}
	return false;
}

#define HOLDS(words, table) holds(words, table, COUNT_OF(table))

bool compose_lost_engine(const char *words)
{
	return HOLDS(words, lost_engine) || str_ends(words, ": EOF") || strcmp(words, "EOF") == 0;
}

static enum err_kind pull_kind(const char *words)
{
	/* "manifest for NAME not found" stands with "manifest unknown" in Docker's words. */
	if (HOLDS(words, host_trouble))
		return ERR_RETRY;
	return HOLDS(words, no_such_image) ? ERR_REJECTED : ERR_RETRY;
}

static enum err_kind build_kind(int code, const char *words)
{
	if (HOLDS(words, host_trouble) || HOLDS(words, network_trouble) ||
	    compose_lost_engine(words))
		return ERR_RETRY;
	return code == 14 || code == 15 || code == 17 || HOLDS(words, no_such_image) ? ERR_REJECTED
										     : ERR_RETRY;
}

enum err_kind compose_kind(enum compose_step step, int code, const char *words)
{
	switch (step) {
	case COMPOSE_RENDER:
		return HOLDS(words, host_trouble) ? ERR_RETRY : ERR_REJECTED;
	case COMPOSE_PULL:
		return code == 14 || code == 15 ? ERR_REJECTED : pull_kind(words);
	case COMPOSE_BUILD:
		return build_kind(code, words);
	case COMPOSE_UP:
		return compose_lost_engine(words) || HOLDS(words, host_trouble) ? ERR_RETRY
										: ERR_FAILED;
	case COMPOSE_DOWN:
	case COMPOSE_STOP:
		return ERR_RETRY; /* nothing is judged by it; it is tried again */
	}
	return ERR_RETRY;
}

const char *compose_advice(enum compose_step step, const char *words)
{
	if (step == COMPOSE_PULL &&
	    (strcasestr(words, "unauthorized") || strcasestr(words, "no basic auth") ||
	     strcasestr(words, "pull access denied")))
		return " (if it is private: log in on this host with `docker login` as the user the "
		       "agent runs as)";
	if (strcasestr(words, "non-overlapping IPv4 address pool"))
		return " (a Docker engine has room for 31 project networks by default: set "
		       "default-address-pools in /etc/docker/daemon.json, or remove unused networks)";
	if (strcasestr(words, "http: server gave HTTP response to HTTPS client"))
		return " (a registry without TLS must be listed in the engine's insecure-registries)";
	return "";
}

/* msg="..." of a log line, unescaped in place of a copy; the caller frees. NULL if the line has
 * none. */
static char *logged_message(const char *line)
{
	const char *at = strstr(line, "msg=\"");
	struct str out = STR_INIT;

	if (!at)
		return NULL;
	for (at += strlen("msg=\""); *at != '\0' && *at != '"'; at++) {
		if (*at == '\\' && at[1] != '\0')
			at++;
		str_addc(&out, *at);
	}
	return str_take(&out);
}

/* The meaningful part of a line, or NULL; the caller frees. */
static char *meaning(enum compose_step step, const char *line)
{
	static const char daemon[] = "Error response from daemon: ";
	static const char solver[] = "failed to solve with frontend dockerfile.v0: ";

	/* Progress is indented by one space; it only occurs where something is done. */
	if (step != COMPOSE_RENDER && line[0] == ' ')
		return NULL;
	if (str_starts(line, "time=\"")) {
		if (!strstr(line, "level=error") && !strstr(line, "level=fatal"))
			return NULL;
		return logged_message(line);
	}
	while (*line == ' ' || *line == '\t')
		line++;
	if (str_starts(line, daemon))
		line += strlen(daemon);
	const char *frontend = strstr(line, solver);

	if (frontend)
		line = frontend + strlen(solver);
	size_t len = strcspn(line, "\r");

	while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t'))
		len--;
	return len > 0 ? xstrndup(line, len) : NULL;
}

char *compose_words(enum compose_step step, const char *text)
{
	struct strv lines = STRV_INIT;
	struct str out = STR_INIT;
	size_t first = 0, last;

	for (const char *at = text; *at != '\0';) {
		size_t len = strcspn(at, "\n");
		auto_free char *line = xstrndup(at, len);
		auto_free char *said = meaning(step, line);

		if (said)
			strv_push_own(&lines, str_printable(said, LINE_MAX_SHOWN));
		at += at[len] == '\n' ? len + 1 : len;
	}
	last = lines.n;
	if (step == COMPOSE_RENDER && lines.n > LINES_RENDER)
		last = LINES_RENDER;
	else if (step != COMPOSE_RENDER && lines.n > LINES_OTHER)
		first = lines.n - LINES_OTHER;
	for (size_t i = first; i < last; i++)
		str_addf(&out, "%s%s", i > first ? " " : "", lines.v[i]);
	strv_done(&lines);
	return str_take(&out);
}
