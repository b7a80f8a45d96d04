/*
 * verbs - the table of verbs, in the order the help shows them, and the options that every verb
 * takes. Depends on: verb. To add a verb: a file with its row, and one line in VERBS.
 */
#include "agent/cli/verb.h"

#include <string.h>

#define VERBS(X)                                                                                   \
	X(run)                                                                                     \
	X(sync)                                                                                    \
	X(plan)                                                                                    \
	X(rollback)                                                                                \
	X(restore)                                                                                 \
	X(retry)                                                                                   \
	X(status)                                                                                  \
	X(generations)                                                                             \
	X(show)                                                                                    \
	X(snapshots)                                                                               \
	X(events)                                                                                  \
	X(accept)                                                                                  \
	X(suspend)                                                                                 \
	X(resume)                                                                                  \
	X(deliver)                                                                                 \
	X(snapshot)                                                                                \
	X(secrets)                                                                                 \
	X(gc)                                                                                      \
	X(init)                                                                                    \
	X(check)                                                                                   \
	X(help)                                                                                    \
	X(version)

#define X(n) extern const struct verb verb_##n;
VERBS(X)
#undef X
#define X(n) &verb_##n,
static const struct verb *const verbs[] = {VERBS(X)};
#undef X

const struct option_row global_options[] = {
	{.name = "config",
	 .arg = "FILE",
	 .letter = 'c',
	 .help = "the host's settings; default " MDC_SYSCONFDIR
		 "/agent.yaml, as a user ~/.config/mdc-agent/agent.yaml"},
	{.name = "json", .help = "print JSON instead of text; errors too"},
	{.name = "color",
	 .arg = "auto|always|never",
	 .help = "colour; auto: on a terminal, unless NO_COLOR is set"},
	{.name = "verbose", .letter = 'v', .help = "say more while working"},
	{.name = "help", .letter = 'h', .help = "show help for the verb"},
	{.name = "version", .help = "print the version"},
	{.name = NULL},
};

const struct verb *const *verb_list(size_t *n)
{
	*n = COUNT_OF(verbs);
	return verbs;
}

const struct verb *verb_find(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(verbs); i++) {
		if (strcmp(verbs[i]->name, name) == 0)
			return verbs[i];
	}
	return NULL;
}

const char *verb_group_name(enum verb_group g)
{
	static const char *const names[] = {
		[GROUP_DEPLOY] = "Deploying",
		[GROUP_LOOK] = "Looking",
		[GROUP_STEER] = "Steering",
		[GROUP_SETUP] = "Setting up",
	};

	return names[g];
}
