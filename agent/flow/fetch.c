/*
 * fetch - ask the source what it has; get the objects only if that moved. Both in a worker with a
 * deadline. Depends on: sync.h, git.
 */
#include "agent/flow/sync.h"

#include "common/clock.h"
#include "common/fault.h"
#include "common/file.h"
#include "common/giturl.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/path.h"

#include <string.h>

/* What asks has the same deadline, and says more about what the server did than who ends it. */
enum { GRACE_MS = 500 };

struct fetch_job {
	struct sync *sync;
	const char *repo_dir;
	const char *last; /* the head of the last sync, or "" */
	const char *head; /* what the source has now */
};

/* Which tag it was, for those who check tags: the commit does not tell. */
static int add_tag(struct fetch_job *f, struct repo *r, cJSON *out, struct err *e)
{
	char object[OBJECT_ID_SIZE] = "";
	auto_free char *name = NULL;

	if (f->sync->config->verify.mode != VERIFY_TAG)
		return 0;
	if (repo_source_tag(r, &name, object, e) < 0)
		return -1;
	json_set_str(out, "tag", name);
	json_set_str(out, "tag_object", object);
	return 0;
}

static int fetch_new(struct fetch_job *f, struct repo *r, char *id, cJSON *out, struct err *e)
{
	struct commit_info c = {.time = 0};
	bool descends = true;

	if (repo_fetch(r, id, e) < 0 || repo_commit(r, id, &c, e) < 0)
		return -1;
	if (f->last[0] && repo_is_ancestor(r, f->last, id, &descends, e) < 0)
		return -1;
	if (add_tag(f, r, out, e) < 0) {
		commit_info_done(&c);
		return -1;
	}
	json_set_str(out, "id", c.id);
	json_set_str(out, "tree", c.tree);
	json_set_str(out, "subject", c.subject);
	json_set_str(out, "author", c.author);
	json_set_int(out, "time", c.time);
	json_set_bool(out, "forced", !descends);
	commit_info_done(&c);
	return 0;
}

/*
 * The plan fetches into a scratch repository. It sees our objects and our head, so that the server
 * sends only what is new, and ours is not written to.
 */
static int lay_over(struct fetch_job *f, struct err *e)
{
	const struct source_config *src = &f->sync->config->source;
	auto_free char *ours = store_path(f->sync->store, "repo.git");
	auto_free char *objects = path_join(ours, "objects"),
		       *head = path_join(ours, "refs/mdc/source");
	auto_free char *base = path_join(f->repo_dir, "objects/info/base");
	auto_free char *refs = path_join(f->repo_dir, "refs/mdc"), *to = path_join(refs, "source");
	auto_free char *info = path_dir(base);

	if (src->kind == SOURCE_FILE || !file_exists(head))
		return 0;
	auto_free char *id = NULL;
	auto_repo struct repo *r = NULL;
	size_t len = 0;

	if (repo_open(f->repo_dir, src, &r, e) < 0 || file_read(head, 256, &id, &len, e) < 0 ||
	    dir_make(info, 0700, e) < 0 || dir_make(refs, 0700, e) < 0)
		return -1;
	if (file_replace_unsynced(base, objects, strlen(objects), 0600, e) < 0)
		return -1;
	return file_replace_unsynced(to, id, len, 0600, e);
}

static int fetch_work(void *arg, struct worker_out *o, cJSON **result, struct err *e)
{
	struct fetch_job *f = arg;
	const struct source_config *src = &f->sync->config->source;
	char id[OBJECT_ID_SIZE] = "";
	auto_repo struct repo *r = NULL;
	cJSON *out = cJSON_CreateObject();

	(void)o;
	*result = out;
	if (repo_library_init(e) < 0 || (f->sync->dry && lay_over(f, e) < 0))
		return -1;
	if (repo_open(f->repo_dir, src, &r, e) < 0) {
		json_set_bool(out, "damaged", e->kind == ERR_BROKEN);
		return e->kind == ERR_BROKEN ? 0 : -1;
	}
	sync_confine(f->sync, f->repo_dir, src->kind != SOURCE_FILE);
	snprintf(id, sizeof(id), "%s", f->head);
	return fetch_new(f, r, id, out, e);
}

