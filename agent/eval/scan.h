/*
 * scan - one project's Compose files looked at before Compose sees them: settings in x-mdc, files
 * elsewhere in the repository, mistakes that are better told with a line than by a failed
 * deployment. Private to agent/eval. Depends on: eval_parts.
 */
#pragma once

#include "agent/eval/eval_parts.h"
#include "common/digest.h"

struct env_var {
	char *name, *value;
	size_t weight; /* env_weight() of the value */
};
struct env {
	struct env_var *v; /* sorted by name */
	size_t n;
};
void env_parse(const char *text, struct env *to); /* later lines win */
void env_done(struct env *e);
void env_copy(const struct env *from, struct env *to); /* into an empty one */
void env_digest(const struct env *e, char out[DIGEST_HEX_SIZE]);
void env_add(const struct env *from, struct env *to); /* what `to` does not have */
/*
 * What text grows to with every variable put in, up to ENV_WEIGHT_MAX + 1: values may name earlier
 * ones, so that a few lines can make gigabytes of Compose's memory.
 */
enum { ENV_WEIGHT_MAX = 1024 * 1024 };
size_t env_weight(const struct env *e, const char *text);
const char *env_heavy(const struct env *e); /* a variable that is too heavy, or NULL */
/*
 * Text with ${NAME}, $NAME, ${NAME:-default} put in. *open: a variable that is not known was met;
 * the result then ends before it. The caller frees.
 */
char *env_expand(const struct env *e, const char *text, bool *open);

struct service {
	const char *name; /* borrowed from the YAML tree */
	const char *file;
	int line, column;
	bool has_source; /* image, build, extends or provider */
};

struct use {                   /* a name that must be defined somewhere */
	const char *section;   /* "services", "volumes", "networks", "configs", "secrets" */
	const char *by, *file; /* borrowed */
	char *name;
	int line, column;
};

struct scan {
	struct eval *ev;
	struct project *p;
	const struct candidate *c;
	struct diags d;
	struct env env;
	bool on_host;             /* declared in agent.yaml: paths may be anywhere */
	bool incomplete;          /* an include could not be followed: names may be defined there */
	struct yaml_node **roots; /* all parsed files: names below are borrowed from them */
	char **files;             /* their names */
	size_t n_roots;
	struct strv seen; /* "path service" of what was scanned */
	struct service *services;
	size_t n_services;
	struct use *uses, *defined;
	size_t n_uses, n_defined;
	size_t ports;  /* that Compose will make of ranges */
	size_t weight; /* of the texts with variables */
};

/* Where something stands. */
struct place {
	struct scan *s;
	const char *file; /* name for findings */
	const char *dir;  /* what relative paths in it are relative to */
	int depth;        /* of include and extends */
	bool runs; /* its services run: their names and ports count; not so what `extends` reads */
};

void scan_init(struct scan *s, struct eval *ev, struct project *p);
void scan_done(struct scan *s);
/* A finding of this project. */
void scan_note(struct scan *s, enum diag_level level, const char *file, const struct yaml_node *at,
	       const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Findings go to the whole list, the first error becomes why_bad. */
void scan_close(struct scan *s);
/* Keep a parsed file until the end. Returns the kept name. */
const char *scan_keep(struct scan *s, struct yaml_node *root, const char *file);

/* Read and parse a file of the repository. *out is NULL after a finding; borrowed from s. *kept:
 * its name. */
int scan_read(struct scan *s, const char *path, const char *id, const struct yaml_node **out,
	      const char **kept, struct err *e);
/* The text of a file of the repository; *out stays NULL after a finding. The caller frees. */
int scan_text(struct scan *s, const char *path, const char *id, char **out, size_t *len,
	      struct err *e);

/* project.c: from candidate to project. *mine: false if x-mdc gives it to other hosts. */
int scan_project(struct eval *ev, const struct candidate *c, struct project *p, bool *mine,
		 struct err *e);
/* x-mdc of a parsed file into own; what is already set stays. */
void scan_own(struct scan *s, const struct yaml_node *root, const char *file, struct settings *own);

/* composefile.c: walk one parsed file. */
int scan_file(const struct place *p, const struct yaml_node *root, struct err *e);
int scan_one_service(const struct place *p, const char *name, const struct yaml_node *service,
		     struct err *e);

/* includes.c: include and extends. */
int scan_includes(const struct place *p, const struct yaml_node *include, struct err *e);
int scan_extends(const struct place *p, const struct yaml_node *extends, struct err *e);

/* references.c */
enum reference {
	REF_COMPOSE,  /* include, extends: must be a file of the repository */
	REF_ENV,      /* env_file, label_file: likewise */
	REF_OPTIONAL, /* env_file that need not exist */
	REF_FILE,     /* configs, secrets: may also be on the host */
	REF_BIND,     /* mounts: may be made by the engine */
	REF_BUILD,    /* build contexts: may be a URL */
};
/*
 * Judge a path as written at `at`. *path (the caller frees) and *id are set when it is a file or
 * directory of the repository; otherwise *path stays NULL.
 */
int scan_reference(const struct place *p, enum reference how, const char *what,
		   const struct yaml_node *at, char **path, struct err *e);

/* service_checks.c, ports.c, names.c */
void scan_service_keys(const struct place *p, const char *name, const struct yaml_node *service);
void scan_top_keys(const struct place *p, const struct yaml_node *root);
void scan_claims(const struct place *p,
		 const struct yaml_node *service); /* ports and container name */
/* A name that must be defined in a section by the end. */
void scan_use(const struct place *p, const char *section, const char *by,
	      const struct yaml_node *at, const char *name);
void scan_define(const struct place *p, const char *section, const struct yaml_node *map);
/* After all files: names that nothing defines, services without an image, settings that name what
 * is not there. */
void scan_check_names(struct scan *s);
/* Variables in a parsed file: what Compose would make of them has a limit. (weigh.c) */
void scan_weigh(struct scan *s, const char *file, const struct yaml_node *root);
/* The same for the text of an env file; base: what is known already. */
void scan_weigh_env(struct scan *s, const char *file, const struct env *env);
/* Symlinks, submodules and budgets below a directory of the repository. */
int scan_walk(struct scan *s, const char *path, const char *id, struct err *e);
