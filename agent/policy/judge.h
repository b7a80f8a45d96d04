/*
 * judge - what a resolved model asks of the host, held against the policy. The model is what
 * Compose printed: interpolation, extends, anchors and short forms are gone, so there is one form
 * to look at. Reads nothing but the host's symbolic links below paths that are mounted.
 * Depends on: common, model/policy.
 * To look for more: a function in the file it belongs to, and a call in judge.c; a rule's name and
 * presets stand in model/policy.def.
 */
#pragma once

#include "agent/model/diag.h"
#include "agent/model/policy.h"
#include "common/auto.h"
#include "common/strv.h"

#include <cjson/cJSON.h>
#include <stdbool.h>

/* Where in the model something stands, and what to look for in the project's files. */
struct policy_place {
	const char *section; /* "services", "volumes", ...; "": the model itself */
	const char *name;    /* of the service or volume; NULL with section "" */
	const char *key;     /* dotted: "deploy.resources.reservations.devices" */
	/* Texts that tell one entry of the key from others, the best first; NULL: none. */
	const char *text, *other;
};

struct policy_finding {
	enum policy_rule rule;
	enum policy_action action;                 /* warn or deny */
	char *section, *name, *key, *text, *other; /* its place, owned */
	char *what;                                /* "service web: mounts /etc" */
	char *allow;                               /* what to write below `policy` to allow it */
};

struct policy_findings {
	struct policy_finding *v;
	size_t n, denied;
	bool cut; /* more than POLICY_FINDINGS_MAX */
};
enum { POLICY_FINDINGS_MAX = 100 };
void policy_findings_done(struct policy_findings *f);
#define auto_policy_findings AUTO(policy_findings_done)

struct policy_call {
	const struct policy *policy;
	const char *project;
	/* The mirror in which Compose resolved it, and where its parts are going to live: a path
	 * below `directory` is the project's own and lives below `live`; one below `root` lives
	 * below `elsewhere`. live NULL: everything stays where it is. */
	const char *directory, *root, *live, *elsewhere;
	const struct strv *guarded; /* more paths that nobody may mount: the agent's own */
	const struct strv *sockets; /* more sockets of engines */
};
/* Does an entry of `registries` fit this reference of an image? */
bool policy_image_matches(const char *entry, const char *image);

void policy_judge(const struct policy_call *c, const cJSON *model, struct policy_findings *out);

/* ---- where.c: the place of a finding in the project's files ---- */
struct policy_files {
	const char *root;         /* what `files` are relative to, on disk */
	const struct strv *files; /* the project's Compose files, the last counts most */
};
struct policy_spot {
	char *file; /* as in files, or one that they bring in; the caller frees */
	int line, column;
};
struct policy_sources;
struct policy_sources *policy_sources_open(const struct policy_files *f);
void policy_sources_close(struct policy_sources *s);
AUTO_PTR(policy_sources_close, struct policy_sources)
#define auto_policy_sources AUTO(policy_sources_close_at)
void policy_locate(const struct policy_sources *s, const struct policy_finding *f,
		   struct policy_spot *out);
/* All of them as findings in files: errors for what is denied. */
void policy_tell(const struct policy_findings *f, const struct policy_files *files,
		 const char *project, struct diags *out);
