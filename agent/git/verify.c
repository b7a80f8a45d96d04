/*
 * verify - which objects must be signed, by mode, and asking for each. Objects are read as bytes
 * and cut by our own parser; libgit2 checks that they are what their names say, and walks from
 * commit to commit. Depends on: signed, signer, libgit2.
 */
#include "agent/git/repo_internal.h"

#include "agent/git/signer.h"
#include "common/mem.h"

#include <string.h>

/* So short that the rule of repeats does not take it for an id: two commits are two failures. */
enum { SHOWN_DIGITS = 10 };

static int read_object(struct repo *r, const git_oid *id, git_object_t want, git_odb_object **out,
		       struct err *e)
{
	size_t len = 0;
	git_object_t kind = GIT_OBJECT_INVALID;

	/* Its head first: a commit of a gigabyte is not even unpacked. */
	if (git_odb_read_header(&len, &kind, r->odb, id) < 0)
		return repo_fail(e, ERR_REJECTED, "cannot be read");
	if (kind != want)
		return err_set(
			e, ERR_REJECTED, 0,
			want == GIT_OBJECT_TAG
				? "is no annotated tag, so it cannot be signed: make it with "
				  "git tag -s"
				: "is no commit");
	if (len > SIGNED_MAX_BYTES)
		return err_set(e, ERR_REJECTED, 0, "is longer than %d KiB",
			       SIGNED_MAX_BYTES / 1024);
	if (git_odb_read(out, r->odb, id) < 0)
		return repo_fail(e, ERR_REJECTED, "cannot be read");
	return 0;
}

static int ask_commit(struct repo *r, struct signer *s, const git_oid *id, const char *tree,
		      char **who, struct err *e)
{
	auto_signed_object struct signed_object o = {.n_parents = 0};
	git_odb_object *raw = NULL;

	if (read_object(r, id, GIT_OBJECT_COMMIT, &raw, e) < 0)
		return -1;
	int rc = signed_parse_commit(git_odb_object_data(raw), git_odb_object_size(raw), &o, e);

	git_odb_object_free(raw);
	/* What is deployed is what was signed, whoever reads the object. */
	if (rc == 0 && tree && strcmp(tree, o.target) != 0)
		rc = err_set(e, ERR_REJECTED, 0, "names its tree in two ways");
	return rc < 0 ? -1 : signer_ask(s, &o, who, e);
}

static int ask_named(struct repo *r, struct signer *s, const git_oid *id, const char *tree,
		     char **who, struct err *e)
{
	char hex[OBJECT_ID_SIZE];

	if (ask_commit(r, s, id, tree, who, e) == 0)
		return 0;
	git_oid_tostr(hex, sizeof(hex), id);
	struct err why = *e;

	return err_set(e, why.kind, 0, "commit %.*s %s", SHOWN_DIGITS, hex, why.cause);
}

/* Every commit that the head brings and the anchor has not, merged ones too. */
static int ask_range(struct repo *r, struct signer *s, const struct repo_question *q,
		     const git_oid *head, struct err *e)
{
	git_revwalk *walk = NULL;
	git_oid anchor, id;
	int rc = 0, more = 0;

	if (repo_parse_id(q->anchor, &anchor, e) < 0)
		return -1;
	if (git_revwalk_new(&walk, r->git) < 0 || git_revwalk_push(walk, head) < 0 ||
	    git_revwalk_hide(walk, &anchor) < 0)
		rc = repo_fail(e, ERR_REJECTED, "the commits since %.12s cannot be read",
			       q->anchor);
	for (int n = 0; rc == 0 && (more = git_revwalk_next(&id, walk)) == 0; n++) {
		auto_free char *who = NULL;

		if (n >= q->config->max_commits)
			rc = err_set(
				e, ERR_REJECTED, 0,
				"more than %d commits lie between %.12s and commit %.12s: raise "
				"verify.max_commits, or look at them and accept the commit",
				q->config->max_commits, q->anchor, q->head->id);
		else
			rc = ask_named(r, s, &id, NULL, &who, e);
	}
	if (rc == 0 && more != GIT_ITEROVER)
		rc = repo_fail(e, ERR_REJECTED, "the commits since %.12s cannot be read",
			       q->anchor);
	git_revwalk_free(walk);
	return rc;
}

/* A server may show any signed tag under any name, and any commit beside it. */
static int judge_tag(const struct signed_object *o, const struct repo_question *q, struct err *e)
{
	auto_free char *name = str_printable(o->tag, 200);

	if (strcmp(o->tag, q->tag) != 0)
		return err_set(e, ERR_REJECTED, 0, "was made as tag %s", name);
	if (strcmp(o->target, q->head->id) != 0)
		return err_set(e, ERR_REJECTED, 0, "names commit %.12s, not %.12s", o->target,
			       q->head->id);
	return 0;
}

static int ask_tag(struct repo *r, struct signer *s, const struct repo_question *q, char **who,
		   struct err *e)
{
	auto_signed_object struct signed_object o = {.n_parents = 0};
	auto_free char *name = str_printable(q->tag, 200);
	git_odb_object *raw = NULL;
	git_oid id;

	if (repo_parse_id(q->tag_object, &id, e) < 0)
		return -1;
	int rc = read_object(r, &id, GIT_OBJECT_TAG, &raw, e);

	if (rc == 0)
		rc = signed_parse_tag(git_odb_object_data(raw), git_odb_object_size(raw), &o, e);
	git_odb_object_free(raw);
	if (rc == 0)
		rc = judge_tag(&o, q, e);
	if (rc == 0)
		rc = signer_ask(s, &o, who, e);
	if (rc == 0)
		return 0;
	struct err why = *e;

	return err_set(e, why.kind, 0, "tag %s %s", name, why.cause);
}

int repo_verify(struct repo *r, const struct repo_question *q, char **who, struct err *e)
{
	auto_signer struct signer s = {.config = q->config, .scratch = q->scratch};
	git_oid head;

	if (signer_check(q->config, e) < 0 || repo_parse_id(q->head->id, &head, e) < 0)
		return -1;
	if (q->config->mode == VERIFY_TAG)
		return ask_tag(r, &s, q, who, e);
	if (ask_named(r, &s, &head, q->head->tree, who, e) < 0)
		return -1;
	if (q->config->mode == VERIFY_STRICT && q->anchor)
		return ask_range(r, &s, q, &head, e);
	return 0;
}
