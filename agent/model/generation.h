/*
 * generation - the numbered record of what belongs on this host, and each project's own record of
 * what holds. Depends on: common, project.
 */
#pragma once

#include "agent/model/project.h"
#include "common/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct commit_info {
	char id[OBJECT_ID_SIZE]; /* "" for none (classic mode) */
	char tree[OBJECT_ID_SIZE];
	char *subject, *author; /* printable, cut; may be NULL */
	int64_t time;           /* committer time; only shown */
};
void commit_info_done(struct commit_info *c);
void commit_info_copy(struct commit_info *to, const struct commit_info *from);
cJSON *commit_info_to_json(const struct commit_info *c);
void commit_info_from_json(const cJSON *j, struct commit_info *c); /* c is overwritten, not freed */

/* A file of a project as it stands in live/. */
struct live_file {
	char *path; /* below live/<project>/ */
	char id[OBJECT_ID_SIZE];
	bool executable;
};

/* An image as pinned in a model. */
struct pinned_image {
	char *service, *ref; /* as in the Compose file; for build: the name Compose gives it */
	char *pin;           /* what stands in the model: name:tag@sha256:... or sha256:<id> */
	char *id;            /* the engine's image id */
};

/* What holds for one project: projects/<name>/active.json, and its entry in a generation. */
struct active {
	struct project want; /* as evaluated when it was deployed */
	struct commit_info commit;
	char model[DIGEST_HEX_SIZE]; /* digest of its model; the text is
					projects/<name>/models/<digest>.json */
	struct live_file *files;
	size_t n_files;
	struct pinned_image *images;
	size_t n_images;
	cJSON *hashes; /* service -> Compose's config hash as the containers carried it; never NULL
			  once filled */
	int64_t since; /* wall clock of its commit */
	int64_t generation; /* the generation that brought it */
};
void active_init(struct active *a);
void active_done(struct active *a);
void active_copy(struct active *to,
		 const struct active *from); /* deep; into an initialised struct */
#define auto_active AUTO(active_done)
cJSON *active_to_json(const struct active *a);
/* With the commit's id only: a generation names each commit once, in a table of its own. */
cJSON *active_to_short_json(const struct active *a);
void active_from_json(const cJSON *j, struct active *a); /* a is overwritten, not freed */

enum entry_status {
	ENTRY_GOOD, /* deployed as wanted */
	ENTRY_HELD, /* wanted something newer that failed or was not tried; `active` is what runs */
	ENTRY_MISSING, /* wanted, never came up; nothing of it holds */
};
const char *entry_status_name(enum entry_status s);
enum entry_status entry_status_parse(const char *name);

struct generation_entry {
	char *name;
	enum entry_status status;
	char *why;            /* for held and missing: the reason in words; else NULL */
	struct active active; /* empty (files, model) when missing */
	bool borrowed;        /* active belongs to another generation, which outlives this one */
	char *text; /* its line as it was read: written again as it is. NULL: made from the rest */
};

struct generation {
	int64_t number;
	struct commit_info commit;
	int64_t made;      /* wall clock */
	char *source;      /* URL without credentials */
	char *host_config; /* the host's own side: the digest of agent.yaml, and on NixOS ... */
	char *host_system; /* ... the system that was current; or NULL */
	char *cause;       /* "sync", "rollback to 41", "retry", ... */
	struct generation_entry *v; /* sorted by name */
	size_t n;
	struct strv others; /* as eval_result.others: what evaluating need not read again */
};
void generation_done(struct generation *g);
#define auto_generation AUTO(generation_done)
cJSON *generation_to_json(const struct generation *g);
void generation_from_json(const cJSON *j, struct generation *g); /* g is overwritten, not freed */
/* The same in parts, as they stand on disk: everything but the projects, and one project each. */
cJSON *generation_head_to_json(const struct generation *g);
void generation_head_from_json(const cJSON *j, struct generation *g); /* g is overwritten */
cJSON *generation_entry_to_json(const struct generation_entry *x);
void generation_entry_from_json(const cJSON *j, const cJSON *commits, struct generation_entry *x);
void generation_sort(struct generation *g);
const struct generation_entry *generation_find(const struct generation *g, const char *name);
