/*
 * maintain - fewer packs. libgit2 never repacks: each fetch and each generation leaves a pack.
 * Usually only the small ones are rolled into one, which costs what came since the last time; when
 * that one has grown to half of the largest, everything that is named goes into one new pack and
 * the rest is dropped. Safe at any instruction: the new pack is on disk before an old one is
 * removed. Depends on: libgit2.
 */
#include "agent/git/repo_internal.h"

#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"
#include "common/strv.h"

#include <git2/odb_backend.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PACKS_MAX = 30, LOOSE_MAX = 3000, NAMES_MAX = 200000, FANOUT = 256, PACK_NAME = 128 };

/* What lies in objects/pack. */
struct packs {
	char *dir;
	struct strv names;   /* all files */
	const char *largest; /* "pack-<id>.pack", borrowed; NULL if there is none */
	size_t n;
	uint64_t largest_bytes, second_bytes;
};

static void packs_done(struct packs *p)
{
	strv_done(&p->names);
	free(p->dir);
}

static int packs_read(const struct repo *r, struct packs *p, struct err *e)
{
	p->dir = path_join(r->objects, "pack");
	if (dir_list(p->dir, NAMES_MAX, &p->names, e) < 0)
		return -1;
	for (size_t i = 0; i < p->names.n; i++) {
		auto_free char *path = path_join(p->dir, p->names.v[i]);
		struct stat st;

		if (!str_ends(path, ".pack") || stat(path, &st) < 0)
			continue;
		uint64_t bytes = (uint64_t)st.st_size;
		p->n++;
		if (bytes > p->largest_bytes) {
			p->second_bytes = p->largest_bytes;
			p->largest_bytes = bytes;
			p->largest = p->names.v[i];
		} else if (bytes > p->second_bytes) {
			p->second_bytes = bytes;
		}
	}
	return 0;
}

static bool many_loose(const struct repo *r)
{
	auto_free char *sample = path_join(r->objects, "17"); /* one of 256, as git's own gc does */
	auto_strv struct strv loose = STRV_INIT;
	struct err ignored = ERR_INIT;

	return file_exists(sample) && dir_list(sample, NAMES_MAX, &loose, &ignored) == 0 &&
	       loose.n * FANOUT > LOOSE_MAX;
}

/* Every generation's set. A ref that cannot be read ends it all: nothing is removed on a guess. */
static int insert_generations(struct repo *r, git_packbuilder *pb, struct err *e)
{
	git_reference_iterator *all = NULL;
	git_reference *ref = NULL;
	int bad = 0, more = 0;

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

static int insert_one(const git_oid *id, void *pb)
{
	return git_packbuilder_insert(pb, id, NULL);
}

/* All objects of one pack, named or not. */
static int insert_pack(struct repo *r, git_packbuilder *pb, const char *dir, const char *pack,
		       struct err *e)
{
	auto_free char *index =
		xasprintf("%s/%.*s.idx", dir, (int)(strlen(pack) - strlen(".pack")), pack);
	git_odb_backend *backend = NULL;
	git_odb *odb = NULL;
	int bad = 0;

	if (!file_exists(index))
		return 0; /* half of a removal that was cut short */
	if (git_odb_new(&odb) < 0 || git_odb_backend_one_pack(&backend, index) < 0 ||
	    git_odb_add_backend(odb, backend, 1) < 0 || git_odb_foreach(odb, insert_one, pb) < 0)
		bad = repo_fail(e, ERR_BROKEN, "cannot read %s in %s", pack, r->dir);
	git_odb_free(odb);
	return bad;
}

static int insert_small(struct repo *r, git_packbuilder *pb, const struct packs *p, struct err *e)
{
	for (size_t i = 0; i < p->names.n; i++) {
		const char *name = p->names.v[i];

		if (str_ends(name, ".pack") && name != p->largest &&
		    insert_pack(r, pb, p->dir, name, e) < 0)
			return -1;
	}
	return 0;
}

/* Write the pack; its name without suffix, "" if there is nothing to put into one. */
static int write_pack(struct repo *r, const struct packs *p, bool all, char name[PACK_NAME],
		      struct err *e)
{
	git_packbuilder *pb = NULL;
	int bad;

	name[0] = '\0';
	if (git_packbuilder_new(&pb, r->git) < 0)
		return repo_fail(e, ERR_BROKEN, "cannot prepare a pack in %s", r->dir);
	if (all)
		bad = insert_generations(r, pb, e) < 0 ? -1 : insert_source(r, pb, e);
	else
		bad = insert_small(r, pb, p, e);
	if (bad == 0 && git_packbuilder_object_count(pb) > 0) {
		if (git_packbuilder_write(pb, p->dir, 0, NULL, NULL) < 0)
			bad = repo_fail(e, ERR_RETRY, "cannot write a pack in %s", p->dir);
		else
			(void)snprintf(name, PACK_NAME, "pack-%s.", git_packbuilder_name(pb));
	}
	git_packbuilder_free(pb);
	return bad;
}

/*
 * Remove what was there before, but for the new pack and `spared` (NULL: none). An index goes
 * before its pack: alone it would be an error.
 */
static void remove_packs(const struct packs *p, const char *made, const char *spared)
{
	size_t stem = spared ? strlen(spared) - strlen("pack") : 0; /* with the dot */

	for (int indexes = 1; indexes >= 0; indexes--) {
		for (size_t i = 0; i < p->names.n; i++) {
			const char *name = p->names.v[i];
			auto_free char *path = path_join(p->dir, name);

			if (str_ends(name, ".idx") != (indexes == 1) ||
			    (made[0] != '\0' && str_starts(name, made)) ||
			    (spared && strncmp(name, spared, stem) == 0))
				continue;
			(void)unlink(path);
		}
	}
}

static void remove_loose(const char *objects)
{
	struct err ignored = ERR_INIT;

	for (unsigned int i = 0; i < FANOUT; i++) {
		auto_strv struct strv files = STRV_INIT;
		char name[4];

		(void)snprintf(name, sizeof(name), "%02x", i & 0xffu);
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
	AUTO(packs_done) struct packs p = {.n = 0};
	char made[PACK_NAME];

	repo_drop_halves(r);
	if (packs_read(r, &p, e) < 0)
		return -1;
	bool loose = many_loose(r);
	if (!force && !loose && p.n <= PACKS_MAX)
		return 0;
	bool all = force || loose || p.second_bytes > p.largest_bytes / 2;
	if (write_pack(r, &p, all, made, e) < 0)
		return err_wrap(e, "repack %s", r->dir);
	remove_packs(&p, made, all ? NULL : p.largest);
	if (all)
		remove_loose(r->objects);
	return repo_reopen(r, e);
}
