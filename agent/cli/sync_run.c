/*
 * sync_run - see sync_run.h. Progress goes to standard error, the report to standard output: with
 * --json that is one document, whatever happens. Depends on: flow, progress, show.
 */
#include "agent/cli/sync_run.h"

#include "agent/cli/progress.h"
#include "agent/cli/show.h"
#include "common/clock.h"
#include "common/lock.h"
#include "common/log.h"
#include "common/path.h"

#include <stdio.h>
#include <unistd.h>

enum { LOCK_WAIT_MS = 10 * 60 * 1000, LOCK_LOOK_MS = 200 };

int sync_wait(const struct cli *c)
{
	auto_free char *lock = path_join(c->config.state_dir, "lock");
	struct deadline until = deadline_in(LOCK_WAIT_MS);
	char holder[256];

	if (*lock_holder(lock, holder, sizeof(holder))) {
		auto_str struct str who = STR_INIT;

		show_holder(&who, holder);
		log_info("another sync is under way: %s; waiting for it", str_text(&who));
	}
	while (*lock_holder(lock, holder, sizeof(holder)) && !deadline_over(until))
		clock_pause_ms(LOCK_LOOK_MS);
	return (int)deadline_left_ms(until);
}

static int tell_json(const struct sync_report *r, const struct err *failed, struct err *e)
{
	auto_json cJSON *o = sync_report_to_json(r);

	if (failed)
		cJSON_AddItemToObject(o, "error", output_error(failed));
	return output_json(o, e);
}

/* Under the daemon the journal has an entry for each outcome; the report is for a person who looks
 * at debug. */
static void tell_log(const struct sync_report *r, const struct look *k)
{
	auto_str struct str out = STR_INIT;

	show_sync(&out, r, k, true);
	if (r->nothing_new || getenv("JOURNAL_STREAM"))
		log_debug("%s", str_text(&out));
	else
		log_info("%s", str_text(&out));
}

static int tell(struct cli *c, const struct sync_report *r, bool brief, const struct err *failed,
		struct err *e)
{
	auto_str struct str out = STR_INIT;

	if (c->json) {
		c->error_shown = failed != NULL;
		return tell_json(r, failed, e);
	}
	/* A sync that came to nothing has only its error to tell. */
	if (failed && r->n == 0 && r->recovered.n == 0 && r->warnings.n == 0)
		return 0;
	show_sync(&out, r, &c->look, brief);
	return output_text(&out, e);
}

static void log_failure(struct cli *c, const struct err *failed)
{
	char text[1400];

	(void)err_text(failed, text, sizeof(text));
	if (failed->kind == ERR_RETRY)
		log_warn("%s", text);
	else
		log_error("%s", text);
	c->error_shown = true;
}

static enum progress_how how_of(bool daemon)
{
	if (daemon)
		return PROGRESS_LOG;
	return isatty(STDERR_FILENO) == 1 ? PROGRESS_LIVE : PROGRESS_PLAIN;
}

static int run(struct cli *c, struct sync_options *o, enum progress_how how, struct sync_report *r,
	       struct err *e)
{
	struct look k = look_of(STDERR_FILENO, c->color);
	auto_progress struct progress_display *d = progress_open(STDERR_FILENO, how, &k);
	struct progress calls = progress_calls(d);
	/* With --json and no terminal nobody reads along. */
	bool quiet = c->json && how == PROGRESS_PLAIN && !c->verbose;

	o->progress = quiet ? NULL : &calls;
	return flow_sync(&c->config, o, r, e);
}

int sync_run(struct cli *c, struct sync_options *o, bool daemon, struct err *e)
{
	auto_sync_report struct sync_report r = {.n = 0};
	enum progress_how how = how_of(daemon);
	struct err told = ERR_INIT;
	int result;

	o->lock_wait_ms = sync_wait(c);
	result = run(c, o, how, &r, e);
	if (daemon) {
		tell_log(&r, &c->look);
		if (result < 0)
			log_failure(c, e);
		return result;
	}
	if (tell(c, &r, how == PROGRESS_LIVE && isatty(STDOUT_FILENO) == 1, result < 0 ? e : NULL,
		 &told) < 0 &&
	    result == 0) {
		*e = told;
		return -1;
	}
	return result;
}