/* Files of the host's own projects may have changed where they are: only evaluating tells. */
static bool settled(const struct sync *s)
{
	const struct sync_options *o = s->options;

	return !s->dry && s->config->n_projects == 0 && s->source.settled &&
	       !s->source.refused[0] && str_eq(s->source.config_digest, s->config->digest) &&
	       !o->retry && !o->resume && !o->drift && !o->rollback && !o->accept;
}

static void take_commit(struct sync *s, const cJSON *j)
{
	snprintf(s->head, sizeof(s->head), "%s", json_str(j, "id", ""));
	snprintf(s->commit.id, sizeof(s->commit.id), "%s", s->head);
	snprintf(s->commit.tree, sizeof(s->commit.tree), "%s", json_str(j, "tree", ""));
	s->commit.subject = xstrdup_null(json_str(j, "subject", NULL));
	s->commit.author = xstrdup_null(json_str(j, "author", NULL));
	s->commit.time = json_int(j, "time", 0);
	s->forced = json_bool(j, "forced", false);
	s->tag = xstrdup_null(json_str(j, "tag", NULL));
	snprintf(s->tag_object, sizeof(s->tag_object), "%s", json_str(j, "tag_object", ""));
	commit_info_copy(&s->report->commit, &s->commit);
}

/* The source did not answer: told by the rule of repeats. */
static void note_failure(struct sync *s, const struct err *why)
{
	char text[sizeof(why->cause) + sizeof(why->trail)];
	struct err ignored = ERR_INIT;

	err_text(why, text, sizeof(text));
	if (s->dry)
		return;
	report_failure(s, EVENT_SOURCE_UNREACHABLE, &(struct event_fields){.reason = text}, text);
	/* Counted once on disk: a source that is down all night costs no write a poll. */
	if (s->source.failures > 0 && str_eq(s->source.last_error, text))
		return;
	s->source.failures++;
	free(s->source.last_error);
	s->source.last_error = xstrdup(text);
	(void)source_write(s->store, &s->source, &ignored);
}

static int note_answer(struct sync *s, struct err *e)
{
	if (s->dry)
		return 0;
	(void)report_recovery(s, EVENT_SOURCE_UNREACHABLE, EVENT_SOURCE_REACHABLE,
			      &(struct event_fields){.commit = s->head},
			      "the source answers again");
	if (s->source.failures == 0)
		return 0;
	s->source.failures = 0;
	free(TAKE(s->source.last_error));
	return source_write(s->store, &s->source, e);
}

static int ask_work(void *arg, struct worker_out *o, cJSON **result, struct err *e)
{
	const struct sync *s = arg;
	const struct source_config *src = &s->config->source;
	char id[OBJECT_ID_SIZE] = "";

	(void)o;
	sync_confine(s, NULL, src->kind != SOURCE_FILE);
	if (repo_ask_source(src, id, e) < 0)
		return -1;
	*result = cJSON_CreateString(id);
	return 0;
}

static struct worker_limits limits_of(const struct sync *s)
{
	struct worker_limits l = sync_reader_limits;

	l.timeout_ms = (int)s->config->source.timeout_ms + GRACE_MS;
	return l;
}

static char *job_name(const char *verb, const struct sync *s)
{
	auto_free char *shown = giturl_show(s->config->source.url);

	return xasprintf("%s %s", verb, shown);
}

