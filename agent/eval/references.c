/*
 * references - a path that a Compose file mentions: inside the project, elsewhere in the
 * repository, or out of it. Depends on: scan, tree.
 */
#include "agent/eval/scan.h"

#include "agent/model/secret.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"

#include <stdio.h>
#include <string.h>

enum { ELSEWHERE_MAX = 500 };

static bool is_remote(const char *text)
{
	return strstr(text, "://") || str_starts(text, "git@") || str_starts(text, "github.com/") ||
	       str_ends(text, ".git");
}

/* Absolute paths and addresses. True: nothing more is to be looked at. */
static bool leaves_repository(const struct place *p, enum reference how, const char *what,
			      const struct yaml_node *at, const char *text)
{
	bool absolute = text[0] == '/' || text[0] == '~';

	if (how == REF_BUILD && (is_remote(text) || absolute))
		return true;
	if (how == REF_COMPOSE && is_remote(text)) {
		scan_note(
			p->s, DIAG_ERROR, p->file, at,
			"%s: '%s' comes from another server, which nobody has verified: put the file into "
			"this repository",
			what, text);
		return true;
	}
	if (!absolute)
		return false;
	if (how == REF_COMPOSE || how == REF_ENV || how == REF_OPTIONAL)
		scan_note(
			p->s, DIAG_ERROR, p->file, at,
			"%s: '%s' is an absolute path: use a file of the repository, relative to '%s'",
			what, text, p->dir);
	return true;
}

static bool add_elsewhere(struct scan *s, const char *path, const struct spot *spot)
{
	struct project *p = s->p;

	for (size_t i = 0; i < p->n_elsewhere; i++)
		if (strcmp(p->elsewhere[i].path, path) == 0 ||
		    (p->elsewhere[i].kind == ENTRY_DIR && path_below(path, p->elsewhere[i].path)))
			return false;
	p->elsewhere = xreallocarray(p->elsewhere, p->n_elsewhere + 1, sizeof(*p->elsewhere));
	struct elsewhere *x = &p->elsewhere[p->n_elsewhere++];
	*x = (struct elsewhere){.path = xstrdup(path), .kind = spot->kind};
	memcpy(x->id, spot->id, sizeof(x->id));
	return true;
}

/* A path of the repository that is not there. */
static void missing(const struct place *p, enum reference how, const char *what,
		    const struct yaml_node *at, const char *path)
{
	bool inside = path_below(path, p->s->p->path);

	if (how == REF_OPTIONAL) {
		if (!inside)
			strv_pushf(&p->s->p->claims, "absent %s", path);
		return;
	}
	if (inside && (how == REF_BIND || how == REF_BUILD))
		return; /* the engine or a container makes it; a build context fails with Compose's
			   own words */
	if (inside && how == REF_FILE) {
		scan_note(p->s, DIAG_WARNING, p->file, at,
			  "%s: '%s' is not in the repository: it must be made on each host", what,
			  path);
		return;
	}
	scan_note(p->s, DIAG_ERROR, p->file, at,
		  "%s: '%s' does not exist in the repository: add the file or correct the path",
		  what, path);
}

static int take_elsewhere(const struct place *p, const char *what, const struct yaml_node *at,
			  const char *path, const struct spot *spot, struct err *e)
{
	struct scan *s = p->s;

	if (s->p->n_elsewhere >= ELSEWHERE_MAX) {
		scan_note(
			s, DIAG_ERROR, p->file, at,
			"the project reads more than %d files outside of its directory: mount their directory",
			ELSEWHERE_MAX);
		return 0;
	}
	if (!add_elsewhere(s, path, spot))
		return 0;
	if (path_below(s->p->path, path))
		scan_note(
			s, DIAG_WARNING, p->file, at,
			"%s: '%s' holds the project itself: every commit that touches anything there deploys "
			"it again; name a smaller directory",
			what, path);
	return spot->kind == ENTRY_DIR ? scan_walk(s, path, spot->id, e) : 0;
}

/* Compose puts variables into the values of an env file, those of .env included. */
static int weigh_env_file(const struct place *p, const char *path, const char *id, struct err *e)
{
	auto_free char *text = NULL;
	struct env env = {.n = 0};
	size_t len = 0;

	if (secret_kind(path) != SECRET_NONE)
		return 0; /* its values are known only on the host */
	if (scan_text(p->s, path, id, &text, &len, e) < 0)
		return -1;
	if (!text || !strchr(text, '$'))
		return 0;
	env_copy(&p->s->env, &env);
	env_parse(text, &env);
	scan_weigh_env(p->s, path, &env);
	env_done(&env);
	return 0;
}

