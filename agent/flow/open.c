/*
 * open - the first step: the lock, the records, and what a killed sync left.
 * Depends on: sync.h.
 */
#include "agent/flow/secrets.h"

#include "common/lock.h"
#include "common/log.h"
#include "common/mem.h"

#include <sys/stat.h>

static int read_records(struct sync *s, struct err *e)
{
	int64_t number = 0;

	if (source_read(s->store, &s->source, e) < 0 || control_read(s->store, &s->control, e) < 0)
		return -1;
	if (current_read(s->store, &number, e) < 0)
		return -1;
	s->current.number = number; /* its text is read once something moved */
	return 0;
}

static int lift_hold(struct sync *s, struct err *e)
{
	struct mark *marks = NULL;
	size_t n = 0;
	int rc = 0;

	control_done(&s->control);
	s->control = (struct control){.mode = CONTROL_AUTO};
	if (control_write(s->store, &s->control, e) < 0 ||
	    marks_of(s->store, NULL, &marks, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n && rc == 0; i++)
		if (marks[i].manual)
			rc = mark_remove(s->store, marks[i].project, marks[i].digest, e);
	marks_done(marks, n);
	report_event(s, EVENT_HOLD_LIFTED, &(struct event_fields){.reason = "resume"},
		     "hold lifted by `mdc-agent resume`");
	return rc;
}

static int forget_failures(struct sync *s, struct err *e)
{
	const char *only = s->options->project;
	struct mark *marks = NULL;
	size_t n = 0;
	int rc = 0;
	auto_strv struct strv names = STRV_INIT;

	if (marks_of(s->store, only, &marks, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = mark_remove(s->store, marks[i].project, marks[i].digest, e);
	marks_done(marks, n);
	if (rc < 0 || active_names(s->store, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n && rc == 0; i++) {
		if ((only && !str_eq(only, names.v[i])) || !degraded_is(s->store, names.v[i]))
			continue;
		strv_push(&s->doubted, names.v[i]);
		rc = degraded_remove(s->store, names.v[i], e);
	}
	return rc;
}

int sync_begin(struct sync *s, const char *what, struct err *e)
{
	/* What containers mount must be readable by their users; the state directory itself is
	 * 0700. */
	(void)umask(022);
	if (stop_open(&s->stop, e) < 0 || store_open(s->config, true, &s->store, e) < 0)
		return -1;
	auto_free char *lock = store_path(s->store, "lock");

	return lock_take(lock, what, s->options->lock_wait_ms, &s->lock_fd, e);
}

/* What a killed sync left; a person's word also takes up what recovery has given up. */
static int recover_first(struct sync *s, struct err *e)
{
	const struct sync_options *o = s->options;

	if (!o->retry && !o->rollback && !o->resume)
		return recover_run(s, e);
	if (recovery_forget(s->store, e) < 0 || recover_run(s, e) < 0)
		return -1;
	return park_take_up(s, o->project, e);
}

int flow_open(struct sync *s, struct err *e)
{
	const struct sync_options *o = s->options;

	if (sync_begin(s, o->rollback ? "rollback" : "sync", e) < 0)
		return -1;
	struct err why = ERR_INIT;

	/* What cannot be decrypted concerns its project alone; its next deployment says so too. */
	if (secrets_boot(s, false, &why) < 0)
		log_warn("secrets: %s", why.cause);
	if (recover_first(s, e) < 0)
		return err_wrap(e, "recovery");
	if (read_records(s, e) < 0)
		return -1;
	disk_look(s);
	if (o->resume && lift_hold(s, e) < 0)
		return -1;
	if (o->retry && forget_failures(s, e) < 0)
		return -1;
	return 0;
}
