/*
 * gitwire - packet lines and advertisements in pieces. The first byte says what is asked for and
 * how large the pieces are; whatever they are, the answer is the same.
 * Depends on: fuzz, gitwire.
 */
#include "tests/fuzz/fuzz.h"

#include "common/gitwire.h"

#include <string.h>

static int feed(const char *text, size_t len, size_t step, bool answer, struct refpick *pick)
{
	auto_gitwire_refs struct gitwire_refs r = {
		.pick = pick, .where = "server", .answer = answer};
	struct err e = ERR_INIT;

	for (size_t at = 0; at < len; at += step) {
		size_t n = len - at < step ? len - at : step;

		if (gitwire_feed(&r, text + at, n, &e) < 0) {
			FUZZ_CHECK(e.cause[0] != '\0');
			return -1;
		}
	}
	return gitwire_finish(&r, &e);
}

void fuzz_one(const char *text, size_t len)
{
	if (len < 1)
		return;
	unsigned char how = (unsigned char)text[0];
	const char *tag = how & 1 ? "v*" : NULL;
	auto_refpick struct refpick whole;
	auto_refpick struct refpick pieces;

	refpick_init(&whole, "main", tag);
	refpick_init(&pieces, "main", tag);
	int a = feed(text + 1, len - 1, len, how & 2, &whole);
	int b = feed(text + 1, len - 1, 1 + how / 8, how & 2, &pieces);

	FUZZ_CHECK(a == b);
	if (a == 0)
		FUZZ_CHECK(strcmp(whole.id, pieces.id) == 0);
	FUZZ_CHECK(whole.id[0] == '\0' || refpick_is_id(whole.id, strlen(whole.id)));
}
