/*
 * check - what the parts of `check` share. Private to flow.
 * Depends on: everything below flow.
 */
#pragma once

#include "agent/eval/eval.h"
#include "agent/git/repo.h"

struct checking {
	const struct config *config;
	const char *dir;
	char *scratch; /* repository mode: repo.git and the mirror */
	char id[OBJECT_ID_SIZE];
	struct repo *repo; /* or */
	struct worktree *tree;
	const struct policy *policy;
	struct diags *diags;
};

/* check_files.c: sizes and counts of one project's files. */
void check_files(struct checking *k, const struct project *p);
/* Is there an encrypted file in or below this directory? */
bool check_encrypted(const char *dir, int depth);
/* policy.c: what a host's policy would say; root: where the repository's files are. */
void check_policy(struct checking *k, const struct project *p, const char *root,
		  const cJSON *model);
