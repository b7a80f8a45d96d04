/*
 * mdc-agentd - what `mdc-agent run` becomes: the daemon's loop in a program of its own, because a
 * program that is linked with libgit2 and libcurl starts with 9 MB.
 * Depends on: daemon.h.
 */
#include "agent/daemon/daemon.h"

#include "common/log.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

enum { TRIM_BYTES = 64 * 1024 };

/* Only `mdc-agent run` starts us, so this is not the place for help. */
static int read_arguments(int argc, char **argv, const char **config_file)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--verbose") == 0) {
			log_set_verbose(true);
		} else if (strcmp(argv[i], "--config") == 0 && i + 1 < argc) {
			*config_file = argv[++i];
		} else {
			log_error("unknown argument %s: start the daemon with `mdc-agent run`",
				  argv[i]);
			return -1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *config_file = NULL;

	if (read_arguments(argc, argv, &config_file) < 0)
		return err_exit_code(ERR_USAGE);
	(void)umask(0077);
	(void)prctl(PR_SET_DUMPABLE,
		    0); /* no core file: agent.yaml's environment may hold secrets */
	(void)mallopt(M_ARENA_MAX, 1);
	(void)mallopt(M_TRIM_THRESHOLD, TRIM_BYTES);
	(void)mallopt(M_MMAP_THRESHOLD, TRIM_BYTES);
	(void)mallopt(M_TOP_PAD, 0);
	return daemon_run(config_file);
}
