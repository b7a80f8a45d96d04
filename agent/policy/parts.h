/*
 * parts - what the parts of the judge share. Private to agent/policy.
 * Depends on: judge.
 */
#pragma once

#include "agent/policy/judge.h"

#include "common/json.h"

struct judging {
	const struct policy_call *call;
	const cJSON *model;
	struct policy_findings *out;
	struct policy_word words[POLICY_RULES];
};

/* Is there anything to say about this rule at all? */
bool judge_cares(const struct judging *j, enum policy_rule r);
/*
 * Add a finding. `entry`: what would have to be on the rule's list (NULL: it takes no list).
 * fmt: what was found, without "service web: ".
 */
void judge_add(struct judging *j, enum policy_rule r, const struct policy_place *p,
	       const char *entry, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Is it on the rule's list, letter for letter or by a pattern with * and ? */
bool judge_listed(const struct judging *j, enum policy_rule r, const char *value);

/* Numbers and booleans of JSON as text, strings as they are, "" for the rest. The caller frees. */
char *judge_text(const cJSON *v);

/* service.c: keys with a plain meaning. */
void judge_service(struct judging *j, const cJSON *service);
void judge_namespaces(struct judging *j, const cJSON *service);
/* paths.c: a file or directory of the host. */
struct path_use {
	const char *path, *how; /* "mounts", "reads" */
	bool read_only;
};
/* ".", ".." and double slashes folded, as engines do before they open it. The caller frees. */
char *path_fold(const char *absolute);
/* Where it leads on this host now, as far as it exists. The caller frees. */
char *path_real(const char *folded);
/* Is it an entry of the list, below one, or does a pattern fit? PATH:ro: only read-only. */
bool path_listed(const struct strv *list, const char *path, bool read_only);
void judge_path(struct judging *j, const struct policy_place *p, const struct path_use *u);
/* mounts.c */
void judge_mounts(struct judging *j, const cJSON *service);
void judge_volumes(struct judging *j);
void judge_contents(struct judging *j); /* configs and secrets */
/* images.c */
void judge_image(struct judging *j, const struct policy_place *p, const char *image);
void judge_build(struct judging *j, const cJSON *service);
/* networks.c */
void judge_networks(struct judging *j);
void judge_ports(struct judging *j, const cJSON *service);
/* known.c */
void judge_unknown(struct judging *j);
