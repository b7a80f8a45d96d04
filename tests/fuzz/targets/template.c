/*
 * template - a receiver's own text, filled from the second part of the input.
 * Depends on: fuzz, template.
 */
#include "tests/fuzz/fuzz.h"

#include "agent/model/template.h"
#include "common/json.h"

void fuzz_one(const char *text, size_t len)
{
	auto_json cJSON *entry = NULL;
	struct err e = ERR_INIT;
	struct fuzz_parts p;

	fuzz_cut(text, len, &p);
	bool good = template_check(p.v[0], &e) == 0;
	if (p.n > 1)
		(void)json_parse(p.v[1], p.len[1], &entry, &e);
	for (int how = TEMPLATE_PLAIN; good && entry && how <= TEMPLATE_FORM; how++) {
		auto_str struct str out = STR_INIT;

		template_fill(p.v[0], entry, (enum template_escape)how, &out);
	}
	fuzz_parts_done(&p);
}
