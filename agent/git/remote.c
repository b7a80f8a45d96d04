/*
 * remote - asking the source, and fetching. A `file` source is read in place; http(s) and ssh go
 * through link. Depends on: gitref, gitls, gitssh, libgit2.
 */
#include "agent/git/repo_internal.h"

#include "common/file.h"
#include "common/gitls.h"
#include "common/gitref.h"
#include "common/gitssh.h"
#include "common/giturl.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"

#include <stdio.h>
#include <string.h>

static int ask_file(const struct source_config *src, char id[GIT_HEX_SIZE], struct err *e)
{
	auto_giturl struct giturl url = {.kind = GITURL_FILE};

	if (giturl_parse(src->url, &url, e) < 0)
		return -1;
	return gitref_ask(url.path, src->branch, src->tag, id, e);
}

static int ask_http(const struct source_config *src, char id[GIT_HEX_SIZE], struct err *e)
{
	struct gitls_options o = {.url = src->url,
				  .branch = src->branch,
				  .tag = src->tag,
				  .username = src->username,
				  .token_file = src->token_file,
				  .ca_file = src->ca_file,
				  .timeout_ms = (int)src->timeout_ms};
	auto_gitls struct gitls *l = gitls_open(&o);

	return gitls_ask(l, id, e);
}

static int ask_ssh(const struct source_config *src, char id[GIT_HEX_SIZE], struct err *e)
{
	struct gitssh_options o = {.url = src->url,
				   .username = src->username,
				   .key_file = src->ssh_key_file,
				   .known_hosts_file = src->known_hosts_file,
				   .timeout_ms = (int)src->timeout_ms};

	return gitssh_ls(&o, src->branch, src->tag, id, e);
}

int repo_ask_source(const struct source_config *src, char id[OBJECT_ID_SIZE], struct err *e)
{
	switch (src->kind) {
	case SOURCE_FILE:
		return ask_file(src, id, e);
	case SOURCE_HTTP:
		return ask_http(src, id, e);
	case SOURCE_SSH:
		return ask_ssh(src, id, e);
	case SOURCE_NONE:
		break;
	}
	return err_set(e, ERR_USAGE, 0, "there is no source: set source.url");
}

/* The commit that an id (of a commit or a tag) leads to. */
static int peel(struct repo *r, const git_oid *id, git_oid *commit, struct err *e)
{
	git_object *o = NULL, *peeled = NULL;

	if (git_object_lookup(&o, r->git, id, GIT_OBJECT_ANY) < 0)
		return repo_fail_object(r, id, e);
	int bad = git_object_peel(&peeled, o, GIT_OBJECT_COMMIT);
	if (bad < 0)
		(void)repo_fail(e, ERR_REJECTED, "the source's ref names no commit");
	else
		git_oid_cpy(commit, git_object_id(peeled));
	git_object_free(peeled);
	git_object_free(o);
	return bad < 0 ? -1 : 0;
}

static int no_source(struct err *e)
{
	return err_set(e, ERR_USAGE, 0, "there is no source: set source.url");
}

int repo_ls(struct repo *r, char id[OBJECT_ID_SIZE], struct err *e)
{
	char found[OBJECT_ID_SIZE] = "";
	git_oid oid, commit;

	if (!r->src)
		return no_source(e);
	if (repo_ask_source(r->src, found, e) < 0)
		return -1;
	if (found[0] != '\0' && r->src->tag && repo_from_file(r)) {
		if (repo_parse_id(found, &oid, e) < 0 || peel(r, &oid, &commit, e) < 0)
			return -1;
		git_oid_tostr(found, sizeof(found), &commit);
	}
	memcpy(id, found, OBJECT_ID_SIZE);
	return 0;
}

static int name_source(struct repo *r, const git_oid *commit, struct err *e)
{
	git_reference *ref = NULL;
	git_oid now;

	if (git_reference_name_to_id(&now, r->git, REF_SOURCE) == 0 && git_oid_equal(&now, commit))
		return 0;
	/* Of a file source it is a note for people only; elsewhere fetching builds on it. */
	git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, repo_from_file(r) ? 0 : 1);
	repo_ref_unlock(r, REF_SOURCE);
	int bad = git_reference_create(&ref, r->git, REF_SOURCE, commit, 1, NULL);
	git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
	if (bad < 0)
		return repo_fail(e, ERR_RETRY, "cannot write %s in %s", REF_SOURCE, r->dir);
	git_reference_free(ref);
	return 0;
}

/* A ref whose object is gone (another source before, a power cut) would end every negotiation,
 * and libgit2 does not write over a damaged one. */
static void drop_dead_source(struct repo *r)
{
	git_object *o = NULL;
	git_oid id;

	if (git_reference_name_to_id(&id, r->git, REF_SOURCE) < 0 ||
	    git_object_lookup(&o, r->git, &id, GIT_OBJECT_COMMIT) < 0) {
		auto_free char *path = path_join(r->dir, REF_SOURCE);

		(void)unlink(path);
	}
	git_object_free(o);
}

