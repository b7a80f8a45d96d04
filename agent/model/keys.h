/*
 * keys - one table row per settings key: how it is read from YAML, what it means, its default. The
 * man pages agent.yaml(5) and mdc.yaml(5), the commented file of `init` and the nearest-key hint
 * come from the same rows. Depends on: common, diag.
 */
#pragma once

#include "agent/model/diag.h"
#include "common/yaml.h"

#include <stddef.h>

struct key_context {
	const char *file;    /* for findings */
	const char *project; /* or NULL */
	struct diags *diags; /* where findings go; reading goes on after one */
	const char *key; /* dotted name of the value being read ("health.timeout"), of the map for
			    keys_read(); NULL: the top */
};

struct key_row {
	const char *name;   /* one level: "timeout"; nested tables make "health.timeout"; "": the
			       rows of `below` stand here too, on the same level */
	const char *type;   /* for the manual: "duration", "list of names", "yes or no",
			       "auto|docker|podman" */
	const char *preset; /* the default as a person would write it; NULL: none */
	const char *help;   /* one or two sentences */
	/* Put the value at (char *)base + at; report findings and return -1 when it does not fit.
	 */
	int (*set)(const struct yaml_node *value, void *at, const struct key_context *c);
	size_t at;
	const struct key_row
		*below; /* a nested table (ends with name NULL), read at `at` where set is NULL;
			   beside set: of each entry of a list, for the manual */
};

/*
 * Read a map by its table (ends with a row whose name is NULL). A key that is not in the table is
 * an error with the nearest known one. Returns 0 if nothing was wrong, -1 after at least one
 * finding.
 */
int keys_read(const struct yaml_node *map, const struct key_row *rows, void *base,
	      const struct key_context *c);

/* Add an error at a node; always returns -1. The text begins with the key's name. */
int key_refuse(const struct yaml_node *v, const struct key_context *c, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Index of the scalar in words[0..n), or -1 after an error that names them all and the nearest. */
int key_word(const struct yaml_node *v, const char *const *words, size_t n,
	     const struct key_context *c);

/*
 * Visit the rows and the tables below them, depth first, in order: a table's own row comes before
 * what is below it. Names are dotted and begin with prefix ("" for none). The manual and the
 * commented file of `init` are made by this.
 */
void keys_each(const struct key_row *rows, const char *prefix,
	       void (*each)(const char *name, const struct key_row *row, int depth, void *arg),
	       void *arg);

/* Setters shared by the tables. Each takes the type named. */
int key_set_text(const struct yaml_node *v, void *at, const struct key_context *c); /* char * */
int key_set_texts(const struct yaml_node *v, void *at,
		  const struct key_context *c); /* struct strv; a single text is a list of one */
int key_set_bool(const struct yaml_node *v, void *at, const struct key_context *c); /* bool */
int key_set_count(const struct yaml_node *v, void *at,
		  const struct key_context *c); /* int, 0 to 1 000 000 */
int key_set_duration(const struct yaml_node *v, void *at,
		     const struct key_context *c); /* int64_t ms */
int key_set_percent(const struct yaml_node *v, void *at,
		    const struct key_context *c); /* int, "20%" */
