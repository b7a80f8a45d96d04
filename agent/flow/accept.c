/*
 * accept - what a person is about to accept: the commit, how it stands to what was accepted before,
 * and its signature. Looked at in a scratch directory; accepting itself is a sync with the option
 * `accept` (verify.c). Depends on: staging.h, git, store.
 */
#include "agent/flow/staging.h"

#include "common/mem.h"

#include <string.h>

void accept_view_done(struct accept_view *v)
{
	commit_info_done(&v->commit);
	anchor_done(&v->before);
	free(v->signature);
	memset(v, 0, sizeof(*v));
}

struct looking {
	struct sync *sync;
	const char *id, *anchor; /* anchor: "" for none */
};

static int not_there(const struct sync *s, const char *id, struct err *e)
{
	return err_set(
		e, ERR_USAGE, 0,
		"commit %.12s is not part of what the repository has now, %s: accept what it has, "
		"or push first",
		id, s->head);
}

/* Of the commit alone; a tag is looked at when it is this commit's. */
static void look_signature(struct repo *r, const struct looking *l, const struct commit_info *c,
			   cJSON *out)
{
	struct sync *s = l->sync;
	struct verify_config v = s->config->verify;
	auto_free char *scratch = xasprintf("%s/gnupg", s->scratch), *who = NULL;
	const struct repo_question q = {.config = &v,
					.scratch = scratch,
					.head = c,
					.tag = s->tag,
					.tag_object = s->tag_object};
	struct err why = ERR_INIT;

	if (v.mode == VERIFY_TAG && strcmp(c->id, s->head) != 0)
		v.mode = VERIFY_HEAD;
	bool good = repo_verify(r, &q, &who, &why) == 0;

	json_set_bool(out, "good", good);
	json_set_str(out, "signature", good ? who : why.cause);
}

static int look(struct repo *r, void *arg, cJSON **result, struct err *e)
{
	const struct looking *l = arg;
	struct commit_info c = {.time = 0};
	struct err ignored = ERR_INIT;
	bool here = false, descends = true;

	if (repo_commit(r, l->id, &c, &ignored) < 0)
		return not_there(l->sync, l->id, e);
	cJSON *out = cJSON_CreateObject();

	*result = out;
	cJSON_AddItemToObject(out, "commit", commit_info_to_json(&c));
	int rc = repo_is_ancestor(r, l->id, l->sync->head, &here, e);

	if (rc == 0 && !here)
		rc = not_there(l->sync, l->id, e);
	if (rc == 0 && l->anchor[0])
		rc = repo_is_ancestor(r, l->anchor, l->id, &descends, e);
	if (rc == 0)
		look_signature(r, l, &c, out);
	json_set_bool(out, "descends", descends);
	commit_info_done(&c);
	return rc;
}

static int ask(struct sync *s, const char *id, struct accept_view *out, struct err *e)
{
	auto_json cJSON *j = NULL;
	struct err damaged = ERR_INIT;

	if (repo_library_init(e) < 0 || source_read(s->store, &s->source, e) < 0)
		return -1;
	if (anchor_read(s->store, &out->before, &damaged) < 0)
		out->damaged = true;
	if (flow_fetch(s, e) < 0)
		return -1;
	const struct looking l = {.sync = s, .id = id, .anchor = out->before.id};

	if (with_repo(s, "accept", look, (void *)&l, &j, e) < 0)
		return -1;
	memcpy(out->head, s->head, sizeof(out->head));
	commit_info_from_json(cJSON_GetObjectItemCaseSensitive(j, "commit"), &out->commit);
	out->descends = json_bool(j, "descends", false);
	out->signed_well = json_bool(j, "good", false);
	out->signature = xstrdup_null(json_str(j, "signature", NULL));
	return 0;
}

int flow_accept_view(const struct config *c, const char *id, struct accept_view *out, struct err *e)
{
	struct config view = *c; /* shallow: only state_dir may be replaced */
	struct sync_options o = {.accept = id};
	struct sync_report report = {.n = 0};
	struct sync s = {
		.config = &view, .options = &o, .report = &report, .lock_fd = -1, .dry = true};
	int rc;

	memset(out, 0, sizeof(*out));
	if (c->verify.mode == VERIFY_OFF || c->source.kind == SOURCE_NONE)
		return err_set(e, ERR_USAGE, 0,
			       "verify.mode is off: every commit is accepted as it comes");
	s.stop.signal_fd = s.stop.event_fd = -1;
	rc = scratch_open(&s, &view, e) < 0 ? -1 : ask(&s, id, out, e);
	sync_report_done(&report);
	scratch_close(&s, &view, c->state_dir);
	return rc;
}
