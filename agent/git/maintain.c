/*
 * maintain - one pack of everything that is named, then the rest goes. libgit2 never repacks: each
 * fetch and each generation leaves a pack. The order makes it safe at any instruction: the new pack
 * is on disk before one is removed. Depends on: libgit2.
 */
#include "agent/git/repo_internal.h"

#include "common/file.h"
#include "common/path.h"
#include "common/str.h"
#include "common/strv.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PACKS_MAX = 30, LOOSE_MAX = 3000, NAMES_MAX = 200000, FANOUT = 256 };

static bool is_due(const struct strv *packs, const char *objects)
{
	auto_free char *sample = path_join(objects, "17"); /* one of 256, as git's own gc does */
	auto_strv struct strv loose = STRV_INIT;
	struct err ignored = ERR_INIT;
	size_t n = 0;

	for (size_t i = 0; i < packs->n; i++)
		n += str_ends(packs->v[i], ".pack") ? 1 : 0;
	if (n > PACKS_MAX)
		return true;
	return file_exists(sample) && dir_list(sample, NAMES_MAX, &loose, &ignored) == 0 &&
	       loose.n * FANOUT > LOOSE_MAX;
}

/* Every generation's set. A ref that cannot be read ends it all: nothing is removed on a guess. */
static int insert_generations(struct repo *r, git_packbuilder *pb, struct err *e)
{
	git_reference_iterator *all = NULL;
	git_reference *ref = NULL;
	int bad = 0, more;

	if (git_reference_iterator_glob_new(&all, r->git, REF_GENERATIONS "*") < 0)
		return repo_fail(e, ERR_BROKEN, "cannot list the generations in %s", r->dir);
	while (bad == 0 && (more = git_reference_next(&ref, all)) == 0) {
		const git_oid *id = git_reference_target(ref);

		if (!id || git_packbuilder_insert_recur(pb, id, NULL) < 0)
			bad = repo_fail(e, ERR_BROKEN, "cannot read all of %s in %s",
					git_reference_name(ref), r->dir);
		git_reference_free(ref);
	}
	if (bad == 0 && more != GIT_ITEROVER)
		bad = repo_fail(e, ERR_BROKEN, "cannot list the generations in %s", r->dir);
	git_reference_iterator_free(all);
	return bad;
}

/* The source's history: the next fetch builds on it. Of a `file` source nothing is stored here. */
static int insert_source(struct repo *r, git_packbuilder *pb, struct err *e)
{
	git_revwalk *walk = NULL;
	git_oid id;
	int bad = 0;

	if (repo_from_file(r) || git_reference_name_to_id(&id, r->git, REF_SOURCE) < 0 ||
	    !git_odb_exists(r->odb, &id))
		return 0;
	if (git_revwalk_new(&walk, r->git) < 0 || git_revwalk_push(walk, &id) < 0 ||
	    git_packbuilder_insert_walk(pb, walk) < 0)
		bad = repo_fail(e, ERR_BROKEN, "cannot read the history in %s", r->dir);
	git_revwalk_free(walk);
	return bad;
}

/* Write the pack; its name without suffix, "" if nothing is named any more. */
static int write_pack(struct repo *r, const char *dir, char *name, size_t size, struct err *e)
{
	git_packbuilder *pb = NULL;
	int bad = 0;

	name[0] = '\0';
	if (git_packbuilder_new(&pb, r->git) < 0)
		return repo_fail(e, ERR_BROKEN, "cannot prepare a pack in %s", dir);
	bad = insert_generations(r, pb, e);
	if (bad == 0)
		bad = insert_source(r, pb, e);
	if (bad == 0 && git_packbuilder_object_count(pb) > 0) {
		if (git_packbuilder_write(pb, dir, 0, NULL, NULL) < 0)
			bad = repo_fail(e, ERR_RETRY, "cannot write a pack in %s", dir);
		else
			(void)snprintf(name, size, "pack-%s.", git_packbuilder_name(pb));
	}
	git_packbuilder_free(pb);
	return bad;
}

/* What was there before and is not the new pack. An index goes before its pack: alone it would be
 * an error. */
static void remove_packs(const char *dir, const struct strv *before, const char *keep)
{
	for (int indexes = 1; indexes >= 0; indexes--) {
		for (size_t i = 0; i < before->n; i++) {
			auto_free char *path = path_join(dir, before->v[i]);

			if (str_ends(before->v[i], ".idx") != (indexes == 1))
				continue;
			if (keep[0] == '\0' || !str_starts(before->v[i], keep))
				(void)unlink(path);
		}
	}
}

static void remove_loose(const char *objects)
{
	struct err ignored = ERR_INIT;

	for (int i = 0; i < FANOUT; i++) {
		char name[4];
		auto_strv struct strv files = STRV_INIT;

		(void)snprintf(name, sizeof(name), "%02x", (unsigned)i & 0xffu);
		auto_free char *dir = path_join(objects, name);
		if (!file_exists(dir) || dir_list(dir, NAMES_MAX, &files, &ignored) < 0)
			continue;
		for (size_t k = 0; k < files.n; k++) {
			auto_free char *path = path_join(dir, files.v[k]);

			(void)unlink(path);
		}
		(void)rmdir(dir);
	}
}

int repo_maintain(struct repo *r, bool force, struct err *e)
{
	auto_free char *dir = path_join(r->objects, "pack");
	auto_strv struct strv before = STRV_INIT;
	char name[128];

	if (dir_list(dir, NAMES_MAX, &before, e) < 0)
		return -1;
	if (!force && !is_due(&before, r->objects))
		return 0;
	if (write_pack(r, dir, name, sizeof(name), e) < 0)
		return err_wrap(e, "repack %s", r->dir);
	remove_packs(dir, &before, name);
	remove_loose(r->objects);
	return repo_reopen(r, e);
}
