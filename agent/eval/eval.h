/*
 * eval - which projects belong to this host, from a repository's tree and from agent.yaml.
 * Runs in a worker: it reads what strangers wrote. Never runs Compose, never talks to the engine.
 * Depends on: common, model.
 * To add an evaluator: one file and one line in evaluators.c.
 */
#pragma once

#include "agent/model/config.h"
#include "agent/model/diag.h"
#include "agent/model/generation.h"
#include "agent/model/project.h"
#include "agent/model/tree_reader.h"
#include "common/err.h"

struct eval_input {
	const struct config *config;
	const struct tree_reader *reader; /* NULL in classic mode */
	const char *root;                 /* id of the commit's tree */
	/*
	 * What the current generation knows: a project whose directory, manifest entry and
	 * elsewhere objects are the same need not be read again. NULL: read all.
	 */
	const struct generation *known;
	bool all_hosts; /* `check`: evaluate projects of every host */
	/* Store declared projects' files, giving a tree id (repo_store_tree behind it); NULL: use a
	 * digest of the files instead. */
	int (*store_tree)(void *ctx, const char *const *names, const char *const *data,
			  const size_t *lens, size_t n, char id[OBJECT_ID_SIZE], struct err *e);
	void *store_ctx;
	const char *flake; /* what the flake gave, as JSON; NULL: another evaluator */
};

struct eval_result {
	struct projects projects; /* of this host, bad ones included (why_bad) */
	bool atomic;
	struct strv warnings;
	/*
	 * Projects whose own x-mdc names other hosts: tree id, path and the hosts, with tabs
	 * between. Sorted. A generation keeps them (generation.others), so that they need not be
	 * read at every push.
	 */
	struct strv others;
};
void eval_result_done(struct eval_result *r);
#define auto_eval_result AUTO(eval_result_done)

/*
 * 0 with *out; findings that concern one project make that project bad and go on. ERR_REJECTED: the
 * manifest as a whole is wrong (cause begins file:line:column). ERR_RETRY: reading failed. Every
 * finding is also added to d (may be NULL).
 */
int eval_run(const struct eval_input *in, struct diags *d, struct eval_result *out, struct err *e);

/* The table of mdc.yaml's keys, for the manual; below `projects.<name>` stand settings_rows(). */
const struct key_row *manifest_rows(void);

/* A reader over a plain directory, for `check DIR` outside of git; ids are paths. Free with
 * worktree_close(). */
struct worktree;
int worktree_open(const char *dir, struct worktree **out, struct err *e);
struct tree_reader worktree_reader(struct worktree *w, char root[OBJECT_ID_SIZE]);
void worktree_close(struct worktree *w);
AUTO_PTR(worktree_close, struct worktree)
