/*
 * rollback - the verb `rollback`: say what going back means, then do it as a sync whose target is
 * an old generation. Depends on: flow, store, sync_run, show, data.
 */
#include "agent/cli/data.h"
#include "agent/cli/pick.h"
#include "agent/cli/show.h"
#include "agent/cli/sync_run.h"
#include "agent/store/store.h"
#include "common/clock.h"

#include <string.h>

struct way {
	int64_t target;
	struct generation from, to;
	const char *project; /* only this one, or NULL */
	bool data;           /* volumes go back too */
	struct losses losses;
};

/* Does going to `to` change anything (of that project)? */
static bool differs(const struct way *w, const struct generation *to)
{
	for (size_t i = 0; i < w->from.n; i++) {
		const struct generation_entry *was = &w->from.v[i];

		if ((!w->project || str_eq(w->project, was->name)) &&
		    show_change_of(was, generation_find(to, was->name)) != CHANGE_NONE)
			return true;
	}
	for (size_t i = 0; i < to->n; i++) {
		const struct generation_entry *is = &to->v[i];

		if ((!w->project || str_eq(w->project, is->name)) &&
		    !generation_find(&w->from, is->name) && show_change_of(NULL, is) != CHANGE_NONE)
			return true;
	}
	return false;
}

/* The newest one below current that is whole and not the same: what "back" means to a person. */
static int find_previous(const struct store *s, struct way *w, struct err *e)
{
	auto_free int64_t *numbers = NULL;
	size_t n = 0;

	if (generation_numbers(s, &numbers, &n, e) < 0)
		return -1;
	while (n-- > 0) {
		struct generation g = {.number = 0};
		struct err why = ERR_INIT;

		if (numbers[n] >= w->from.number || generation_read(s, numbers[n], &g, &why) < 0)
			continue;
		if (differs(w, &g)) {
			w->to = g;
			w->target = g.number;
			return 0;
		}
		generation_done(&g);
	}
	auto_free char *project = w->project ? str_printable(w->project, 64) : NULL;

	return err_set(e, ERR_USAGE, 0,
		       "there is nothing to go back to: no kept generation before %lld differs "
		       "from it%s%s",
		       (long long)w->from.number, project ? " in project " : "",
		       project ? project : "");
}

static int find_way(struct cli *c, struct way *w, struct err *e)
{
	auto_store struct store *s = NULL;
	int64_t current = 0;

	if (store_open(&c->config, false, &s, e) < 0 || current_read(s, &current, e) < 0)
		return -1;
	if (current == 0)
		return err_set(e, ERR_USAGE, 0,
			       "there is no generation yet, so none to go back to");
	if (generation_read(s, current, &w->from, e) < 0)
		return -1;
	if (c->call.n_args == 0)
		return find_previous(s, w, e);
	if (call_generation(&c->call, 0, &w->target, e) < 0)
		return -1;
	return pick_generation(s, w->target, &w->to, e);
}

static void one_change(struct str *out, const struct way *w, const char *name, const struct look *k)
{
	const struct generation_entry *was = generation_find(&w->from, name);
	const struct generation_entry *is = generation_find(&w->to, name);
	auto_free char *safe = str_printable(name, 64);
	char old[SHORT_ID_SIZE], new[SHORT_ID_SIZE];

	if (w->project && !str_eq(w->project, name))
		return;
	switch (show_change_of(was, is)) {
	case CHANGE_ADD:
		look_addf(out, k, TONE_GOOD, "  + %s", safe);
		str_addf(out, " comes back (%s)\n", show_short_id(is->active.commit.id, new));
		break;
	case CHANGE_CONTENT:
		look_addf(out, k, TONE_WARN, "  ~ %s", safe);
		str_addf(out, " goes from %s to %s\n", show_short_id(was->active.commit.id, old),
			 show_short_id(is->active.commit.id, new));
		break;
	case CHANGE_REMOVE:
		look_addf(out, k, TONE_BAD, "  - %s", safe);
		str_add(out, " is taken down; its volumes stay\n");
		break;
	default:
		break;
	}
}

static void preview(struct str *out, const struct way *w, bool pin, const struct look *k)
{
	char when[CLOCK_ISO_SIZE];

	str_addf(out,
		 "going back from generation %lld to %lld, made %s: ", (long long)w->from.number,
		 (long long)w->to.number, clock_local(w->to.made, when));
	show_commit(out, &w->to.commit);
	str_addc(out, '\n');
	for (size_t i = 0; i < w->from.n; i++)
		one_change(out, w, w->from.v[i].name, k);
	for (size_t i = 0; i < w->to.n; i++) {
		if (!generation_find(&w->from, w->to.v[i].name))
			one_change(out, w, w->to.v[i].name, k);
	}
	if (!differs(w, &w->to))
		str_add(out, "  no project differs\n");
	if (w->data)
		show_losses(out, &w->losses, k);
	else
		str_add(out, "volumes are not touched: data stays as it is now\n");
	if (w->project)
		str_add(out, "what it has now is not applied again until it changes, or `mdc-agent "
			     "resume`\n");
	else if (pin)
		str_add(out, "pinned: nothing newer is applied until `mdc-agent resume`\n");
	else
		str_add(out, "nothing newer is applied until a commit changes this host's plan, or "
			     "`mdc-agent resume`\n");
}

