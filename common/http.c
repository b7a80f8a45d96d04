/*
 * http - requests over one curl easy handle. Which certificates are trusted is decided in
 * http_ca.c. Depends on: err, mem, str, clock, duration, libcurl.
 */
#include "common/http.h"

#include "common/clock.h"
#include "common/duration.h"
#include "common/http_ca.h"
#include "common/mem.h"

#include <curl/curl.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>

enum {
	CONNECT_MS = 10000,
	MAX_BODY = 4 * 1024 * 1024,
	MAX_HEADERS = 256 * 1024,
	SHOWN_MAX = 300,
};

struct http {
	CURL *curl;
	char *unix_socket, *ca_file, *user, *password;
	int connect_ms;
	char *origin; /* "https://host:port" that the password is for: that of the first request */
};

/* A request on its way. */
struct transfer {
	const struct http_request *r;
	CURL *curl;
	struct str body;
	int64_t heard_ms; /* when something last arrived or was sent */
	curl_off_t sent;  /* bytes of our body so far */
	bool silent;      /* for longer than idle_ms */
	size_t headers;   /* bytes of them so far */
	bool ended;       /* the sink has had enough */
	bool too_many;    /* headers without end */
	char why[CURL_ERROR_SIZE];
};

/* curl wants its process-wide setup once, before any handle; there is no good moment but the first
 * use. */
static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void setup_curl(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		abort(); /* only for want of memory */
}

struct http *http_open(const struct http_options *o)
{
	(void)pthread_once(&curl_once, setup_curl);
	struct http *h = xcalloc(1, sizeof(*h));

	h->curl = curl_easy_init();
	if (!h->curl)
		abort();
	h->unix_socket = xstrdup_null(o->unix_socket);
	h->ca_file = xstrdup_null(o->ca_file);
	h->user = xstrdup_null(o->user);
	h->password = xstrdup_null(o->password);
	h->connect_ms = o->connect_ms > 0 ? o->connect_ms : CONNECT_MS;
	return h;
}

void http_close(struct http *h)
{
	curl_easy_cleanup(h->curl);
	if (h->password)
		explicit_bzero(h->password, strlen(h->password));
	free(h->password);
	free(h->unix_socket);
	free(h->ca_file);
	free(h->user);
	free(h->origin);
	free(h);
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	size_t len = size * n;

	t->heard_ms = clock_ms();

	if (t->r->sink) {
		if (t->r->sink(data, len, t->r->arg) == 0)
			return len;
		t->ended = true;
		return CURL_WRITEFUNC_ERROR;
	}
	str_addn(&t->body, data, len);
	return t->body.cut ? CURL_WRITEFUNC_ERROR : len;
}

static size_t on_source(char *to, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	ssize_t got = t->r->source(to, size * n, t->r->arg);

	return got < 0 ? CURL_READFUNC_ABORT : (size_t)got;
}

static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	(void)data;
	t->heard_ms = clock_ms();
	t->headers += size * n;
	t->too_many = t->headers > MAX_HEADERS;
	return t->too_many ? CURL_WRITEFUNC_ERROR : size * n;
}

/*
 * Called at least once a second. curl's own low speed limit is an average over five seconds, and so
 * neither exact nor blind to what came before the silence.
 */
static int on_progress(void *arg, curl_off_t down_all, curl_off_t down, curl_off_t up_all,
		       curl_off_t up)
{
	struct transfer *t = arg;
	curl_off_t ready_us = 0;

	(void)down_all;
	(void)down;
	(void)up_all;
	(void)curl_easy_getinfo(t->curl, CURLINFO_PRETRANSFER_TIME_T, &ready_us);
	if (ready_us == 0 || up != t->sent) /* connecting has a deadline of its own */
		t->heard_ms = clock_ms();
	t->sent = up;
	t->silent = clock_ms() - t->heard_ms >= t->r->idle_ms;
	return t->silent;
}

/* An option that our libcurl knows cannot fail but for want of memory, or a URL it will name
 * itself. */
