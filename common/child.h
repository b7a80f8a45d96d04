/*
 * child - what proc and worker share about child processes: a clean start after fork, limits, and
 * ending a whole process group. Nobody else includes this. Depends on: nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * In the child, right after fork(): its own process group, signals as a new program expects them,
 * and SIGKILL from the kernel when the parent dies (unless outlive). Ends the child if the parent
 * is gone.
 */
void child_begin(pid_t parent, bool outlive);

/* Set a resource limit, both soft and hard; 0 bytes: none. A failure is ignored: it is a second
 * line. */
void child_limit(int resource, size_t bytes);

/* A descriptor that polls readable when pid has ended; -1 where the kernel has none. */
int child_pidfd(pid_t pid);

/* True if pid has ended. It stays a zombie, so that its number, and its group's, is not given away.
 */
bool child_ended(pid_t pid);

/* Signal to the whole group of pid, of which it must be the leader. */
void child_signal(pid_t pid, int sig);

/*
 * Kill the group and reap its leader. Returns the wait status, or -1 if it does not go within
 * limit_ms (a process that hangs in the kernel).
 */
int child_finish(pid_t pid, int limit_ms);
