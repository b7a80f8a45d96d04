/*
 * confine - take away from the calling process, for good, what reading strangers' input does not
 * need: other programs, capabilities, writing outside of its own directories, sockets of this host
 * (the engine's), and other processes. For workers, after they opened what is theirs. Depends on:
 * log.
 */
#pragma once

#include <stdbool.h>

struct confine {
	const char *const
		*write; /* NULL-terminated: directories that may be written below; NULL: none */
	bool read_all;  /* keep the right to read files of other users */
	bool network;   /* keep IP sockets; those of the host (AF_UNIX) go in any case */
};

/*
 * As far as this kernel goes: without Landlock files can be written that the user may write,
 * without seccomp programs can be started. What is not there is logged at debug level only. Cannot
 * be undone.
 */
void confine_self(const struct confine *c);