#define SET(c, option, value) ((void)curl_easy_setopt(c, option, value))

static bool has_header(const struct http_request *r, const char *name)
{
	size_t len = strlen(name);

	for (const char *const *v = r->headers; v && *v; v++) {
		if (strncasecmp(*v, name, len) == 0 && (*v)[len] == ':')
			return true;
	}
	return false;
}

static void add_header(struct curl_slist **list, const char *text)
{
	struct curl_slist *more = curl_slist_append(*list, text);

	if (!more)
		abort();
	*list = more;
}

static struct curl_slist *make_headers(const struct http_request *r)
{
	struct curl_slist *list = NULL;

	add_header(&list, "Expect:"); /* no extra round trip before a body */
	if (!has_header(r, "Content-Type"))
		add_header(&list, "Content-Type:"); /* curl would call any body a form */
	for (const char *const *v = r->headers; v && *v; v++)
		add_header(&list, *v);
	return list;
}

static void set_method(CURL *c, const struct http_request *r)
{
	const char *method = r->method ? r->method : r->body ? "POST" : "GET";

	if (strcmp(method, "HEAD") == 0) {
		SET(c, CURLOPT_NOBODY, 1L);
		return;
	}
	if (r->source)
		SET(c, CURLOPT_UPLOAD, 1L);
	else if (r->body || strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0) {
		SET(c, CURLOPT_POST, 1L);
		SET(c, CURLOPT_POSTFIELDS, r->body ? r->body : "");
		SET(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(r->body ? r->body_len : 0));
	}
	SET(c, CURLOPT_CUSTOMREQUEST, method);
}

