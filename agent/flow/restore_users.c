/*
 * restore_users - containers go before their data is exchanged: an engine that restarts in between
 * would start them on half of it. Another project's are never touched: then its data stays.
 * Depends on: snap_parts.h.
 */
#include "agent/flow/snap_parts.h"

#include "common/mem.h"

#include <string.h>

static const struct mount *uses_it(const struct user *c, const struct exchange *x)
{
	struct project_volume v = {.name = x->name, .path = x->path};

	return volume_mount(c, &v);
}

/* Another project's container runs on it: it would go on with what is moved away. */
static void leave_to_others(struct bench *b, const struct uses *all)
{
	struct snap_state *s = &b->intent.snap;

	for (size_t i = s->n_exchanges; i > 0; i--)
		for (size_t k = 0; k < all->n; k++) {
			const struct user *c = &all->v[k];

			if (str_eq(c->project, trial_compose_name(b->trial)) || !user_runs(c) ||
			    !uses_it(c, &s->exchanges[i - 1]))
				continue;
			strv_pushf(&s->left, "%s (container %s runs on it)",
				   exchange_shown(&s->exchanges[i - 1]), c->name);
			snap_drop_exchange(s, i - 1);
			break;
		}
}

static bool uses_any(const struct snap_state *s, const struct user *c)
{
	for (size_t i = 0; i < s->n_exchanges; i++)
		if (uses_it(c, &s->exchanges[i]))
			return true;
	return false;
}

/* Its anonymous volumes would be lost with it: Compose hands them on to the one that replaces it.
 */
static bool has_anonymous(const struct user *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (strlen(c->v[i].name) == 64 && strspn(c->v[i].name, "0123456789abcdef") == 64)
			return true;
	return false;
}

static bool is_calm(const struct snap_state *s, const char *id)
{
	for (size_t i = 0; i < s->n_holds; i++)
		if (str_eq(s->holds[i].id, id))
			return true;
	return false;
}

/* It stays, but must not come up by itself after a reboot in the middle. */
static int plan_calm(struct bench *b, const struct user *c, bool *added, struct err *e)
{
	struct snap_state *s = &b->intent.snap;
	char *policy = NULL;

	if (is_calm(s, c->id))
		return 0;
	if (engine_restart_policy(b->sync->engine, c->id, &policy, e) < 0)
		return -1;
	s->holds = xreallocarray(s->holds, s->n_holds + 1, sizeof(*s->holds));
	s->holds[s->n_holds++] = (struct hold){.id = xstrdup(c->id),
					       .name = xstrdup(c->name),
					       .service = xstrdup(c->service),
					       .policy = policy};
	*added = true;
	return 0;
}

static int clear_one(struct bench *b, const struct user *c, struct err *e)
{
	struct engine *g = b->sync->engine;

	if (!has_anonymous(c))
		return engine_remove(g, c->id, e);
	return engine_set_restart_policy(g, c->id, "no", e);
}

static bool is_concerned(const struct bench *b, const struct user *c)
{
	return str_eq(c->project, trial_compose_name(b->trial)) && uses_any(&b->intent.snap, c);
}

/* Stop them politely: what the failed version wrote is kept, so let it be whole. */
static int stop_users(struct bench *b, const struct uses *all, struct err *e)
{
	auto_strv struct strv running = STRV_INIT;
	bool calmed = false;

	for (size_t i = 0; i < all->n; i++) {
		const struct user *c = &all->v[i];

		if (!is_concerned(b, c))
			continue;
		if (user_runs(c))
			strv_push(&running, c->id);
		if (has_anonymous(c) && plan_calm(b, c, &calmed, e) < 0)
			return -1;
	}
	if (calmed && bench_save(b, e) < 0)
		return -1;
	return running.n > 0 ? engine_stop_all(b->sync->engine, &running, e) : 0;
}

int restore_clear_users(struct bench *b, bool first, struct err *e)
{
	auto_uses struct uses all = USES_INIT;
	size_t left = b->intent.snap.left.n;

	if (engine_uses(b->sync->engine, NULL, &all, e) < 0)
		return -1;
	if (first)
		leave_to_others(b, &all);
	/* An undo does what it can and says the rest; who asks for data gets all of it or none. */
	if (first && !b->intent.snap.undoing && b->intent.snap.left.n > left)
		return err_set(e, ERR_FAILED, 0, "cannot be put back: %s",
			       b->intent.snap.left.v[left]);
	if (stop_users(b, &all, e) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (is_concerned(b, &all.v[i]) && clear_one(b, &all.v[i], e) < 0)
			return -1;
	return 0;
}

void restore_policies(struct bench *b)
{
	struct snap_state *s = &b->intent.snap;

	for (size_t i = 0; i < s->n_holds; i++) {
		struct err ignored = ERR_INIT;

		if (s->holds[i].policy) /* mostly it is gone: it was replaced */
			(void)engine_set_restart_policy(b->sync->engine, s->holds[i].id,
							s->holds[i].policy, &ignored);
	}
}