/* What the source has, without libgit2: most of the time nothing moved, and that is all. */
static int ask_source(struct sync *s, struct err *e)
{
	const struct source_config *src = &s->config->source;
	struct worker_limits l = limits_of(s);
	auto_json cJSON *id = NULL;
	auto_free char *what = job_name("asking", s);

	if (worker_call(what, ask_work, s, &l, NULL, NULL, &id, e) < 0)
		return err_wrap(e, "fetch");
	snprintf(s->head, sizeof(s->head), "%s", cJSON_GetStringValue(id));
	if (s->head[0])
		return 0;
	return err_set(e, ERR_RETRY, 0, "%s has no %s %s; what runs here keeps running", src->url,
		       src->tag ? "tag that matches" : "branch", src->tag ? src->tag : src->branch);
}

/* While it fetches, this process reads what the new tree is going to be compared with. */
static int fetch_beside(struct sync *s, struct fetch_job *f, cJSON **answer, struct err *e)
{
	struct worker_limits l = limits_of(s);
	struct err ignored = ERR_INIT; /* it is read again by whoever needs it, who says so */
	struct worker *w = NULL;
	int64_t number = s->current.number;

	auto_free char *what = job_name("fetching from", s);

	if (worker_start(what, fetch_work, f, &l, false, &w, e) < 0)
		return -1;
	if (number > 0 && !s->current.source)
		(void)generation_read(s->store, number, &s->current, &ignored);
	if (worker_finish(w, NULL, NULL, answer, e) < 0)
		return err_wrap(e, "fetch");
	return 0;
}

static int get_objects(struct sync *s, cJSON **answer, struct err *e)
{
	auto_free char *dir = sync_repo_dir(s);
	struct fetch_job f = {.sync = s, .repo_dir = dir, .last = s->source.id, .head = s->head};
	struct worker_limits l = limits_of(s);

	/* Once, before the workers that need it are forked: 56 M instructions that they inherit. */
	if (repo_library_init(e) < 0)
		return -1;
	if (fetch_beside(s, &f, answer, e) < 0)
		return -1;
	if (!json_bool(*answer, "damaged", false))
		return 0;
	cJSON_Delete(TAKE(*answer));
	strv_push(&s->report->warnings,
		  "repo.git was damaged; it was moved aside and is fetched anew");
	if (repo_reset(dir, e) < 0 ||
	    worker_call("fetching anew", fetch_work, &f, &l, NULL, NULL, answer, e) < 0)
		return err_wrap(e, "fetch");
	return 0;
}

/* The source as it was when the last sync was done with it: a mistake in it is still one. */
static int nothing_new(struct sync *s, struct err *e)
{
	if (s->source.last_error) /* rejected as a whole, and it has not changed since */
		return err_set(e, ERR_REJECTED, 0, "%s", s->source.last_error);
	if (log_verbose()) { /* somebody asked why: only then is it worth reading */
		if (s->current.number > 0 &&
		    generation_read(s->store, s->current.number, &s->current, e) < 0)
			return -1;
		for (size_t i = 0; i < s->current.n; i++)
			report_unchanged(s, s->current.v[i].name,
					 "the repository has what the last sync saw");
	}
	s->report->nothing_new = true;
	s->finished = true;
	return 0;
}

int flow_fetch(struct sync *s, struct err *e)
{
	auto_json cJSON *answer = NULL;

	if (s->options->rollback)
		return target_load(s, e); /* offline */
	if (s->config->source.kind == SOURCE_NONE)
		return repo_library_init(e); /* classic mode: agent.yaml is the source */
	if (ask_source(s, e) < 0) {
		note_failure(s, e);
		return -1;
	}
	if (note_answer(s, e) < 0)
		return -1;
	if (str_eq(s->head, s->source.id))
		age_look(s);
	if (settled(s) && str_eq(s->head, s->source.id)) {
		snprintf(s->report->commit.id, OBJECT_ID_SIZE, "%s", s->head);
		return nothing_new(s, e);
	}
	if (get_objects(s, &answer, e) < 0) {
		note_failure(s, e);
		return -1;
	}
	take_commit(s, answer);
	return fault_hit(FAULT_fetch_done, e);
}
