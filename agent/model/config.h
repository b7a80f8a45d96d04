/*
 * config - the host's settings, agent.yaml.
 * Depends on: common, keys, settings.
 * To add a key: a field, a row in config_rows.c, its default in config.c; the manual and `init`
 * follow.
 */
#pragma once

#include "agent/model/diag.h"
#include "agent/model/policy.h"
#include "agent/model/reports.h"
#include "agent/model/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* FLAKE: the projects are what `nix eval` gives for the repository's flake. */
enum evaluator_kind { EVALUATOR_FILES, EVALUATOR_FLAKE };
/* HTTP: https, and http to loopback only. */
enum source_kind { SOURCE_NONE, SOURCE_FILE, SOURCE_HTTP, SOURCE_SSH };

struct source_config {
	char *url;             /* as given; "" or NULL: classic mode, no repository */
	enum source_kind kind; /* from the url */
	char *branch;          /* default "main"; exclusive with tag */
	char *tag;             /* glob: the newest (version order) tag that matches; or NULL */
	char *path;            /* where the manifest and discovery start, "." */
	int64_t poll_ms;
	char *username; /* http: default "git"; ssh: from the url, else "git" */
	char *token_file, *ssh_key_file, *known_hosts_file, *ca_file;
	int64_t timeout_ms; /* of one fetch; default 2m */
	enum evaluator_kind evaluator;
	char *flake_attribute; /* or NULL: mdcAgent.<host> */
	int64_t max_age_ms;    /* without a new commit for so long: told; 0: never */
};

enum verify_mode { VERIFY_OFF, VERIFY_HEAD, VERIFY_STRICT, VERIFY_TAG };

/* Whose commits are accepted (config_verify.c). */
struct verify_config {
	enum verify_mode mode;
	char *allowed_signers, *revoked; /* SSH; or NULL */
	struct strv principals;          /* of allowed_signers; empty: all of them */
	struct strv openpgp_keys;        /* files */
	struct strv fingerprints;        /* full, upper case; empty: every key of those files */
	char *initial_commit;            /* the first commit must come after it; or NULL */
	int max_commits;                 /* strict: most between anchor and head; 1000 */
};

enum engine_kind { ENGINE_AUTO, ENGINE_DOCKER, ENGINE_PODMAN };
enum drift_policy { DRIFT_REPORT, DRIFT_REPAIR };

struct retention_config {
	int generations;        /* 10 */
	int snapshots;          /* 5 */
	int64_t failed_data_ms; /* 7d */
	int snapshot_share;     /* percent, 20 */
};

struct snapshots_config {
	char *dir;       /* where copies go; NULL: chosen by file system */
	bool subvolumes; /* false */
	char *command;   /* the host's own program, for the driver `command`; or NULL */
	int min_free;    /* percent of the file system that must stay free, 5 */
};

struct secrets_config {
	char *age_key_file;  /* identities of age, also for sops; or NULL */
	char *sops_env_file; /* NAME=value lines for sops: keys in a KMS, Vault, PGP; or NULL */
	char *exec;          /* a program that prints the value of a name; or NULL */
};

struct declared_project { /* `projects:` of agent.yaml */
	char *name;
	int line;
	struct settings settings;
};

struct config {
	char *file;   /* where it was read from */
	char *digest; /* of the file's text: a change makes the next sync a full one */
	struct source_config source;
	struct verify_config verify;
	char *host;
	enum engine_kind engine;
	char *socket;  /* of the engine, or NULL: the usual places */
	char *compose; /* path of the Compose plugin, or NULL: the usual places */
	char *state_dir, *runtime_dir;
	char *gc_roots_dir;    /* where Nix's garbage collector finds roots of ours */
	bool remove_unmanaged; /* Compose projects that are not ours are taken down */
	char *metrics_file;    /* for node_exporter's textfile collector; or NULL */
	int parallel;          /* 2 */
	enum drift_policy drift;
	struct settings defaults;
	struct retention_config retention;
	struct reports_config reports;
	struct snapshots_config snapshots;
	struct policy policy;
	struct secrets_config secrets;
	struct declared_project *projects;
	size_t n_projects;
};

/*
 * Read the parsed text of agent.yaml. `file` is copied. Defaults are filled in (host: the host
 * name; state_dir: /var/lib/mdc-agent; runtime_dir: /run/mdc-agent). 0, or -1 with findings in d
 * and e ERR_USAGE whose cause is the first finding.
 */
int config_read(const struct yaml_node *root, const char *file, struct diags *d, struct config *out,
		struct err *e);
void config_done(struct config *c);
/*
 * Read a map of names to settings, as `projects` of agent.yaml is one, from elsewhere. Fills
 * projects and n_projects of a config that is zero otherwise; -1 with findings in d.
 */
int config_read_projects(const struct yaml_node *map, const char *file, struct diags *d,
			 struct config *out);
#define auto_config AUTO(config_done)

/* config_policy.c: the map below `policy` alone, for `check --policy`. */
struct key_context;
int config_read_policy(const struct yaml_node *v, struct policy *out, const struct key_context *c);

const struct key_row *config_rows(void); /* for the manual and `init` */
