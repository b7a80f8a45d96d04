/*
 * worker_frame - what goes over the socket between a worker and its parent: one byte for the type,
 * four for the length (high byte first), and a JSON text, which may be empty. Only common/worker*.c
 * include this. Depends on: worker.
 */
#pragma once

#include "common/worker.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { FRAME_MESSAGE = 'M', FRAME_RESULT = 'R', FRAME_ERROR = 'E', FRAME_HEADER = 5 };

static inline size_t frame_length(const unsigned char header[FRAME_HEADER])
{
	return (size_t)header[1] << 24 | (size_t)header[2] << 16 | (size_t)header[3] << 8 |
	       header[4];
}

struct worker_job {
	worker_fn fn;
	void *arg;
	const struct worker_limits *limits;
	int fd; /* the child's end */
	bool outlive;
};

/* In the child: do the job, send how it ended, end. */
void worker_run(const struct worker_job *job, pid_t parent) __attribute__((noreturn));
