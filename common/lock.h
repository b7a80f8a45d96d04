/*
 * lock - one holder per file across processes (flock). The file's text, "pid boot-id what", is for
 * people only. Depends on: err, clock.
 */
#pragma once

#include "common/err.h"

/*
 * Take the lock, waiting at most wait_ms (0: do not wait). On 0, *fd holds it until it is closed;
 * it is close-on-exec. ERR_RETRY if another process holds it: the cause names its pid and what it
 * does.
 */
int lock_take(const char *path, const char *what, int wait_ms, int *fd, struct err *e);

/* Close and let go; the file stays. */
void lock_drop(int fd);

/* The text of the present holder into buf, "" if nobody holds it. Changes nothing. */
const char *lock_holder(const char *path, char *buf, unsigned long size);
