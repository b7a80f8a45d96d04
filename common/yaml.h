/*
 * yaml - one YAML document as a tree with line numbers, read through libyaml's event API under hard
 * budgets (the document API is quadratic in anchors and depth, and aliases can
 * be cyclic). Depends on: err, mem.
 */
#pragma once

#include "common/auto.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>

enum yaml_kind { YAML_NULL, YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
	enum yaml_kind kind;
	int line, column;        /* from 1; where the value stands */
	char *text;              /* YAML_SCALAR; also the source text ("~", "") of YAML_NULL */
	bool quoted;             /* the scalar was quoted, so "yes" is text and not a truth value */
	struct yaml_pair *pairs; /* YAML_MAP, in file order; no key twice */
	struct yaml_node *items; /* YAML_LIST */
	size_t n;                /* of pairs or items */
};

struct yaml_pair {
	char *key;
	int line, column; /* where the key stands */
	struct yaml_node value;
};

struct yaml_limits {
	size_t max_bytes, max_events, max_depth, max_anchors, max_alias_nodes; /* 0: the default */
};
/* Defaults: 256 KiB, 100 000, 64, 256, 100 000. */

/*
 * Parse text. Merge keys (`<<`) are applied, aliases are copied within the budget, an alias to an
 * open ancestor, a duplicate key, a second document or a tag that is not of the core schema is an
 * error. Compose's own `!reset` and `!override` tags are accepted. On failure e is ERR_REJECTED and
 * its cause begins "file:line:column: "; file is only used for that text. An empty document is
 * YAML_NULL. The caller frees *out with yaml_free().
 */
int yaml_parse(const char *text, size_t len, const char *file, const struct yaml_limits *limits,
	       struct yaml_node **out, struct err *e);
void yaml_node_free(struct yaml_node *root);
/* Inline on purpose: libyaml calls a function of this name itself, and one of ours would take its
 * place. */
static inline void yaml_free(struct yaml_node *root)
{
	yaml_node_free(root);
}
AUTO_PTR(yaml_free, struct yaml_node)
#define auto_yaml AUTO(yaml_free_at)

/* The value of a key, or NULL (also if n is not a map). */
const struct yaml_node *yaml_get(const struct yaml_node *n, const char *key);
/* The pair of a key, for its line. */
const struct yaml_pair *yaml_pair_of(const struct yaml_node *n, const char *key);
/* The scalar text, or NULL for anything else. */
const char *yaml_text(const struct yaml_node *n);
const char *yaml_kind_name(enum yaml_kind kind); /* "list", for messages */