static void set_limits(CURL *c, const struct http *h, const struct http_request *r)
{
	SET(c, CURLOPT_NOSIGNAL, 1L);
	SET(c, CURLOPT_FOLLOWLOCATION, 0L);
	SET(c, CURLOPT_PROTOCOLS_STR, "http,https");
	SET(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(c, CURLOPT_CONNECTTIMEOUT_MS, (long)h->connect_ms);
	SET(c, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
	SET(c, CURLOPT_TCP_KEEPALIVE, 1L);
	SET(c, CURLOPT_USERAGENT, "mdc-agent");
}

static void set_callbacks(CURL *c, struct transfer *t)
{
	SET(c, CURLOPT_WRITEFUNCTION, on_body);
	SET(c, CURLOPT_WRITEDATA, t);
	SET(c, CURLOPT_HEADERFUNCTION, on_header);
	SET(c, CURLOPT_HEADERDATA, t);
	SET(c, CURLOPT_READFUNCTION, on_source);
	SET(c, CURLOPT_READDATA, t);
	SET(c, CURLOPT_ERRORBUFFER, t->why);
	if (t->r->idle_ms <= 0)
		return;
	SET(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(c, CURLOPT_XFERINFODATA, t);
	SET(c, CURLOPT_NOPROGRESS, 0L);
}

char *http_origin(const char *url)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *host = NULL, *port = NULL, *origin = NULL;

	if (u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK)
		origin = xasprintf("%s://%s:%s", scheme, host, port);
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(u);
	return origin;
}

static void set_target(struct http *h, const struct http_request *r, const char *origin)
{
	CURL *c = h->curl;

	SET(c, CURLOPT_URL, r->url);
	if (h->unix_socket) {
		SET(c, CURLOPT_UNIX_SOCKET_PATH, h->unix_socket);
		SET(c, CURLOPT_PROXY, ""); /* whatever http_proxy says */
	}
	if (strncasecmp(origin, "https:", 6) == 0)
		http_ca_set(c, h->ca_file);
	if (!h->user && !h->password)
		return;
	if (!h->origin)
		h->origin = xstrdup(origin);
	if (strcmp(h->origin, origin) != 0)
		return;
	SET(c, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
	SET(c, CURLOPT_USERNAME, h->user ? h->user : "");
	SET(c, CURLOPT_PASSWORD, h->password ? h->password : "");
}

bool http_line_without_end(int code)
{
	enum { TOO_LARGE = 100 }; /* CURLE_TOO_LARGE, from curl 8.6 on */

	return code == CURLE_OUT_OF_MEMORY || code == TOO_LARGE;
}

/* Has any byte of the answer come? */
static bool heard(CURL *c)
{
	curl_off_t first_us = 0;

	(void)curl_easy_getinfo(c, CURLINFO_STARTTRANSFER_TIME_T, &first_us);
	return first_us > 0;
}

static int failed(const struct http *h, const struct transfer *t, CURLcode code, const char *origin,
		  struct err *e)
{
	const char *where = h->unix_socket ? h->unix_socket : origin;
	size_t max = t->body.max;
	char text[32];
	long number = 0;

	if (t->body.cut)
		return err_set(e, ERR_REJECTED, 0, "the answer of %s is larger than %s", where,
			       size_text(max, text, sizeof(text)));
	if (t->too_many)
		return err_set(
			e, ERR_REJECTED, 0,
			"the answer of %s has headers without end; is that the right server?",
			where);
	if (t->silent)
		return err_set(e, ERR_RETRY, 0, "no answer from %s: nothing arrived for %s", where,
			       duration_text(t->r->idle_ms, text, sizeof(text)));
	if (http_line_without_end(code) && heard(h->curl))
		return err_set(
			e, ERR_REJECTED, 0,
			"the answer of %s begins with a line without end; is that the right server?",
			where);
	bool web = str_starts(t->r->url, "http://") || str_starts(t->r->url, "https://");

	if (code == CURLE_UNSUPPORTED_PROTOCOL && web) /* an answer without a status line */
		return err_set(e, ERR_RETRY, 0, "%s does not speak HTTP", where);
	if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
		return err_set(e, ERR_REJECTED, 0, "%s is not an http or https URL", origin);
	auto_free char *why =
		str_printable(t->why[0] != '\0' ? t->why : curl_easy_strerror(code), SHOWN_MAX);
	/* The number is left from an earlier try where this failure has none of its own. */
	if (code == CURLE_COULDNT_CONNECT)
		(void)curl_easy_getinfo(h->curl, CURLINFO_OS_ERRNO, &number);
	return err_set(e, ERR_RETRY, (int)number, "no answer from %s: %s", where, why);
}

int http_send(struct http *h, const struct http_request *r, struct http_answer *a, struct err *e)
{
	struct transfer t = {.r = r,
			     .curl = h->curl,
			     .heard_ms = clock_ms(),
			     .body = {.max = r->max_body > 0 ? r->max_body : MAX_BODY}};
	auto_free char *origin = http_origin(r->url);
	curl_off_t later = 0;
	long status = 0;

	if (!origin)
		return err_set(e, ERR_REJECTED, 0, "this is not an http or https URL");
	curl_easy_reset(h->curl); /* options only: the connection is kept */
	set_limits(h->curl, h, r);
	set_method(h->curl, r);
	set_target(h, r, origin);
	struct curl_slist *headers = make_headers(r);
	SET(h->curl, CURLOPT_HTTPHEADER, headers);
	set_callbacks(h->curl, &t);
	CURLcode code = curl_easy_perform(h->curl);
	SET(h->curl, CURLOPT_ERRORBUFFER, NULL); /* t ends here, the handle does not */
	curl_slist_free_all(headers);
	if (code != CURLE_OK && !t.ended) {
		int bad = failed(h, &t, code, origin, e);

		str_done(&t.body);
		return bad;
	}
	(void)curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(h->curl, CURLINFO_RETRY_AFTER, &later);
	a->status = status;
	a->retry_after_s = later;
	a->body = t.body;
	return 0;
}

void http_answer_done(struct http_answer *a)
{
	str_done(&a->body);
}

char *http_escape(const char *s)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	struct str out = STR_INIT;

	for (; *s != '\0'; s++) {
		if (strchr(plain, *s))
			str_addc(&out, *s);
		else
			str_addf(&out, "%%%02X", (unsigned char)*s);
	}
	return str_take(&out);
}
