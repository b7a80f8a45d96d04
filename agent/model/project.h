/*
 * project - one Compose project as the repository or agent.yaml wants it: the result of evaluating.
 * Depends on: common, settings, tree_reader.
 */
#pragma once

#include "agent/model/settings.h"
#include "agent/model/tree_reader.h"
#include "common/digest.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

/* A file or directory of the repository outside the project's own directory that it reads. */
struct elsewhere {
	char *path; /* relative to the repository's root */
	char id[OBJECT_ID_SIZE];
	enum entry_kind kind;
};

struct project {
	char *name;
	char *path; /* its directory in the repository ("." for the root); declared: the directory
		       of its first file on this host */
	bool declared; /* from agent.yaml: tree holds just its Compose files, named as in `files` */
	char tree[OBJECT_ID_SIZE]; /* id of the directory */
	struct strv files;     /* Compose files to give to Compose, relative to path, in order */
	struct strv env_files; /* relative to path; declared: absolute */
	struct elsewhere *elsewhere;
	size_t n_elsewhere;
	struct settings settings; /* effective */
	/*
	 * What evaluating learned from its files, so that an unchanged project need not be read
	 * again. Not part of the digest: `settings` and the ids say it all.
	 */
	struct settings own;          /* what x-mdc of its Compose files says, before defaults */
	struct strv claims;           /* "port tcp/80 0.0.0.0 web/compose.yaml:4:9", "container web
					 web/compose.yaml:5:5" */
	char digest[DIGEST_HEX_SIZE]; /* over all of the above: equal means nothing to do */
	char *why_bad; /* it cannot be deployed as it is: "web/compose.yaml:3:1: ..."; NULL: fine */
};

struct projects {
	struct project *v; /* sorted by name, names unique */
	size_t n;
};

#define PROJECTS_INIT                                                                              \
	{                                                                                          \
		.n = 0                                                                             \
	}

/* What Compose knows it by: its -p, and the label of what it made. Borrowed. */
const char *project_compose_name(const struct project *p);

void project_init(struct project *p);
void project_done(struct project *p);
void project_copy(struct project *to,
		  const struct project *from); /* deep; `to` is overwritten, not freed */
void projects_done(struct projects *l);
#define auto_projects AUTO(projects_done)
const struct project *projects_find(const struct projects *l, const char *name); /* or NULL */

/* Compute digest from the other fields. Pure. */
void project_seal(struct project *p);

cJSON *project_to_json(const struct project *p);
void project_from_json(const cJSON *j, struct project *p); /* p is overwritten, not freed */
cJSON *projects_to_json(const struct projects *l);
void projects_from_json(const cJSON *j, struct projects *l); /* l is overwritten, not freed */
const char *entry_kind_name(enum entry_kind k); /* "file", "exec", "dir", "symlink", "submodule" */
enum entry_kind
entry_kind_parse(const char *name); /* an unknown name is ENTRY_SUBMODULE: nothing reads that */
