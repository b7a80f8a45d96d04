/*
 * policy - what root of a host lets projects ask of it: `policy` of agent.yaml. The rules stand in
 * policy.def; agent/policy judges models by them. Depends on: common.
 */
#pragma once

#include "common/auto.h"
#include "common/digest.h"
#include "common/strv.h"

#include <stdbool.h>
#include <stddef.h>

enum policy_preset { POLICY_OPEN, POLICY_STANDARD, POLICY_STRICT, POLICY_PRESETS };
enum policy_action { POLICY_ALLOW, POLICY_WARN, POLICY_DENY };

enum policy_rule {
#define POLICY_RULE(id, ...) POLICY_##id,
#include "agent/model/policy.def"
#undef POLICY_RULE
	POLICY_RULES
};

struct policy_row {
	const char *name;
	const char *lists; /* ", or a list of paths"; "": it takes a word only */
	struct {
		enum policy_action action;
		const char *list; /* words between spaces */
	} presets[POLICY_PRESETS];
	const char *meaning;
};
const struct policy_row *policy_row(enum policy_rule r);
const char *policy_preset_name(enum policy_preset p);
const char *policy_action_name(enum policy_action a);

/* What agent.yaml says of one rule. */
struct policy_setting {
	bool set;
	enum policy_action action; /* for what is not on the list */
	bool listed;               /* a list was given */
	struct strv list;
};

struct policy_project {                            /* rules that differ for one project */
	struct policy_setting rules[POLICY_RULES]; /* first */
	char *name;
};

struct policy_signer { /* images that must be signed */
	char *images;  /* as an entry of `registries` */
	char *key;     /* absolute path of the public key */
	bool log;      /* the signature must stand in the transparency log */
};

struct policy {
	struct policy_setting
		rules[POLICY_RULES]; /* first, as in policy_project: one table reads both */
	enum policy_preset preset;
	struct policy_project *projects;
	size_t n_projects;
	struct policy_signer *signers;
	size_t n_signers;
};
void policy_done(struct policy *p);
#define auto_policy AUTO(policy_done)

/* What holds for a rule in a project. */
struct policy_word {
	enum policy_action action; /* for what is not on the list */
	struct strv list;
	bool by_project; /* an exception of this project has a say in it */
};
void policy_word(const struct policy *p, const char *project, enum policy_rule r,
		 struct policy_word *out); /* free with policy_word_done() */
void policy_word_done(struct policy_word *w);
#define auto_policy_word AUTO(policy_word_done)

/* A digest over all of it: what one policy refused may be fine with another. */
void policy_digest(const struct policy *p, char out[DIGEST_HEX_SIZE]);