static int fail_link(const struct repo *r, const struct link *l, const char *what, struct err *e)
{
	auto_free char *shown = giturl_show(r->src->url);
	const struct err *cause = link_error(l);

	if (cause->kind == ERR_NONE)
		return repo_fail(e, ERR_RETRY, "cannot %s %s", what, shown);
	*e = *cause;
	return -1;
}

/* Pick among what the server advertises. */
static int pick_head(git_remote *remote, struct refpick *pick)
{
	const git_remote_head **heads;
	size_t n = 0;

	if (git_remote_ls(&heads, &n, remote) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		char hex[OBJECT_ID_SIZE];

		git_oid_tostr(hex, sizeof(hex), &heads[i]->oid);
		refpick_offer(pick, heads[i]->name, hex, NULL);
	}
	return 0;
}

static int download(struct repo *r, git_remote *remote, struct link *l, struct refpick *pick,
		    struct err *e)
{
	git_fetch_options o;

	(void)git_fetch_options_init(&o, GIT_FETCH_OPTIONS_VERSION);
	o.callbacks.transport = link_transport;
	o.callbacks.payload = l;
	o.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
	o.update_fetchhead = 0;
	if (git_remote_connect(remote, GIT_DIRECTION_FETCH, &o.callbacks, NULL, NULL) < 0 ||
	    pick_head(remote, pick) < 0)
		return fail_link(r, l, "connect to", e);
	if (!pick->name)
		return err_set(e, ERR_RETRY, 0, "the source's %s is gone since it was asked for",
			       r->src->tag ? "tag" : "branch");
	auto_free char *spec = xasprintf("+%s:%s", pick->name, REF_SOURCE);
	char *specs[] = {spec};
	git_strarray list = {specs, 1};
	/* Not git_remote_fetch(): that also touches FETCH_HEAD and refs. */
	if (git_remote_download(remote, &list, &o) < 0)
		return fail_link(r, l, "fetch from", e);
	(void)git_remote_disconnect(remote);
	return 0;
}

static int fetch_remote(struct repo *r, git_oid *commit, struct err *e)
{
	auto_link struct link *l = link_new(r->src);
	auto_refpick struct refpick pick;
	git_remote_create_options o;
	git_remote *remote = NULL;
	git_oid oid;

	refpick_init(&pick, r->src->branch, r->src->tag);
	repo_drop_halves(r);
	(void)git_remote_create_options_init(&o, GIT_REMOTE_CREATE_OPTIONS_VERSION);
	o.repository = r->git;
	/* The address is used as it stands: no configuration rewrites it. */
	o.flags = GIT_REMOTE_CREATE_SKIP_INSTEADOF | GIT_REMOTE_CREATE_SKIP_DEFAULT_FETCHSPEC;
	if (git_remote_create_with_opts(&remote, r->src->url, &o) < 0)
		return repo_fail(e, ERR_USAGE, "source.url cannot be used");
	int bad = download(r, remote, l, &pick, e);
	git_remote_free(remote);
	if (bad < 0 || repo_parse_id(pick.id, &oid, e) < 0)
		return -1;
	free(r->fetched_ref);
	r->fetched_ref = TAKE(pick.name);
	(void)snprintf(r->fetched_object, sizeof(r->fetched_object), "%s", pick.object);
	return peel(r, &oid, commit, e);
}

int repo_fetch(struct repo *r, char id[OBJECT_ID_SIZE], struct err *e)
{
	git_oid oid, commit;

	if (!r->src)
		return no_source(e);
	if (repo_parse_id(id, &oid, e) < 0)
		return -1;
	drop_dead_source(r);
	if (repo_from_file(r) ? peel(r, &oid, &commit, e) : fetch_remote(r, &commit, e))
		return -1;
	if (name_source(r, &commit, e) < 0)
		return -1;
	git_oid_tostr(id, OBJECT_ID_SIZE, &commit);
	return 0;
}

int repo_source_tag(struct repo *r, char **name, char object[OBJECT_ID_SIZE], struct err *e)
{
	static const char tags[] = "refs/tags/";
	auto_giturl struct giturl url = {.kind = GITURL_FILE};
	auto_free char *ref = xstrdup_null(r->fetched_ref);
	char id[GIT_HEX_SIZE] = "", found[GIT_HEX_SIZE] = "";

	(void)snprintf(found, sizeof(found), "%s", r->fetched_object);
	if (repo_from_file(r)) {
		if (giturl_parse(r->src->url, &url, e) < 0 ||
		    gitref_newest_tag(url.path, r->src->tag, id, &ref, e) < 0)
			return -1;
		if (ref && gitref_read(url.path, ref, found, e) < 0)
			return -1;
	}
	if (!ref || !str_starts(ref, tags) || found[0] == '\0')
		return err_set(e, ERR_RETRY, 0, "the source's tag is gone since it was asked for");
	*name = xstrdup(ref + sizeof(tags) - 1);
	memcpy(object, found, OBJECT_ID_SIZE);
	return 0;
}
