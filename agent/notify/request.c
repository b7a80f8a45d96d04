/*
 * request - one try: 10 s in all, an answer of at most 64 KiB, no redirects.
 * Depends on: receiver, http.
 */
#include "agent/notify/receiver.h"

#include "common/http.h"
#include "common/mem.h"

#include <string.h>

enum { TRY_MS = 10000, ANSWER_MAX_BYTES = 64 * 1024 };

void request_done(struct request *r)
{
	for (size_t i = 0; i < r->headers.n; i++) /* a token may be among them */
		explicit_bzero(r->headers.v[i], strlen(r->headers.v[i]));
	free(r->url);
	strv_done(&r->headers);
	str_done(&r->body);
	*r = (struct request){.method = NULL};
}

static bool is_any(long status, const long *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == status)
			return true;
	return false;
}

static int judge(const struct request *r, const struct http_answer *a, struct verdict *v,
		 struct err *e)
{
	static const long soon[] = {408, 425, 429}, unfit[] = {400, 413, 414, 422, 431};
	auto_free char *where = http_origin(r->url);

	v->status = a->status;
	v->retry_after_s = a->retry_after_s;
	if (a->status >= 200 && a->status < 300)
		return 0;
	v->refused = a->status < 500 && !is_any(a->status, soon, COUNT_OF(soon));
	v->unfit = is_any(a->status, unfit, COUNT_OF(unfit));
	if (a->status >= 300 && a->status < 400)
		return err_set(e, ERR_RETRY, 0,
			       "%s redirects elsewhere (HTTP %ld), which is not followed: put the "
			       "final address into its url",
			       where, a->status);
	return err_set(e, ERR_RETRY, 0, "%s answered with HTTP status %ld", where, a->status);
}

int request_send(const struct request *r, const char *ca_file, struct verdict *v, struct err *e)
{
	const struct http_options o = {.ca_file = ca_file, .connect_ms = TRY_MS};
	auto_http struct http *h = http_open(&o);
	auto_http_answer struct http_answer a = {.status = 0};
	const struct http_request q = {
		.method = r->method,
		.url = r->url,
		.body = str_text(&r->body),
		.body_len = r->body.len,
		.headers = (const char *const *)r->headers.v,
		.timeout_ms = TRY_MS,
		.max_body = ANSWER_MAX_BYTES,
	};

	*v = (struct verdict){.status = 0};
	return http_send(h, &q, &a, e) < 0 ? -1 : judge(r, &a, v, e);
}
