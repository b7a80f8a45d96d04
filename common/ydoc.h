/*
 * ydoc - one YAML document as a flat list of events, read under budgets. Only common/yaml.c uses
 * it: there the list becomes a tree, and an alias is a second reading of the events of its anchor.
 * Depends on: err, libyaml.
 */
#pragma once

#include "common/err.h"
#include "common/yaml.h"

#include <stdbool.h>
#include <stddef.h>

enum ydoc_kind { YDOC_SCALAR, YDOC_LIST, YDOC_MAP, YDOC_END, YDOC_ALIAS };

struct ydoc_event {
	enum ydoc_kind kind;
	bool quoted; /* a scalar that is text whatever it says: quoted, a block, or tagged !!str */
	bool null_tag; /* tagged !!null */
	int line, column;
	char *text;    /* of a scalar */
	size_t target; /* of an alias: the event that carries the anchor */
};

struct ydoc {
	const char *file;          /* borrowed, for messages */
	struct yaml_limits limits; /* none is 0 */
	struct ydoc_event *events;
	size_t n; /* 0: an empty document */
};

/* Read text into d, which ydoc_done() frees whether this succeeds or not. */
int ydoc_read(struct ydoc *d, const char *text, size_t len, struct err *e);
void ydoc_done(struct ydoc *d);