static int check_project(const struct way *w, bool pin, struct err *e)
{
	auto_free char *shown = str_printable(w->project, 64);

	if (!generation_find(&w->from, w->project) && !generation_find(&w->to, w->project))
		return err_set(e, ERR_USAGE, 0,
			       "no project %s in generation %lld or %lld: see `mdc-agent show`",
			       shown, (long long)w->from.number, (long long)w->to.number);
	if (pin)
		return err_set(
			e, ERR_USAGE, 0,
			"--pin holds the whole host and does not go with --project: to keep %s as "
			"it is, set `suspend: true` for it",
			shown);
	return 0;
}

/* What going back with the data would discard; there must be something to put back. */
static int find_losses(struct cli *c, struct way *w, const struct strv *only, struct err *e)
{
	struct loss_question q = {.target = w->target, .project = w->project, .only = only};

	if (flow_losses(&c->config, &q, &w->losses, e) < 0)
		return -1;
	if (losses_any(&w->losses))
		return 0;
	return err_set(e, ERR_USAGE, 0,
		       "no data of generation %lld is kept that could be put back: without "
		       "--restore-volumes code and configuration go back alone",
		       (long long)w->target);
}

static int prepare(struct cli *c, struct way *w, const struct sync_options *o, struct err *e)
{
	auto_str struct str out = STR_INIT;

	if (find_way(c, w, e) < 0 || (w->project && check_project(w, o->pin, e) < 0))
		return -1;
	if (w->data && find_losses(c, w, o->restore_only, e) < 0)
		return -1;
	if (!c->json) {
		preview(&out, w, o->pin, &c->look);
		if (output_text(&out, e) < 0)
			return -1;
	}
	return w->data ? data_confirm(c, "discard this?", e) : 0;
}

static int rollback(struct cli *c, struct err *e)
{
	auto_strv struct strv only = STRV_INIT;
	struct sync_options o = {.rollback = true,
				 .pin = call_has(&c->call, "pin"),
				 .project = call_value(&c->call, "project"),
				 .restore_volumes = call_has(&c->call, "restore-volumes"),
				 .restore_only = &only};
	struct way w = {.project = o.project, .data = o.restore_volumes};

	data_names(call_value(&c->call, "restore-volumes"), &only);
	int result = prepare(c, &w, &o, e);

	strv_done(&only);
	losses_names(&w.losses, &only);

	o.target = w.target;
	losses_done(&w.losses);
	generation_done(&w.from);
	generation_done(&w.to);
	return result < 0 ? -1 : sync_run(c, &o, false, e);
}

static const struct option_row options[] = {
	{.name = "project", .arg = "NAME", .letter = 'p', .help = "only this project"},
	{.name = "pin", .help = "stay there whatever is pushed, until `mdc-agent resume`"},
	{.name = "restore-volumes",
	 .arg = "NAME,...",
	 .optional = true,
	 .help = "put that generation's data back too, of all volumes or of these; what was written "
		 "since is discarded"},
	{.name = "yes", .letter = 'y', .help = "with --restore-volumes: discard it without asking"},
	{.name = NULL},
};

const struct verb verb_rollback = {
	.name = "rollback",
	.args = "[GENERATION]",
	.help = "go back to an earlier generation",
	.details =
		"Without a number: the newest one before the current one that differs from it. It "
		"says first what will happen, then deploys that generation's files and images like "
		"any sync, with the same health checks. Neither the repository's server nor a "
		"registry is needed.\n"
		"Polling does not undo it: the content left behind is marked, and nothing is "
		"applied until a new commit changes this host's plan, or until `mdc-agent resume`. "
		"With `--pin` only `resume` ends it.\n"
		"Volumes are not touched: code and configuration go back, data stays as it is. With "
		"`--restore-volumes` the data goes back as well, from the snapshot that was taken when "
		"that generation was left. It says which writes are lost and which volumes cannot be "
		"put back, and asks; without a terminal it needs `--yes`. The data that is left is "
		"kept as a snapshot first.\n"
		"  mdc-agent rollback\n"
		"  mdc-agent rollback 41 --project web\n"
		"  mdc-agent rollback 41 --restore-volumes=db --yes",
	.options = options,
	.group = GROUP_DEPLOY,
	.max_args = 1,
	.needs_config = true,
	.reports = true,
	.run = rollback,
};
