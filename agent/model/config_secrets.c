/*
 * config_secrets - the table of keys below `secrets`. Depends on: keys, config_paths.
 */
#include "agent/model/config_parts.h"

#define AT(member) offsetof(struct secrets_config, member)
const struct key_row config_secrets_rows[] = {
	{"age_key_file", "absolute path or credential:NAME", NULL,
	 "The identities that decrypt *.age files, and *.sops.* files with age keys. Its mode must be 0600 "
	 "or stricter.",
	 config_set_input, AT(age_key_file), NULL},
	{"sops_env_file", "absolute path or credential:NAME", NULL,
	 "A file of NAME=value lines, the environment of sops for keys in a KMS, in Vault or in a PGP home. "
	 "Its mode must be 0600 or stricter.",
	 config_set_input, AT(sops_env_file), NULL},
	{"exec", "absolute path", NULL,
	 "A program of this host that prints a secret: for *.secret files, which hold the name to ask for.",
	 config_set_path, AT(exec), NULL},
	{.name = NULL},
};
#undef AT
