/*
 * config_parts - what config.c's parts give each other. Private to config*.c.
 * Depends on: config.
 */
#pragma once

#include "agent/model/config.h"

/* Judge url, branch, tag and credentials together; fills kind, and for ssh the user name. */
int config_check_source(const struct yaml_node *root, const struct key_context *c,
			struct source_config *s);
/* The authority of "scheme://user@host:port/path", from after "//": user may be NULL. Both freed by
 * the caller. */
void config_split_authority(const char *rest, char **user, char **host);
bool config_is_loopback(const char *host);

/* config_reports.c: where events are sent; `at` is a struct reports_config. */
int config_set_webhooks(const struct yaml_node *v, void *at, const struct key_context *c);
extern const struct key_row config_webhook_rows[], config_forge_rows[];
int config_check_report_url(const struct yaml_node *v, const struct key_context *c, const char *url,
			    bool allow_http);
/* config_forge.c: fills in what source.url tells. */
int config_check_forge(const struct yaml_node *root, const struct key_context *c,
		       const struct source_config *s, struct forge_config *f);

/* config_nix.c; at the beginning of a struct config. */
extern const struct key_row config_nix_rows[];

/* config_paths.c: a file of the host. */
int config_set_path(const struct yaml_node *v, void *at, const struct key_context *c);
/* One that is only read: also `credential:NAME`, which becomes $CREDENTIALS_DIRECTORY/NAME, or what
 * the running unit has under that name. */
int config_set_input(const struct yaml_node *v, void *at, const struct key_context *c);

/* config_policy.c */
extern const struct key_row config_policy_rows[];

/* config_verify.c */
extern const struct key_row config_verify_rows[];
int config_check_verify(const struct yaml_node *root, const struct key_context *c,
			const struct source_config *s, struct verify_config *f);
void config_verify_done(struct verify_config *v);
extern const struct key_row config_secrets_rows[]; /* config_secrets.c */
