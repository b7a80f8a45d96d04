/*
 * commit - what a commit says, and whether one comes after another. Depends on: libgit2.
 */
#include "agent/git/repo_internal.h"

#include "common/str.h"

#include "common/mem.h"

enum { SUBJECT_MAX = 200, AUTHOR_MAX = 200 };

int repo_commit(struct repo *r, const char *id, struct commit_info *out, struct err *e)
{
	git_commit *c = NULL;
	git_oid oid;

	if (repo_parse_id(id, &oid, e) < 0)
		return -1;
	if (git_commit_lookup(&c, r->git, &oid) < 0)
		return repo_fail_object(r, &oid, e);
	const git_signature *author = git_commit_author(c);
	const char *subject = git_commit_summary(c);
	auto_free char *who = author ? xasprintf("%s <%s>", author->name, author->email) : NULL;

	*out = (struct commit_info){
		.subject = str_printable(subject ? subject : "", SUBJECT_MAX),
		.author = who ? str_printable(who, AUTHOR_MAX) : NULL,
		.time = git_commit_time(c),
	};
	git_oid_tostr(out->id, sizeof(out->id), &oid);
	git_oid_tostr(out->tree, sizeof(out->tree), git_commit_tree_id(c));
	git_commit_free(c);
	return 0;
}

int repo_is_ancestor(struct repo *r, const char *old, const char *new, bool *yes, struct err *e)
{
	git_oid o, n;

	if (repo_parse_id(old, &o, e) < 0 || repo_parse_id(new, &n, e) < 0)
		return -1;
	if (git_oid_equal(&o, &n)) {
		*yes = true;
		return 0;
	}
	if (!git_odb_exists(r->odb, &o)) {
		*yes = false;
		return 0;
	}
	int answer = git_graph_descendant_of(r->git, &n, &o);
	/* A shallow source ends somewhere: what lies behind its end is no ancestor that could be
	 * shown. */
	if (answer == GIT_ENOTFOUND && git_odb_exists(r->odb, &n))
		answer = 0;
	if (answer < 0)
		return repo_fail_object(r, &n, e);
	*yes = answer == 1;
	return 0;
}
