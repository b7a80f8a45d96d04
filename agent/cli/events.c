/*
 * events - the verb `events`: what happened on this host, from history.jsonl.
 * Depends on: store, show, since.
 */
#include "agent/cli/show.h"
#include "agent/cli/since.h"
#include "agent/cli/verb.h"
#include "agent/store/store.h"
#include "common/mem.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum {
	LINES_DEFAULT = 50,
	LOOK_MAX = 10 * 1000 * 1000, /* entries: all there are */
	BATCH = 1000,
	LOOK_ANYWAY_MS = 30 * 1000, /* a file system that tells nothing of changes */
};

struct listing {
	const struct cli *cli;
	const char *project; /* or NULL */
	int64_t since;       /* wall clock; 0: from the beginning */
	size_t lines;        /* at most so many; 0: no limit */
	cJSON *kept;         /* the last of those that fit */
	size_t n;
	int64_t seq; /* of the last one seen, whether it fits or not */
	size_t found;
	struct err *e;
	bool failed;
};

static bool fits(const struct listing *l, const cJSON *entry)
{
	if (json_int(entry, "time", 0) < l->since)
		return false;
	return !l->project || str_eq(json_str(entry, "project", NULL), l->project);
}

static void keep(const cJSON *entry, void *arg)
{
	struct listing *l = arg;
	int64_t seq = json_int(entry, "seq", 0);

	if (seq > l->seq)
		l->seq = seq;
	if (!fits(l, entry))
		return;
	cJSON_AddItemToArray(l->kept, cJSON_Duplicate(entry, true));
	if (l->lines == 0 || l->n < l->lines)
		l->n++;
	else /* the first is found at once, the others are not looked at */
		cJSON_DeleteItemFromArray(l->kept, 0);
}

static int put(const struct listing *l, const cJSON *entry, struct err *e)
{
	auto_str struct str out = STR_INIT;

	if (l->cli->json) {
		auto_free char *line = json_text(entry);

		str_addf(&out, "%s\n", line);
		return output_text(&out, e);
	}
	show_event(&out, entry, &l->cli->look);
	if (l->cli->verbose)
		show_event_details(&out, "    ", entry, &l->cli->look);
	return output_text(&out, e);
}

static int show_new(const cJSON *entry, void *arg)
{
	struct listing *l = arg;

	l->seq = json_int(entry, "seq", l->seq);
	l->found++;
	if (fits(l, entry) && put(l, entry, l->e) < 0)
		l->failed = true;
	return l->failed;
}

static int watch(const struct store *s, int *fd, struct err *e)
{
	auto_free char *dir = store_path(s, ".");

	*fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (*fd < 0 || inotify_add_watch(*fd, dir, IN_MODIFY | IN_MOVED_TO | IN_CREATE) < 0)
		return err_set(e, ERR_RETRY, errno, "cannot watch the state directory");
	return 0;
}

/* Until nobody reads us any more, or a signal ends us. The cursor makes rotation no special case.
 */
static int follow(const struct store *s, struct listing *l, int fd, struct err *e)
{
	struct pollfd p[] = {{.fd = fd, .events = POLLIN}, {.fd = STDOUT_FILENO, .events = 0}};
	char told[4096];

	l->e = e;
	l->since = 0;
	for (;;) {
		do {
			l->found = 0;
			if (history_from(s, l->seq, BATCH, show_new, l, e) < 0 || l->failed)
				return -1;
		} while (l->found > 0);
		if (poll(p, COUNT_OF(p), LOOK_ANYWAY_MS) < 0 && errno != EINTR)
			return err_set(e, ERR_RETRY, errno, "cannot wait for the history");
		if (p[1].revents & (POLLERR | POLLHUP))
			return 0; /* `| head` has what it wanted */
		while (read(fd, told, sizeof(told)) > 0)
			;
	}
}

static int read_options(struct cli *c, struct listing *l, struct err *e)
{
	const char *lines = call_value(&c->call, "lines"), *since = call_value(&c->call, "since");
	char *end = NULL;
	long n = LINES_DEFAULT;

	l->project = call_value(&c->call, "project");
	if (lines) {
		n = strtol(lines, &end, 10);
		if (end == lines || *end || n < 0 || n > LOOK_MAX)
			return err_set(e, ERR_USAGE, 0, "--lines: expected a number, not '%s'",
				       lines);
	}
	l->lines = since && !lines ? 0 : (size_t)n;
	return since ? since_parse(since, c->look.now, &l->since, e) : 0;
}

static int events(struct cli *c, struct err *e)
{
	auto_store struct store *s = NULL;
	auto_json cJSON *kept = cJSON_CreateArray();
	auto_close int fd = -1;
	struct listing l = {.cli = c, .kept = kept};
	bool none = call_value(&c->call, "lines") && str_eq(call_value(&c->call, "lines"), "0");
	bool go_on = call_has(&c->call, "follow");
	const cJSON *entry;

	if (read_options(c, &l, e) < 0 || store_open(&c->config, false, &s, e) < 0)
		return -1;
	/* Before the first look: what comes meanwhile wakes us. */
	if (go_on && watch(s, &fd, e) < 0)
		return -1;
	if (history_each(s, LOOK_MAX, keep, &l, e) < 0)
		return -1;
	cJSON_ArrayForEach (entry, kept) {
		if (!none && put(&l, entry, e) < 0)
			return -1;
	}
	return go_on ? follow(s, &l, fd, e) : 0;
}

static const struct option_row options[] = {
	{.name = "follow", .letter = 'f', .help = "go on with what happens from now on"},
	{.name = "since",
	 .arg = "TIME",
	 .help = "only later ones: a duration (2h, 3d) or a date (2026-11-19, \"2026-11-19 "
		 "03:12\", today)"},
	{.name = "project", .letter = 'p', .arg = "PROJECT", .help = "only those of this project"},
	{.name = "lines",
	 .letter = 'n',
	 .arg = "N",
	 .help = "the last N; default 50, or all of them with --since"},
	{.name = NULL},
};

const struct verb verb_events = {
	.name = "events",
	.args = "",
	.help = "show what happened, and why",
	.details =
		"A line for each event, oldest first: when, what, of which project (and "
		"generation), why. With --verbose also what was changed, how long each step took, "
		"what health saw, and log lines of what failed. With --json one object a line; its "
		"members stand in docs/events.md.\n"
		"The history holds some ten thousand events; older ones are in the journal.",
	.options = options,
	.group = GROUP_LOOK,
	.needs_config = true,
	.run = events,
};
