/*
 * secrets - encrypted files of a project. Plaintext is only in memory and below
 * runtime_dir/secrets/<project>, which is in memory too: the files that containers mount for as
 * long as the project is deployed, and the model with its values for as long as Compose reads it.
 * What is kept (models, generations) has placeholders in place of values. Private to flow. Depends
 * on: staging.h, trial.h.
 */
#pragma once

#include "agent/flow/staging.h"

/* A member of the model, which Compose ignores: {"env": {path: id}, "files": {path: id}}, paths as
 * in active.files. */
#define SECRETS_KEY "x-mdc-secrets"

/* ---- secrets_open.c ---- */
/*
 * The plaintext of a file; `name` is what a person calls it. ERR_RETRY: says what is missing. The
 * caller frees it with secret_forget().
 */
int secret_open(const struct config *c, const char *name, const char *file, char **out, size_t *len,
		struct err *e);
void secret_forget(char *text, size_t len); /* wipes and frees */

/* ---- secrets_env.c: NAME=value lines. Values are taken as they stand, quotes are taken off. ----
 */
struct secret_values {
	char **names, **values;
	size_t n;
};
int secret_values_parse(const char *text, struct secret_values *out, struct err *e);
void secret_values_done(struct secret_values *v);
#define auto_secret_values AUTO(secret_values_done)

/* ---- secrets_stage.c ---- */
struct secret_file {
	const struct live_file *file; /* borrowed from trial->new */
	char *mirror;                 /* where it stands while staging */
	char *why;                    /* it cannot be read; else NULL */
	struct secret_values values;
	bool is_env;
};
struct secrets {
	struct secret_file *v;
	size_t n;
};
void secrets_done(struct secrets *s);
#define auto_secrets AUTO(secrets_done)
/* Before rendering: env files of the mirror get placeholders for their values. */
int secrets_prepare(struct staging *g, struct secrets *s, struct err *e);
/* A rendering failed: was it for want of a secret? Then e says that. */
void secrets_explain(const struct secrets *s, struct err *e);
/* After labelling: paths of encrypted files become those of the plaintext, and the model says which
 * it needs. Call with the model already relocated. */
int secrets_redirect(struct staging *g, const struct secrets *s, struct err *e);

/* ---- secrets_put.c ---- */
/*
 * Put in place what this record's model mounts, and fill its values into a model of its own. *model
 * (the caller frees) is what Compose is to read: NULL if the kept one will do.
 */
int secrets_put(struct sync *s, const struct active *a, char **model, struct err *e);
void secrets_filled_done(const char *model); /* remove it */
/* Can everything that this record needs be decrypted? Nothing is written. */
int secrets_check(struct sync *s, const struct active *a, struct err *e);
/* Remove what `keep` does not need (NULL: everything of the project). */
void secrets_prune(struct sync *s, const char *project, const struct active *keep);
/* What a person calls it: its path in the repository. The caller frees. */
char *secrets_name(const struct project *w, const char *path);
char *secrets_dir(const struct config *c, const char *project);
/* The path of a file's plaintext; path as in active.files. */
char *secrets_path(const struct config *c, const char *project, const char *path);

/* ---- secrets_boot.c ---- */
/* Once a boot, or `again`: put in place what deployed projects mount. */
int secrets_boot(struct sync *s, bool again, struct err *e);

/* ---- secrets_fill.c ---- */
void secret_placeholder(const char *id, const char *name, char out[64]);
struct secret_table; /* placeholder -> value */
struct secret_table *secret_table_new(void);
void secret_table_add(struct secret_table *t, const char *id, const struct secret_values *v);
/* Every placeholder in every string of the model; ERR_BROKEN if one is not in the table. */
int secret_table_fill(const struct secret_table *t, cJSON *model, struct err *e);
void secret_table_free(struct secret_table *t);
AUTO_PTR(secret_table_free, struct secret_table)
