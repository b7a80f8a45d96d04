/*
 * forge - the commit's status at GitHub, Gitea, Forgejo and GitLab: pending while a sync is under
 * way, then success or failure with one line of why; for each host under a name of its own.
 * Depends on: receiver. To add a forge: its kind in agent/model/reports.h and a row in `forges`.
 */
#include "agent/notify/receiver.h"

#include "common/http.h"
#include "common/json.h"
#include "common/mem.h"

#include <inttypes.h>
#include <string.h>

enum { WHY_MAX_BYTES = 140 }; /* GitHub takes no more */

enum state { STATE_PENDING, STATE_SUCCESS, STATE_FAILURE, STATE_ERROR };

static const struct {
	const char *words[4]; /* by enum state */
	const char *token;    /* how it is sent */
	bool one_segment;     /* owner/name is one escaped part of the path */
} forges[] = {
	[FORGE_GITHUB] = {{"pending", "success", "failure", "error"},
			  "Authorization: Bearer ",
			  false},
	[FORGE_GITEA] = {{"pending", "success", "failure", "error"},
			 "Authorization: token ",
			 false},
	[FORGE_FORGEJO] = {{"pending", "success", "failure", "error"},
			   "Authorization: token ",
			   false},
	[FORGE_GITLAB] = {{"running", "success", "failed", "failed"}, "PRIVATE-TOKEN: ", true},
};

static bool is_event(const cJSON *entry, const char *name)
{
	return strcmp(json_str(entry, "event", ""), name) == 0;
}

static bool is_commit(const char *id)
{
	size_t n = strspn(id, "0123456789abcdef");

	return id[n] == '\0' && (n == 40 || n == 64);
}

bool forge_wants(const cJSON *entry)
{
	static const char *const events[] = {"sync.started", "sync.finished", "source.rejected",
					     "project.failed"};

	for (size_t i = 0; i < COUNT_OF(events); i++)
		if (is_event(entry, events[i]))
			return is_commit(json_str(entry, "commit", ""));
	return false;
}

static const cJSON *count_of(const cJSON *entry, const char *outcome)
{
	const cJSON *i;

	cJSON_ArrayForEach (i, json_arr(json_obj(entry, "details"), "counts"))
		if (strcmp(json_str(i, "outcome", ""), outcome) == 0)
			return i;
	return NULL;
}

/* How a sync ended, and why in words that begin with the worst. */
static enum state judge_end(const cJSON *entry, struct str *why)
{
	static const struct {
		const char *outcome;
		enum state state;
	} rows[] = {
		{"degraded", STATE_ERROR}, {"failed", STATE_FAILURE}, {"blocked", STATE_FAILURE},
		{"retry", STATE_PENDING},  {"held", STATE_FAILURE},
	};
	static const char *const good[] = {"deployed", "repaired", "removed"};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const cJSON *c = count_of(entry, rows[i].outcome);
		const char *first = json_str(c, "first", "");

		/* What the repository itself wants to stay as it is did not fail. */
		if (!c || (rows[i].state == STATE_FAILURE && strstr(first, "`suspend: true`")))
			continue;
		str_addf(why, "%s%s%s", rows[i].outcome, first[0] ? ": " : "", first);
		return rows[i].state;
	}
	str_addf(why, "generation %" PRId64, json_int(entry, "generation", 0));
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		const cJSON *c = count_of(entry, good[i]);

		if (c)
			str_addf(why, ", %" PRId64 " %s", json_int(c, "count", 0), good[i]);
	}
	return STATE_SUCCESS;
}

static enum state judge(const cJSON *entry, struct str *why)
{
	if (is_event(entry, "sync.finished"))
		return judge_end(entry, why);
	if (is_event(entry, "sync.started")) {
		str_add(why, "deploying");
		return STATE_PENDING;
	}
	if (is_event(entry, "project.failed")) {
		str_addf(why, "%s: %s", json_str(entry, "project", ""),
			 json_str(entry, "reason", "failed"));
		return STATE_FAILURE;
	}
	str_add(why, json_str(entry, "reason", "rejected"));
	return STATE_ERROR;
}

struct status {
	const char *commit;
	enum state state;
	const char *why;
};

static void set_url(struct request *r, const struct forge_config *f, const char *commit)
{
	auto_free char *repo = http_escape(f->repo);

	if (forges[f->kind].one_segment)
		r->url = xasprintf("%s/projects/%s/statuses/%s", f->url, repo, commit);
	else
		r->url = xasprintf("%s/repos/%s/statuses/%s", f->url, f->repo, commit);
}

static void add_request(struct forge_call *call, const struct forge_config *f, const char *host,
			const struct status *s)
{
	struct request *r = &call->requests[call->n++];
	auto_json cJSON *j = cJSON_CreateObject();
	auto_free char *line = xstrndup(s->why, strcspn(s->why, "\n"));
	auto_free char *why = str_printable(line, WHY_MAX_BYTES);
	auto_free char *context =
		f->context ? xstrdup(f->context) : xasprintf("mdc-agent/%s", host);
	const char *word = forges[f->kind].words[s->state];

	*r = (struct request){.method = "POST"};
	set_url(r, f, s->commit);
	json_set_str(j, "state", word);
	json_set_str(j, f->kind == FORGE_GITLAB ? "name" : "context", context);
	json_set_str(j, "description", why);
	auto_free char *text = json_text(j);
	str_add(&r->body, text);
	strv_push(&r->headers, "Content-Type: application/json");
	if (f->kind == FORGE_GITHUB) {
		strv_push(&r->headers, "Accept: application/vnd.github+json");
		strv_push(&r->headers, "X-GitHub-Api-Version: 2022-11-28");
	}
	auto_free char *before = TAKE(call->what);
	call->what = xasprintf("%s%s %s %s\n", before ? before : "", s->commit, word, why);
}

int forge_build(const struct forge_config *f, const char *host, const char *token,
		const cJSON *entry, struct forge_call *out, struct err *e)
{
	struct forge_call call = {.n = 0};
	auto_str struct str why = STR_INIT;
	const char *left = json_str(entry, "previous", "");
	int64_t generation = json_int(entry, "generation", 0);
	struct status s = {.commit = json_str(entry, "commit", "")};

	(void)e;
	s.state = judge(entry, &why);
	/* Only a rollback's end names what it left. */
	bool back = is_event(entry, "sync.finished") && is_commit(left);
	auto_free char *text = xasprintf(
		"%s%s", back && s.state == STATE_SUCCESS ? "rolled back to " : "", str_text(&why));
	s.why = text;
	add_request(&call, f, host, &s);
	if (back && s.state == STATE_SUCCESS && strcmp(left, s.commit) != 0) {
		auto_free char *gone =
			xasprintf("%s was rolled back to generation %" PRId64, host, generation);

		add_request(&call, f, host,
			    &(struct status){.commit = left, .state = STATE_FAILURE, .why = gone});
	}
	for (size_t i = 0; i < call.n; i++)
		strv_pushf(&call.requests[i].headers, "%s%s", forges[f->kind].token, token);
	*out = call;
	return 0;
}

void forge_call_done(struct forge_call *c)
{
	for (size_t i = 0; i < c->n; i++)
		request_done(&c->requests[i]);
	free(c->what);
	*c = (struct forge_call){.n = 0};
}
