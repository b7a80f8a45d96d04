/*
 * generation - generation.json with a header that is right and any text behind it.
 * Depends on: fuzz, store.
 */
#include "tests/fuzz/fuzz.h"

#include "agent/store/layout.h"

void fuzz_one(const char *text, size_t len)
{
	struct store s = {.root = (char *)(uintptr_t)fuzz_dir()};
	auto_generation struct generation g = {.number = 0};
	struct err e = ERR_INIT;

	fuzz_record("generations/7/generation.json", text, len);
	if (generation_read(&s, 7, &g, &e) < 0) {
		FUZZ_CHECK(e.kind == ERR_BROKEN);
		return;
	}
	for (size_t i = 0; i < g.n; i++)
		(void)generation_find(&g, g.v[i].name);
	auto_json cJSON *all = generation_to_json(&g);
}
