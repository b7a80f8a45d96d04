/*
 * api - requests to the engine over libcurl. An engine that does not answer, or answers nonsense,
 * is "unknown" (ERR_RETRY): no verdict is ever built on it. Depends on: common, cJSON.
 */
#include "agent/engine/api.h"

#include "common/json.h"
#include "common/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { CONNECT_MS = 5000, STREAM_MS = 10000, MESSAGE_MAX = 240 };

/* libcurl's handle must not be shared with a process we were forked from: the answers would mix. */
static struct http *connection(struct engine *g)
{
	if (g->http && g->pid != getpid()) {
		http_close(
			g->http); /* closes our copy of the descriptor, tells the engine nothing */
		g->http = NULL;
	}
	if (!g->http) {
		const struct http_options o = {.unix_socket = g->socket, .connect_ms = CONNECT_MS};

		g->http = http_open(&o);
		g->pid = getpid();
	}
	return g->http;
}

/* No answer, or one that is too large. libcurl names a host and a port that a unix socket does not
 * have. */
static int no_answer(const struct engine *g, struct err *e)
{
	int why = e->errnum;

	if (why == EACCES || why == EPERM)
		return err_set(
			e, ERR_RETRY, why,
			"the engine's socket %s is not ours to use (run as root, or as a member "
			"of its group)",
			g->socket);
	if (why != 0)
		return err_set(e, ERR_RETRY, why, "the engine does not answer at %s", g->socket);
	e->kind = ERR_RETRY;
	return err_wrap(e, "engine");
}

void api_answer_done(struct api_answer *a)
{
	cJSON_Delete(a->json);
	a->json = NULL;
}

/* Docker says {"message": ...}, Podman also {"cause": ..., "message": ..., "response": 404}. */
static void keep_message(struct api_answer *a, const char *body)
{
	const char *text = json_str(a->json, "message", NULL);
	auto_free char *shown = str_printable(text ? text : body, MESSAGE_MAX);

	(void)snprintf(a->message, sizeof(a->message), "%s", shown);
}

static bool wants_json(const char *method, long status)
{
	return strcmp(method, "GET") == 0 && status >= 200 && status < 300;
}

static const char *const json_headers[] = {"Content-Type: application/json", NULL};

static int call(struct engine *g, const struct http_request *r, struct api_answer *a, struct err *e)
{
	auto_http_answer struct http_answer got = {.status = 0};
	struct err parse = ERR_INIT;

	*a = (struct api_answer){.status = 0};
	if (http_send(connection(g), r, &got, e) < 0)
		return no_answer(g, e);
	a->status = got.status;
	if (got.body.len > 0 && json_parse(str_text(&got.body), got.body.len, &a->json, &parse) < 0)
		a->json = NULL;
	if (wants_json(r->method, got.status)) {
		if (a->json)
			return 0;
		return err_set(e, ERR_RETRY, 0,
			       "the engine at %s answered something else than JSON", g->socket);
	}
	if (got.status >= 300)
		keep_message(a, str_text(&got.body));
	return 0;
}

int api_call(struct engine *g, const char *method, const char *path, int timeout_ms,
	     struct api_answer *a, struct err *e)
{
	auto_free char *url = xasprintf("http://engine%s", path);
	const struct http_request r = {
		.method = method, .url = url, .timeout_ms = timeout_ms, .max_body = API_MAX_BODY};

	return call(g, &r, a, e);
}

int api_post(struct engine *g, const char *path, const cJSON *body, int timeout_ms,
	     struct api_answer *a, struct err *e)
{
	auto_free char *url = xasprintf("http://engine%s", path);
	auto_free char *text = body ? json_text(body) : xstrdup("");
	const struct http_request r = {.method = "POST",
				       .url = url,
				       .body = text,
				       .body_len = strlen(text),
				       .headers = json_headers,
				       .timeout_ms = timeout_ms,
				       .max_body = API_MAX_BODY};

	return call(g, &r, a, e);
}

int api_post_stream(struct engine *g, const char *path, const cJSON *body, int timeout_ms,
		    struct demux *out, long *status, struct err *e)
{
	auto_free char *url = xasprintf("http://engine%s", path);
	auto_free char *text = json_text(body);
	auto_http_answer struct http_answer got = {.status = 0};
	const struct http_request r = {.url = url,
				       .body = text,
				       .body_len = strlen(text),
				       .headers = json_headers,
				       .timeout_ms = timeout_ms,
				       .sink = demux_take,
				       .arg = out};

