/*
 * answers - an http server made of the fuzzer's input, in the place of http_send(): see fuzz.h.
 * Depends on: fuzz, http.
 */
#include "tests/fuzz/fuzz.h"

#include "common/http.h"

#include <stdlib.h>
#include <string.h>

static struct fuzz_parts left;
static size_t next;

void fuzz_answers(const struct fuzz_parts *p)
{
	left = *p; /* borrowed */
	next = 0;
}

int __wrap_http_send(struct http *h, const struct http_request *r, struct http_answer *a,
		     struct err *e);

int __wrap_http_send(struct http *h, const struct http_request *r, struct http_answer *a,
		     struct err *e)
{
	char *body = NULL;

	(void)h;
	*a = (struct http_answer){.status = 200};
	if (next >= left.n)
		return err_set(e, ERR_RETRY, 0, "no answer");
	const char *text = left.v[next];
	size_t len = left.len[next++];
	long status = strtol(text, &body, 10);

	if (body > text && status >= 100 && status <= 599 && *body == '\n') {
		a->status = status;
		len -= (size_t)(body + 1 - text);
		text = body + 1;
	}
	if (r->max_body > 0 && len > r->max_body)
		return err_set(e, ERR_REJECTED, 0, "the answer is too large");
	if (!r->sink) {
		str_addn(&a->body, text, len);
		return 0;
	}
	/* In two pieces, where the input says. */
	size_t cut = len > 0 ? (unsigned char)text[0] % len : 0;

	if (r->sink(text, cut, r->arg) == 0)
		(void)r->sink(text + cut, len - cut, r->arg);
	return 0;
}
