/*
 * repo - opening, resetting and closing the agent's repository, and libgit2's settings.
 * Depends on: common, libgit2.
 */
#include "agent/git/repo_internal.h"

#include "common/file.h"
#include "common/gitref.h"
#include "common/giturl.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"

#include <errno.h>
#include <git2/odb_backend.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int repo_fail(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	const git_error *ge = git_error_last();
	auto_free char *theirs =
		str_printable(ge && ge->message ? ge->message : "no reason given", 300);
	char ours[600];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(ours, sizeof(ours), fmt, ap);
	va_end(ap);
	return err_set(e, kind, 0, "%s: %s", n < 0 ? "Git" : ours, theirs);
}

int repo_fail_object(const struct repo *r, const git_oid *id, struct err *e)
{
	char hex[OBJECT_ID_SIZE];

	git_oid_tostr(hex, sizeof(hex), id);
	/* A source in a directory may lose objects to a gc or be away for a while; our own store
	 * must not. */
	if (repo_from_file(r))
		return repo_fail(e, ERR_RETRY, "cannot read object %s, neither here nor in %s", hex,
				 r->src->url);
	return repo_fail(e, ERR_BROKEN, "cannot read object %s in %s", hex, r->dir);
}

int repo_parse_id(const char *id, git_oid *out, struct err *e)
{
	size_t len = strlen(id);

	if (refpick_is_id(id, len) && len != GIT_OID_HEXSZ)
		return err_set(
			e, ERR_USAGE, 0,
			"the repository uses SHA-256 object names, which libgit2 cannot read: use one "
			"made with git init --object-format=sha1");
	if (!refpick_is_id(id, len) || git_oid_fromstr(out, id) < 0)
		return err_set(e, ERR_BROKEN, 0, "\"%.80s\" is no object id", id);
	return 0;
}

/*
 * libgit2's start-up reads all of the system's certificate authorities for its own https, which is
 * never used here (link_http.c goes through libcurl): 54 of its 56 million instructions where
 * libgit2 is built with mbedTLS, as in Debian 12. This takes that call's place; without authorities
 * libgit2's own https would refuse every server. With another TLS library nobody calls it.
 */
int mbedtls_x509_crt_parse_file(void *chain, const char *path);

int mbedtls_x509_crt_parse_file(void *chain, const char *path)
{
	(void)chain;
	(void)path;
	return 0;
}

int repo_library_init(struct err *e)
{
	static const int levels[] = {GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_GLOBAL,
				     GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_PROGRAMDATA};

	if (git_libgit2_init() < 0)
		return repo_fail(e, ERR_BROKEN, "libgit2 cannot be initialised");
	/* No configuration of the machine or a person changes what the agent does. */
	for (size_t i = 0; i < COUNT_OF(levels); i++)
		git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "");
	/*
	 * The source of a `file` url often belongs to another user. The check protects people who
	 * run git in a directory whose configuration and hooks somebody else wrote; neither is read
	 * here.
	 */
	git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
	/* A generation must not name objects that a power cut takes away. */
	git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
	/* We check that objects exist where it matters; libgit2 would look up every entry of every
	 * tree made. */
	git_libgit2_opts(GIT_OPT_ENABLE_STRICT_OBJECT_CREATION, 0);
	return 0;
}

/*
 * The directories, with names that last: packs in one whose name a power cut took away would be
 * gone with it, and without objects/pack libgit2 does not see the packs that it fetches.
 */
