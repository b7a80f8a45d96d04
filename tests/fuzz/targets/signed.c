/*
 * signed - a commit or an annotated tag as a stranger wrote it: the first byte says which. What is
 * taken out of it is what Git would take: payload and signature are parts of the object, in order.
 * Depends on: fuzz, git.
 */
#include "tests/fuzz/fuzz.h"

#include "agent/git/signed.h"

#include <string.h>

static size_t lines_of(const struct str *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->len; i++)
		n += s->s[i] == '\n';
	return n;
}

static void check(const char *raw, size_t len, bool tag, const struct signed_object *o)
{
	FUZZ_CHECK(strlen(o->target) == 40 && !memchr(raw, '\0', len));
	FUZZ_CHECK((o->signature.len > 0) == (o->kind != SIGNATURE_NONE));
	if (o->kind == SIGNATURE_NONE) {
		FUZZ_CHECK(o->payload.len == len && memcmp(o->payload.s, raw, len) == 0);
	} else if (tag) {
		FUZZ_CHECK(o->payload.len + o->signature.len == len);
		FUZZ_CHECK(memcmp(o->payload.s, raw, o->payload.len) == 0);
	} else {
		/* "gpgsig " in front of its first line, a space in front of the others. */
		FUZZ_CHECK(o->payload.len + o->signature.len + 7 + lines_of(&o->signature) - 1 ==
			   len);
		FUZZ_CHECK(memcmp(o->payload.s, raw, 46) == 0);
		FUZZ_CHECK(!strstr(o->payload.s, "\ngpgsig -----BEGIN SSH") ||
			   strstr(o->payload.s, "\n\n") <
				   strstr(o->payload.s, "\ngpgsig -----BEGIN SSH"));
	}
}

void fuzz_one(const char *text, size_t len)
{
	auto_signed_object struct signed_object o = {.n_parents = 0};
	struct err e = ERR_INIT;
	bool tag = len > 0 && text[0] == 't';

	if (len < 1)
		return;
	int rc = tag ? signed_parse_tag(text + 1, len - 1, &o, &e)
		     : signed_parse_commit(text + 1, len - 1, &o, &e);

	if (rc < 0)
		FUZZ_CHECK(e.kind == ERR_REJECTED && e.cause[0] != '\0');
	else
		check(text + 1, len - 1, tag, &o);
}
