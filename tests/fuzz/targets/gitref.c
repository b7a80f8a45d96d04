/*
 * gitref - a repository's refs in a directory: HEAD, packed-refs and a loose ref from the input.
 * Depends on: fuzz, gitref.
 */
#include "tests/fuzz/fuzz.h"

#include "common/gitref.h"

#include <string.h>

void fuzz_one(const char *text, size_t len)
{
	static const char *const names[] = {"r/packed-refs", "r/refs/heads/main", "r/refs/tags/v2"};
	struct fuzz_parts p;
	char id[GIT_HEX_SIZE] = "";
	struct err e = ERR_INIT;

	fuzz_cut(text, len, &p);
	fuzz_file("r/HEAD", "ref: refs/heads/main\n", 21);
	fuzz_file("r/objects/x", "", 0);
	fuzz_file("r/config", "", 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (i < p.n && p.len[i] > 0)
			fuzz_file(names[i], p.v[i], p.len[i]);
		else
			(void)unlink(fuzz_path(names[i]));
	if (gitref_ask(fuzz_path("r"), "main", NULL, id, &e) == 0)
		FUZZ_CHECK(id[0] == '\0' || refpick_is_id(id, strlen(id)));
	if (gitref_ask(fuzz_path("r"), NULL, "v*", id, &e) == 0)
		FUZZ_CHECK(id[0] == '\0' || refpick_is_id(id, strlen(id)));
	fuzz_parts_done(&p);
}
