/*
 * bench - what a trial's worker has at hand: the project's lock, its directories, its intent.
 * Depends on: trial.h.
 */
#include "agent/flow/trial.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/lock.h"
#include "common/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* A Compose that outlived a killed agent holds the project's lock; it ends within minutes. */
enum { LOCK_WAIT_MS = 11 * 60 * 1000, RESERVE_BYTES = 4 * 1024 * 1024 };

int bench_open(struct pool_job *j, struct bench *b, struct err *e)
{
	struct sync *s = j->sync;
	auto_free char *name = xasprintf("projects/%s", j->trial->name);
	auto_free char *dir = store_path(s->store, name);
	auto_free char *lock = xasprintf("%s/lock", dir);

	*b = (struct bench){
		.sync = s, .trial = j->trial, .job = j, .begun_ms = clock_ms(), .lock_fd = -1};
	b->live = store_live_dir(s->store, j->trial->name);
	b->elsewhere = store_elsewhere_dir(s->store, j->trial->name);
	if (dir_make(dir, 0700, e) < 0)
		return -1;
	return lock_take(lock, "trial", LOCK_WAIT_MS, &b->lock_fd, e);
}

int bench_take_up(struct pool_job *j, struct worker_out *o, struct bench *b, struct err *e)
{
	j->out = o;
	if (bench_open(j, b, e) < 0)
		return -1;
	return intent_load(j->sync, j->trial->name, j->trial, &b->intent, e);
}

void bench_close(struct bench *b)
{
	struct err ignored = ERR_INIT;

	if (b->lock_fd >= 0)
		(void)bench_reserve(b, false, &ignored);
	place_forget(b);
	free(b->live);
	free(b->elsewhere);
	intent_done(&b->intent);
	lock_drop(b->lock_fd);
}

int bench_reserve(struct bench *b, bool take, struct err *e)
{
	auto_free char *name = xasprintf("projects/%s/reserve", b->trial->name);
	auto_free char *path = store_path(b->sync->store, name);

	if (!take) {
		(void)unlink(path);
		return 0;
	}
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd >= 0 && fallocate(fd, 0, 0, RESERVE_BYTES) == 0)
		return 0;
	int why = errno;

	(void)unlink(path);
	if (why == EOPNOTSUPP || why == ENOSYS)
		return 0; /* a file system without it: then without */
	return err_set(e, ERR_RETRY, why, "no room to go back in %s; nothing was touched",
		       b->sync->config->state_dir);
}

void bench_show(struct bench *b, const char *step, const char *detail)
{
	job_show(b->job, step, detail);
}

void bench_phase(struct bench *b, const char *phase)
{
	free(b->intent.phase);
	b->intent.phase = xstrdup(phase);
}
