/*
 * eval_parts - what the parts of eval give each other. Private to agent/eval.
 * Depends on: eval, model, common.
 */
#pragma once

#include "agent/eval/eval.h"
#include "common/yaml.h"

#include <stdbool.h>
#include <stddef.h>

enum {
	COMPOSE_MAX_BYTES = 256 * 1024, /* of a Compose file, a manifest, an env file */
	PROJECTS_MAX = 5000,
	DISCOVER_DEPTH = 3,
	DISCOVER_MAX_DIRS = 20000,
	GROUP_DEPTH = 8,
	INCLUDE_DEPTH = 8,
	INCLUDE_FILES = 64,
};

/* ---- tree.c: the repository's directories, each read at most once ---- */

struct eval_tree;
struct listing {
	struct tree_entry *v; /* sorted by name; names are owned */
	size_t n;
};
struct spot { /* what stands at a path */
	char id[OBJECT_ID_SIZE];
	enum entry_kind kind;
	char *link; /* a symlink or submodule on the way to it: its path; kind is the link's */
};

struct eval_tree *eval_tree_new(const struct tree_reader *reader, const char *root);
void eval_tree_free(struct eval_tree *t);
/* The directory at path, whose id is known. Borrowed. */
int eval_tree_list(struct eval_tree *t, const char *path, const char *id,
		   const struct listing **out, struct err *e);
/* What stands at a resolved path ("." is the root)? The caller frees out->link. */
int eval_tree_find(struct eval_tree *t, const char *path, struct spot *out, bool *found,
		   struct err *e);
const struct tree_entry *listing_find(const struct listing *l, const char *name);

/* ---- manifest.c ---- */

struct group {
	char *name;
	int line, column;
	struct strv members;
};
struct listed { /* an entry of `projects:` */
	char *name;
	int line, column;
	struct settings settings;
	bool hosts_wrong; /* its hosts could not be read: nobody knows whose it is */
	char *why_bad;    /* or NULL */
};
struct manifest {
	char *file; /* as a person would name it, or NULL: there is none */
	char id[OBJECT_ID_SIZE];
	int version;
	bool atomic, lists; /* lists: only the listed projects are projects */
	struct group *groups;
	size_t n_groups;
	struct settings defaults;
	struct listed *projects;
	size_t n_projects;
};
void manifest_init(struct manifest *m);
void manifest_done(struct manifest *m);
/* Read a manifest's text. ERR_REJECTED with file:line:column. */
int manifest_parse(const char *text, size_t len, const char *file, struct diags *d,
		   struct manifest *out, struct err *e);

/* ---- hosts.c ---- */

struct host_view; /* which groups one host is in */
struct host_view *host_view_new(const struct manifest *m, const char *host);
void host_view_free(struct host_view *v);
AUTO_PTR(host_view_free, struct host_view)
bool host_matches(struct host_view *v, const struct strv *hosts); /* an empty list is every host */
/* The first "@group" of the list that the manifest does not have, or NULL. Borrowed. */
const char *hosts_unknown_group(const struct manifest *m, const struct strv *hosts);
/* Unknown groups, cycles and too deep nesting among the groups; findings at their lines. */
int hosts_check_groups(const struct manifest *m, struct diags *d);
/* Could one host run both? Tried with every host name that the repository mentions. */
bool hosts_overlap(const struct manifest *m, const struct strv *names, const struct strv *a,
		   const struct strv *b);
/* Add the plain names of a list; groups' members are lists of their own. */
void hosts_collect(const struct strv *hosts, struct strv *names);

/* ---- eval.c ---- */

struct eval {
	const struct eval_input *in;
	struct diags *d; /* never NULL */
	struct eval_result *out;
	struct eval_tree *tree; /* NULL in classic mode */
	struct manifest manifest;
	struct host_view *here;
	struct strv doubles; /* names that two evaluators give */
	struct strv names;   /* of every project, those of other hosts included */
};

struct evaluator {
	const char *name;
	int (*run)(struct eval *ev, struct err *e); /* adds to ev->out->projects and ev->names */
};
extern const struct evaluator *const evaluators[]; /* ends with NULL; evaluators.c */
extern const struct evaluator evaluator_files, evaluator_flake, evaluator_declared;

/* declared.c: evaluate one project whose Compose files lie on this host, and add it. */
int declared_evaluate(struct eval *ev, const struct declared_project *d, struct err *e);

/* Append; takes what p holds. */
void eval_add(struct eval *ev, struct project *p);
/* Is the project of these hosts ours? In `check` every one is. */
bool eval_is_ours(struct eval *ev, const struct strv *hosts);
/* What the current generation deployed under this name, or NULL. */
const struct project *eval_known(const struct eval *ev, const char *name);
/* The repository's path of something below the starting point. The caller frees. */
char *eval_path(const struct eval *ev, const char *below);
/* Give p a reason why it cannot be deployed, if it has none, and the finding. */
void eval_bad(struct eval *ev, struct project *p, const struct diag *at);

/* The finding of an error whose cause may begin with "file:line:column: ". (scan.c) */
void eval_cause(struct diags *d, const char *file, const char *project, const char *cause);

/* ---- discover.c ---- */

struct candidate {
	char *name, *path;
	char id[OBJECT_ID_SIZE];
	const struct listed *listed; /* or NULL: discovered */
	char *why_bad;               /* or NULL; the finding is already made */
};
struct candidates {
	struct candidate *v;
	size_t n;
};
void candidates_done(struct candidates *l);
struct candidate *candidates_add(struct candidates *l, const char *name, const char *path);
int discover(struct eval *ev, struct candidates *out, struct err *e);
/* The usual Compose files of a directory, in order; none: *out stays empty. */
void discover_files(const struct listing *l, struct strv *out);

/* ---- reuse.c: what is known need not be read ---- */

/* *done: p was filled from the current generation. p holds name, path, tree. */
int reuse_known(struct eval *ev, const struct candidate *c, struct project *p, bool *done,
		struct err *e);
/* Effective settings: listed, then own, then defaults. s is initialised. */
void merge_settings(const struct eval *ev, const struct listed *l, const struct settings *own,
		    struct settings *s);
/* Is this a project that its own files give to other hosts, as the current generation remembers? */
bool reuse_other(struct eval *ev, const struct candidate *c);
const char *known_other(const struct eval *ev, const char *id,
			const char *path); /* its record, or NULL */
void remember_other(struct eval *ev, const struct candidate *c, const struct strv *hosts);

/* ---- between.c: what only shows between projects ---- */
void check_between(struct eval *ev);
void check_clashes(struct eval *ev); /* clash.c */
