/*
 * knownhosts - lines of known_hosts, and a key as a server sends it: the second part of the input.
 * Depends on: fuzz, knownhosts.
 */
#include "tests/fuzz/fuzz.h"

#include "common/knownhosts.h"

void fuzz_one(const char *text, size_t len)
{
	struct fuzz_parts p;
	struct err e = ERR_INIT;

	fuzz_cut(text, len, &p);
	fuzz_file("known_hosts", p.v[0], p.len[0]);
	for (int port = 22; port <= 2222; port += 2200) {
		auto_knownhosts struct knownhosts k = {.text = NULL};
		auto_strv struct strv types = STRV_INIT;

		if (knownhosts_open(fuzz_path("known_hosts"), "git.example.org", port, &k, &e) < 0)
			continue;
		knownhosts_types(&k, &types);
		if (p.n > 1)
			(void)knownhosts_check(&k, p.v[1], p.len[1]);
	}
	fuzz_parts_done(&p);
}
