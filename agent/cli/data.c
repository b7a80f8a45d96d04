/*
 * data - see data.h.
 * Depends on: progress, sync_run.
 */
#include "agent/cli/data.h"

#include "agent/cli/progress.h"
#include "agent/cli/sync_run.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { ANSWER_MAX = 16 };

static int no(struct err *e)
{
	return err_set(e, ERR_USAGE, 0, "nothing was changed");
}

int data_ask(const struct cli *c, const char *question, const char *what, struct err *e)
{
	char answer[ANSWER_MAX] = "";

	if (call_has(&c->call, "yes"))
		return 0;
	if (c->json || isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1)
		return err_set(e, ERR_USAGE, 0,
			       "%s and there is nobody to ask: add --yes if that is what you want; "
			       "nothing was changed",
			       what);
	(void)fprintf(stderr, "%s [y/N] ", question);
	(void)fflush(stderr);
	if (!fgets(answer, sizeof(answer), stdin))
		return no(e);
	answer[strcspn(answer, "\r\n")] = '\0';
	return strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0 ? 0 : no(e);
}

int data_confirm(const struct cli *c, const char *question, struct err *e)
{
	return data_ask(c, question, "this discards data", e);
}

int data_run(struct cli *c, struct data_options *o,
	     int (*run)(const struct config *c, const struct data_options *o, struct snapshot *out,
			struct err *e),
	     struct snapshot *out, struct err *e)
{
	bool live = isatty(STDERR_FILENO) == 1;
	struct look k = look_of(STDERR_FILENO, c->color);
	auto_progress struct progress_display *d =
		progress_open(STDERR_FILENO, live ? PROGRESS_LIVE : PROGRESS_PLAIN, &k);
	struct progress calls = progress_calls(d);

	/* With --json and no terminal nobody reads along. */
	o->progress = c->json && !live && !c->verbose ? NULL : &calls;
	o->lock_wait_ms = sync_wait(c);
	return run(&c->config, o, out, e);
}

void data_names(const char *text, struct strv *out)
{
	while (text && *text != '\0') {
		size_t n = strcspn(text, ",");

		if (n > 0)
			strv_pushf(out, "%.*s", (int)n, text);
		text += n + (text[n] == ',');
	}
}
