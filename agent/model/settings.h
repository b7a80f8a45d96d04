/*
 * settings - what one project is to be deployed like: from mdc.yaml, x-mdc and defaults.
 * A value is only meaningful when it was set; settings_finish() fills the built-in defaults in.
 * Depends on: common, keys.
 * To add a key: a field, a row in settings_rows.c (reading, manual) and a row in settings.c
 * (merging, JSON).
 */
#pragma once

#include "agent/model/keys.h"
#include "common/strv.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

enum pull_policy { PULL_UNSET, PULL_ALWAYS, PULL_MISSING, PULL_NEVER };
enum on_remove { ON_REMOVE_UNSET, ON_REMOVE_DOWN, ON_REMOVE_STOP, ON_REMOVE_KEEP };
enum quiesce { QUIESCE_UNSET, QUIESCE_STOP, QUIESCE_PAUSE, QUIESCE_NONE };
enum restore { RESTORE_UNSET, RESTORE_AUTO, RESTORE_MANUAL, RESTORE_NEVER };
enum driver_choice { /* the words are the drivers' names */
		     DRIVER_UNSET,
		     DRIVER_AUTO,
		     DRIVER_BTRFS,
		     DRIVER_REFLINK,
		     DRIVER_COPY,
		     DRIVER_ZFS,
		     DRIVER_COMMAND,
};
enum tristate { TRI_UNSET, TRI_NO, TRI_YES };

enum { DURATION_UNSET = -1 };

struct health_settings {
	int64_t timeout_ms, settle_ms; /* DURATION_UNSET when not given */
	struct strv http;              /* URLs that must answer 2xx or 3xx */
	struct strv units;             /* systemd units that must be active */
};

struct snapshot_settings {
	enum tristate all_volumes; /* `volumes: all` is yes, `none` is no with an empty list */
	struct strv volumes;       /* a list of names: these, and all_volumes is no */
	struct strv paths; /* host paths beside them; "./x": below the project's directory */
	enum quiesce quiesce;
	enum restore restore;          /* for every volume that is not in ... */
	struct strv restore_by_volume; /* ... "volume=auto|manual|never" each; a path as in paths */
	enum driver_choice driver;     /* unset: as DRIVER_AUTO; the same two fields */
	struct strv driver_by_volume;
};

struct hook {
	char *service;       /* the command runs in this service's container */
	struct strv command; /* empty: no hook */
	int64_t timeout_ms;  /* DURATION_UNSET: 5 m */
};

/* Whether and how the host's /nix/store is mounted; read_only unset: it is not. */
struct store_mount {
	struct strv services; /* empty: every one */
	enum tristate read_only, nix_daemon;
};

/* What only agent.yaml and the evaluator `flake` may say. */
struct host_settings {
	char *project_name;                   /* Compose's -p; NULL: the project's name */
	struct strv substitutions;            /* "key=text" */
	struct strv substitutions_from_files; /* "key=/path" */
	struct strv images;                   /* see settings_image() */
	struct strv requires_mounts;
	int64_t down_timeout_ms; /* DURATION_UNSET: each container's own */
	struct store_mount store;
};

struct settings {
	char *path;        /* of the project's directory in the repository; NULL: its name */
	struct strv files; /* Compose files relative to path; empty: the usual names */
	struct strv compose_files; /* agent.yaml only: absolute host paths */
	struct strv hosts;         /* names, globs, @groups; empty: every host */
	struct strv after;         /* projects that must be good first */
	struct strv env_files, profiles;
	bool has_profiles; /* `profiles: []` differs from none given */
	enum pull_policy pull;
	enum on_remove on_remove;
	struct health_settings health;
	struct snapshot_settings snapshot;
	struct hook before_snapshot, after_snapshot;
	enum tristate suspend; /* never touch this project for now */
	enum tristate adopt;   /* take over containers of this name that are not ours yet */
	struct host_settings host;
};

void settings_init(struct settings *s); /* all unset */
void settings_done(struct settings *s);

/* The table of a project's keys; those of the host's part are refused outside agent.yaml by the
 * reader's `host_side`. */
const struct key_row *settings_rows(void);
extern const struct key_row settings_host_rows[]; /* the host's part; settings_host.c */
bool settings_is_host_key(const char *name);      /* dotted names too */
/* The part of it that may stand under `defaults:` (no path, files, hosts, after, compose_files,
 * adopt). */
const struct key_row *settings_default_rows(void);

/* Read a map into s (initialised). host_side: it comes from agent.yaml. 0, or -1 after findings. */
int settings_read(const struct yaml_node *map, bool host_side, const struct key_context *c,
		  struct settings *s);

/* The same for a map of defaults: the keys of settings_default_rows(). */
int settings_read_defaults(const struct yaml_node *map, const struct key_context *c,
			   struct settings *s);

/* How this volume is to be restored by these settings (finished ones). */
enum restore settings_restore_of(const struct settings *s, const char *volume);
/* The driver these settings ask for by name, or NULL: by what the file system can do. */
const char *settings_driver_of(const struct settings *s, const char *volume);

/* An image that is loaded from a file of this host. */
struct image_source {
	char service[256], ref[1024], path[4096];
	bool stream; /* path is a program that writes the archive */
};
/* The i-th of `images`; false when there are no more. */
bool settings_image(const struct settings *s, size_t i, struct image_source *out);

/* "stop", "auto", ... for messages and JSON; "" when unset. */
const char *quiesce_name(enum quiesce q);
const char *restore_name(enum restore r);
const char *pull_policy_name(enum pull_policy p);
const char *on_remove_name(enum on_remove r);

/* Whatever is unset in `into` is taken from `from`. */
void settings_merge(struct settings *into, const struct settings *from);
bool settings_equal(const struct settings *a, const struct settings *b);
/* Built-in defaults for what is still unset: health 3m/10s, pull missing, on_remove down, ... */
void settings_finish(struct settings *s);

/* Plain JSON and back, complete: what a generation records and the digest is made from. */
cJSON *settings_to_json(const struct settings *s);
/* Without what is as settings_finish() would fill it in: call that after reading it back. */
cJSON *settings_to_short_json(const struct settings *s);
void settings_from_json(const cJSON *j, struct settings *s);