	if (http_send(connection(g), &r, &got, e) < 0)
		return no_answer(g, e);
	*status = got.status;
	return 0;
}

int api_unexpected(const struct api_answer *a, const char *what, struct err *e)
{
	enum err_kind kind = a->status == 400 ? ERR_REJECTED : ERR_RETRY;

	return err_set(e, kind, 0, "%s: the engine answered %ld%s%s", what, a->status,
		       a->message[0] != '\0' ? ": " : "", a->message);
}

int api_get(struct engine *g, const char *path, const char *what, cJSON **out, struct err *e)
{
	auto_api_answer struct api_answer a;

	if (api_call(g, "GET", path, API_TIMEOUT_MS, &a, e) < 0)
		return -1;
	if (a.status != 200)
		return api_unexpected(&a, what, e);
	*out = TAKE(a.json);
	return 0;
}

int api_object(struct engine *g, const char *kind, const char *id, const char *rest, cJSON **out,
	       struct err *e)
{
	auto_free char *escaped = api_path_escape(id);
	auto_free char *path = xasprintf("/%s/%s%s", kind, escaped, rest);
	auto_api_answer struct api_answer a;

	if (api_call(g, "GET", path, API_TIMEOUT_MS, &a, e) < 0)
		return -1;
	if (a.status != 200 && a.status != 404) {
		auto_free char *what = xasprintf("look at %.200s of %s", id, kind);

		return api_unexpected(&a, what, e);
	}
	*out = a.status == 200 ? TAKE(a.json) : NULL;
	return 0;
}

int api_stream(struct engine *g, const char *path, int (*sink)(const char *, size_t, void *),
	       void *arg, long *status, struct err *e)
{
	auto_free char *url = xasprintf("http://engine%s", path);
	auto_http_answer struct http_answer got = {.status = 0};
	const struct http_request r = {
		.url = url, .timeout_ms = STREAM_MS, .sink = sink, .arg = arg};

	if (http_send(connection(g), &r, &got, e) < 0)
		return no_answer(g, e);
	*status = got.status;
	return 0;
}

int api_begin(struct engine *g, const char *method, const char *path, int *fd, struct err *e)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	auto_free char *request = xasprintf(
		"%s %s HTTP/1.0\r\nHost: engine\r\nContent-Length: 0\r\n\r\n", method, path);
	auto_close int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(to.sun_path, sizeof(to.sun_path), "%s", g->socket);
	if (s < 0 || connect(s, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    send(s, request, strlen(request), MSG_NOSIGNAL) != (ssize_t)strlen(request))
		return err_set(e, ERR_RETRY, errno, "the engine does not answer at %s", g->socket);
	*fd = TAKE_FD(s);
	return 0;
}

char *api_filter(const char *kind, const char *value)
{
	auto_json cJSON *filters = cJSON_CreateObject();
	cJSON *values = cJSON_AddArrayToObject(filters, kind);

	if (!cJSON_AddItemToArray(values, cJSON_CreateString(value)))
		abort();
	auto_free char *text = json_text(filters);
	auto_free char *escaped = http_escape(text);

	return xasprintf("filters=%s", escaped);
}

char *api_path_escape(const char *s)
{
	struct str out = STR_INIT;

	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9') || strchr("-._/:@", c);

		str_addf(&out, plain ? "%c" : "%%%02X", c);
	}
	return str_take(&out);
}

enum engine_flavour api_flavour(struct engine *g, struct err *e)
{
	auto_json cJSON *version = NULL;
	const cJSON *part = NULL;

	if (g->flavour != FLAVOUR_UNKNOWN)
		return g->flavour;
	if (api_get(g, "/version", "ask for the version", &version, e) < 0)
		return FLAVOUR_UNKNOWN;
	g->flavour = FLAVOUR_DOCKER;
	cJSON_ArrayForEach (part, json_arr(version, "Components")) {
		if (strstr(json_str(part, "Name", ""), "Podman"))
			g->flavour = FLAVOUR_PODMAN;
	}
	return g->flavour;
}

int engine_ping(struct engine *g, struct err *e)
{
	auto_free char *url = xasprintf("http://engine/_ping");
	auto_http_answer struct http_answer got = {.status = 0};
	const struct http_request r = {.url = url, .timeout_ms = API_PING_MS};

	if (http_send(connection(g), &r, &got, e) < 0)
		return no_answer(g, e);
	if (got.status != 200)
		return err_set(e, ERR_RETRY, 0, "the engine at %s answered %ld to a ping",
			       g->socket, got.status);
	return 0;
}
