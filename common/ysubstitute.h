/*
 * ysubstitute - literal ${key} in a YAML text, replaced by values that arrive as they are, whatever
 * characters they hold: each scalar with such a key is written anew, quoted, with dollars doubled
 * for Compose. Depends on: err, mem, str, strv, file, libyaml.
 */
#pragma once

#include "common/auto.h"
#include "common/err.h"
#include "common/strv.h"

#include <stdbool.h>
#include <stddef.h>

struct substitution {
	char *key, *value;
	bool secret; /* from a file, or holds one that is */
};
struct substitutions {
	struct substitution *v;
	size_t n;
	struct strv hidden; /* what substitutions_mask() looks for, longest first */
};
void substitutions_done(struct substitutions *s);
#define auto_substitutions AUTO(substitutions_done)

/*
 * texts: "key=value"; files: "key=/path", whose content counts without its last newline. A text
 * that names a key of files gets its content. ERR_RETRY if a file cannot be read, ERR_REJECTED for
 * what is no text or has more than 64 KiB. *out is to be freed.
 */
int substitutions_read(const struct strv *texts, const struct strv *files,
		       struct substitutions *out, struct err *e);

/*
 * The text with every scalar's ${key} replaced; lines keep their numbers. Comments, and a text that
 * is no YAML, stay as they are. The caller frees.
 */
char *substitute_yaml(const struct substitutions *s, const char *text, size_t len);

/* The text with each secret value in it as "***"; the caller frees. Values of less than four bytes
 * are not looked for. */
char *substitutions_mask(const struct substitutions *s, const char *text);
