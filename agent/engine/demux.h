/*
 * demux - the engine's frames of a container's output, of a log or of a command: only the end is
 * kept. For this directory only. Depends on: common.
 */
#pragma once

#include "common/str.h"

#include <stdint.h>

enum { DEMUX_HEAD = 8 };

struct demux {
	unsigned char head[DEMUX_HEAD];
	size_t have;   /* bytes of head */
	uint32_t left; /* bytes of the present frame to come */
	bool raw;
	size_t read;     /* bytes in all */
	size_t keep;     /* how much of the end is wanted */
	bool endless;    /* all of it is read, however much it is */
	struct str text; /* str_done() when done */
};

/* A sink for http.h; arg is a struct demux. */
int demux_take(const char *data, size_t len, void *arg);
/* The last lines, printable, at most max bytes; the caller frees. */
char *demux_text(struct demux *d, size_t max);
