/*
 * evidence - what health saw, for the history: of each service in which state it was and since
 * when, of each probe what it answered. Depends on: trial.h.
 */
#include "agent/flow/trial.h"

#include "common/duration.h"
#include "common/mem.h"

#include <string.h>

enum { FIRST_LOOK_MS = 200 };

static const char *state_of(const struct container *c)
{
	if (c->state == CONTAINER_EXITED)
		return "ended";
	return c->health == HEALTH_HEALTHY ? "healthy" : "running";
}

void sights_begin(struct sights *s)
{
	for (size_t i = 0; i < s->n; i++)
		s->v[i].now = false;
}

void sights_note(struct sights *s, const struct container *c, int64_t now_ms)
{
	const char *state = state_of(c);
	struct sight *x = NULL;

	for (size_t i = 0; i < s->n && !x; i++)
		if (strcmp(s->v[i].id, c->id) == 0)
			x = &s->v[i];
	if (!x) {
		s->v = xreallocarray(s->v, s->n + 1, sizeof(*s->v));
		x = &s->v[s->n++];
		*x = (struct sight){.service = xstrdup(c->service),
				    .id = xstrdup(c->id),
				    .since_ms = now_ms,
				    .restarts_before = c->restart_count};
	} else if (strcmp(x->state, state) != 0) {
		x->since_ms = now_ms;
	}
	x->state = state;
	x->restarts = c->restart_count - x->restarts_before;
	x->exit_code = c->exit_code;
	x->now = true;
}

static char *words_of(const struct sight *x, int64_t begun_ms, int64_t now_ms)
{
	char span[40];

	if (strcmp(x->state, "ended") == 0)
		return xasprintf("service %s: ended with %d", x->service, x->exit_code);
	if (strcmp(x->state, "healthy") == 0 && x->since_ms - begun_ms < FIRST_LOOK_MS)
		return xasprintf("service %s: healthy from the first look on", x->service);
	if (strcmp(x->state, "healthy") == 0)
		return xasprintf("service %s: healthy after %s", x->service,
				 duration_text(x->since_ms - begun_ms, span, sizeof(span)));
	duration_text(now_ms - x->since_ms, span, sizeof(span));
	if (x->restarts > 0)
		return xasprintf("service %s: running for %s, %d restarts", x->service, span,
				 x->restarts);
	return xasprintf("service %s: running for %s, no restart", x->service, span);
}

void sights_tell(const struct sights *s, int64_t now_ms, struct strv *out)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i].now)
			strv_push_own(out, words_of(&s->v[i], s->begun_ms, now_ms));
	}
}

void sights_done(struct sights *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].service);
		free(s->v[i].id);
	}
	free(s->v);
	*s = (struct sights){.n = 0};
}