static int make_directories(const char *dir, struct err *e)
{
	static const char *const dirs[] = {"objects/pack", "objects/info", "refs/mdc/generations"};
	static const char *const parents[] = {"objects", "refs/mdc", "refs"};

	for (size_t i = 0; i < COUNT_OF(dirs); i++) {
		auto_free char *path = path_join(dir, dirs[i]);

		if (dir_make(path, 0700, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < COUNT_OF(parents); i++) {
		auto_free char *path = path_join(dir, parents[i]);

		if (path_sync(path, e) < 0)
			return -1;
	}
	return path_sync(dir, e);
}

/* What `git init --bare` makes, without hooks and samples. HEAD comes last: with it the repository
 * is one. */
static int make_repository(const char *dir, struct err *e)
{
	static const char config[] =
		"[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n";
	static const char head[] = "ref: refs/heads/main\n";
	auto_free char *config_path = path_join(dir, "config");
	auto_free char *head_path = path_join(dir, "HEAD");

	if (file_exists(head_path))
		return 0;
	if (make_directories(dir, e) < 0)
		return -1;
	/* Synced: a half of either would be there for good, as nothing writes them again. */
	if (file_replace(config_path, config, sizeof(config) - 1, 0600, e) < 0)
		return -1;
	return file_replace(head_path, head, sizeof(head) - 1, 0600, e);
}

static void close_git(struct repo *r)
{
	git_odb_free(r->own);
	git_odb_free(r->odb);
	git_repository_free(r->git);
	r->own = r->odb = NULL;
	r->git = NULL;
}

int repo_reopen(struct repo *r, struct err *e)
{
	close_git(r);
	if (git_repository_open_bare(&r->git, r->dir) < 0 ||
	    git_repository_odb(&r->odb, r->git) < 0) {
		(void)repo_fail(e, ERR_BROKEN, "the repository %s is damaged", r->dir);
		close_git(r);
		return -1;
	}
	return 0;
}

int repo_own(struct repo *r, git_odb **out, struct err *e)
{
	git_odb_backend *loose = NULL, *pack = NULL;

	if (!r->own) {
		if (git_odb_new(&r->own) < 0 ||
		    git_odb_backend_loose(&loose, r->objects, -1, 1, 0, 0) < 0 ||
		    git_odb_add_backend(r->own, loose, 1) < 0 ||
		    git_odb_backend_pack(&pack, r->objects) < 0 ||
		    git_odb_add_backend(r->own, pack, 2) < 0) {
			git_odb_free(r->own);
			r->own = NULL;
			return repo_fail(e, ERR_BROKEN, "the objects of %s cannot be read", r->dir);
		}
	}
	*out = r->own;
	return 0;
}

static void find_source(struct repo *r)
{
	auto_giturl struct giturl url = {.kind = GITURL_FILE};
	struct err ignored = ERR_INIT;

	if (!repo_from_file(r) || giturl_parse(r->src->url, &url, &ignored) < 0)
		return;
	/* Not there now: what generations kept can still be read, and repo_ls() says what is wrong.
	 */
	(void)gitref_dir(url.path, &r->source_dir, &ignored);
}

int repo_open(const char *dir, const struct source_config *src, struct repo **out, struct err *e)
{
	auto_repo struct repo *r = xcalloc(1, sizeof(*r));
	bool changed = false;

	r->dir = xstrdup(dir);
	r->objects = path_join(dir, "objects");
	r->src = src && src->kind != SOURCE_NONE ? src : NULL;
	find_source(r);
	if (make_repository(dir, e) < 0)
		return err_wrap(e, "make the repository %s", dir);
	if (!file_exists(r->objects))
		return err_set(e, ERR_BROKEN, 0, "the repository %s is damaged: it has no objects",
			       dir);
	if (alternates_update(r, &changed, e) < 0)
		return -1;
	if (changed) {
		/* Another source: what the old one named may no longer be readable. */
		auto_free char *ref = path_join(dir, REF_SOURCE);

		(void)unlink(ref);
	}
	if (repo_reopen(r, e) < 0)
		return -1;
	*out = TAKE(r);
	return 0;
}

void repo_ref_unlock(const struct repo *r, const char *name)
{
	auto_free char *lock = xasprintf("%s/%s.lock", r->dir, name);

	(void)unlink(lock);
}

/* Those files of one of our directories that begin and end so. */
static void drop_files(const char *dir, const char *begin, const char *end)
{
	enum { NAMES_MAX = 100000 };
	auto_strv struct strv names = STRV_INIT;
	struct err ignored = ERR_INIT;

	if (dir_list(dir, NAMES_MAX, &names, &ignored) < 0)
		return;
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *path = path_join(dir, names.v[i]);

		if (str_starts(names.v[i], begin) && str_ends(names.v[i], end))
			(void)unlink(path);
	}
}

void repo_drop_halves(const struct repo *r)
{
	auto_free char *packs = path_join(r->objects, "pack");
	auto_free char *refs = path_join(r->dir, "refs/mdc");
	auto_free char *generations = path_join(r->dir, REF_GENERATIONS);

	drop_files(packs, "pack_git2_", "");
	drop_files(refs, "", ".lock");
	drop_files(generations, "", ".lock");
}

int repo_reset(const char *dir, struct err *e)
{
	auto_free char *aside = xasprintf("%s.broken", dir);

	if (tree_remove(aside, e) < 0)
		return -1;
	if (rename(dir, aside) < 0)
		return err_set(e, ERR_BROKEN, errno, "cannot move %s aside", dir);
	return 0;
}

void repo_free(struct repo *r)
{
	close_git(r);
	free(r->dir);
	free(r->objects);
	free(r->source_dir);
	free(r->fetched_ref);
	free(r);
}
