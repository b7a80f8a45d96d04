/*
 * yaml - any text as a YAML document: whatever comes out keeps its promises.
 * Depends on: fuzz, yaml.
 */
#include "tests/fuzz/fuzz.h"

#include "common/str.h"
#include "common/yaml.h"

#include <string.h>

static size_t walk(const struct yaml_node *n, size_t depth)
{
	size_t nodes = 1;

	FUZZ_CHECK(depth <= 66);
	FUZZ_CHECK(n->line >= 1 && n->column >= 1);
	if (n->kind == YAML_SCALAR)
		FUZZ_CHECK(n->text != NULL);
	for (size_t i = 0; n->kind == YAML_MAP && i < n->n; i++) {
		const char *key = n->pairs[i].key;

		FUZZ_CHECK(yaml_pair_of(n, key) == &n->pairs[i]); /* no key twice */
		nodes += walk(&n->pairs[i].value, depth + 1);
	}
	for (size_t i = 0; n->kind == YAML_LIST && i < n->n; i++)
		nodes += walk(&n->items[i], depth + 1);
	return nodes;
}

void fuzz_one(const char *text, size_t len)
{
	struct err e = ERR_INIT;
	auto_yaml struct yaml_node *root = NULL;

	if (yaml_parse(text, len, "x.yaml", NULL, &root, &e) < 0) {
		FUZZ_CHECK(root == NULL && e.kind == ERR_REJECTED);
		FUZZ_CHECK(str_starts(e.cause, "x.yaml"));
		return;
	}
	FUZZ_CHECK(walk(root, 0) <= 300000);
}