static int judge_spot(const struct place *p, enum reference how, const char *what,
		      const struct yaml_node *at, char **path, struct err *e)
{
	struct spot spot;
	bool found;

	if (eval_tree_find(p->s->ev->tree, *path, &spot, &found, e) < 0)
		return -1;
	auto_free char *link = found ? spot.link : NULL;
	if (!found) {
		missing(p, how, what, at, *path);
	} else if (link) {
		scan_note(p->s, DIAG_ERROR, p->file, at,
			  "%s: '%s' is a %s, which is not followed: use a plain file or directory",
			  what, link, entry_kind_name(spot.kind));
	} else if (spot.kind == ENTRY_DIR &&
		   (how == REF_COMPOSE || how == REF_ENV || how == REF_OPTIONAL)) {
		scan_note(p->s, DIAG_ERROR, p->file, at,
			  "%s: '%s' is a directory: name a file in it", what, *path);
	} else {
		if ((how == REF_ENV || how == REF_OPTIONAL) &&
		    weigh_env_file(p, *path, spot.id, e) < 0)
			return -1;
		if (path_below(*path, p->s->p->path))
			return 0;
		return take_elsewhere(p, what, at, *path, &spot, e);
	}
	free(*path);
	*path = NULL;
	return 0;
}

/* "${X}/conf": the part before the variable says whether it can be outside of the project. */
static void judge_open(const struct place *p, enum reference how, const char *what,
		       const struct yaml_node *at, const char *start)
{
	auto_free char *dir = path_dir(start);
	char *path = NULL;

	/* Compose would read it on the host, wherever it is. */
	if (how == REF_COMPOSE || how == REF_ENV || how == REF_OPTIONAL) {
		scan_note(
			p->s, DIAG_ERROR, p->file, at,
			"%s: '%s' has a variable whose value is not known from the repository, so that it "
			"could be any file of a host: write the path out",
			what, yaml_text(at));
		return;
	}

	if (!strchr(start, '/') || start[0] == '/' || start[0] == '~')
		return;
	bool climbs = path_resolve(p->dir, dir, &path) < 0 || !path_below(path, p->s->p->path);
	free(path);
	if (climbs)
		scan_note(
			p->s, DIAG_WARNING, p->file, at,
			"%s: '%s' leads out of the project's directory through a variable: changes there are "
			"not noticed; write the path out",
			what, yaml_text(at));
}

int scan_reference(const struct place *p, enum reference how, const char *what,
		   const struct yaml_node *at, char **path, struct err *e)
{
	const char *written = yaml_text(at);
	bool open;

	*path = NULL;
	if (!written || p->s->on_host)
		return 0;
	auto_free char *text = env_expand(&p->s->env, written, &open);
	if (open) {
		judge_open(p, how, what, at, text);
		return 0;
	}
	if (text[0] == '\0' || leaves_repository(p, how, what, at, text))
		return 0;
	if (path_resolve(p->dir, text, path) < 0) {
		scan_note(p->s, DIAG_ERROR, p->file, at,
			  "%s: '%s' leads out of the repository: use a path inside of it", what,
			  text);
		return 0;
	}
	return judge_spot(p, how, what, at, path, e);
}

struct walk {
	struct scan *s;
	size_t entries;
};

static int walk_into(struct walk *w, const char *path, const char *id, int depth, struct err *e)
{
	const struct listing *l;

	if (depth > TREE_MAX_DEPTH) {
		scan_note(w->s, DIAG_ERROR, path, NULL,
			  "is nested deeper than %d directories: flatten it", TREE_MAX_DEPTH);
		return 0;
	}
	if (eval_tree_list(w->s->ev->tree, path, id, &l, e) < 0)
		return -1;
	for (size_t i = 0; i < l->n; i++) {
		auto_free char *inner = strcmp(path, ".") == 0 ? xstrdup(l->v[i].name)
							       : path_join(path, l->v[i].name);
		if (++w->entries > TREE_MAX_ENTRIES) {
			if (w->entries == TREE_MAX_ENTRIES + 1)
				scan_note(
					w->s, DIAG_ERROR, inner, NULL,
					"the project has more than %d files: keep data out of the repository",
					TREE_MAX_ENTRIES);
			return 0;
		}
		if (!path_is_clean(inner))
			scan_note(w->s, DIAG_ERROR, inner, NULL,
				  "has a name that is not safe to write to a host: rename it");
		else if (l->v[i].kind == ENTRY_SYMLINK || l->v[i].kind == ENTRY_SUBMODULE)
			scan_note(
				w->s, DIAG_ERROR, inner, NULL,
				"is a %s, which is refused inside of a project: put the file itself there",
				entry_kind_name(l->v[i].kind));
		else if (l->v[i].kind == ENTRY_DIR &&
			 walk_into(w, inner, l->v[i].id, depth + 1, e) < 0)
			return -1;
	}
	return 0;
}

int scan_walk(struct scan *s, const char *path, const char *id, struct err *e)
{
	struct walk w = {.s = s};

	return walk_into(&w, path, id, 1, e);
}
