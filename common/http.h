/*
 * http - one request at a time over libcurl, with deadlines and caps, to a server or to a unix
 * socket. The connection is kept between requests of the same handle. Depends on: err, str,
 * libcurl.
 */
#pragma once

#include "common/auto.h"
#include "common/err.h"
#include "common/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct http; /* opaque: one kept connection */

struct http_options {
	const char *unix_socket;     /* path, or NULL */
	const char *ca_file;         /* PEM, or NULL: the system's CA directory */
	const char *user, *password; /* basic authentication, or NULL; never sent to another host */
	int connect_ms;              /* 0: 10 000 */
};

struct http *http_open(const struct http_options *o); /* strings are copied */
void http_close(struct http *h);
AUTO_PTR(http_close, struct http)
#define auto_http AUTO(http_close_at)

struct http_request {
	const char *method; /* NULL: GET, or POST when there is a body */
	const char *url;
	const char *body; /* borrowed; NULL: none */
	size_t body_len;
	/* Instead of body: gives it piece by piece; 0 at the end, -1 gives the request up. */
	ssize_t (*source)(char *to, size_t size, void *arg);
	const char *const *headers; /* "Name: value", NULL-terminated, or NULL */
	int timeout_ms;             /* > 0: the whole request */
	int idle_ms;     /* > 0: longest silence once connected, to about a second; 0: timeout_ms */
	size_t max_body; /* more is an error; 0: 4 MiB */
	/* With a sink the body goes there piece by piece; a return of -1 ends the request without
	 * an error. */
	int (*sink)(const char *data, size_t len, void *arg);
	void *arg;
};

struct http_answer {
	long status;
	struct str body;       /* empty with a sink */
	int64_t retry_after_s; /* the server asks not to come back sooner; 0: it says nothing */
};

/*
 * 0 if an answer came, whatever its status; a is to be freed with http_answer_done(). Redirects are
 * not followed. -1: no answer: ERR_RETRY for the network (cause says which host and why);
 * ERR_REJECTED for too large a body.
 */
int http_send(struct http *h, const struct http_request *r, struct http_answer *a, struct err *e);
void http_answer_done(struct http_answer *a);
#define auto_http_answer AUTO(http_answer_done)

/* "https://host:port" of a URL, without user, path and query, which may hold secrets: for messages.
 * The caller frees; NULL if it is not a URL. */
char *http_origin(const char *url);
/* Does this CURLcode say that a line before the body was longer than curl keeps (100 KiB)? To be
 * asked once something of the answer has come: else it is for want of memory. */
bool http_line_without_end(int code);
char *http_escape(const char *s); /* for a query value; the caller frees */
