/*
 * poll-ssh - asks an ssh server which commit the branch names, once, and ends. A process of its
 * own: libssh2 and what the server sends stay out of the daemon, and a call that never returns can
 * be ended. Depends on: common.
 */
#include "agent/poll/options.h"
#include "common/gitssh.h"

#include <signal.h>
#include <unistd.h>

enum { TIMEOUT_MS = 20000, ALARM_S = 30 };

int main(int argc, char **argv)
{
	struct poll_options o;
	struct err e = ERR_INIT;
	char id[GIT_HEX_SIZE] = "";

	(void)signal(SIGPIPE, SIG_IGN);
	(void)alarm(ALARM_S); /* looking up a name has no deadline of its own */
	if (poll_options_read(argc, argv, &o, &e) < 0) {
		poll_answer(-1, id, &e);
		return err_exit_code(e.kind);
	}
	struct gitssh_options ask = {.url = o.url,
				     .username = o.username,
				     .key_file = o.key_file,
				     .known_hosts_file = o.known_hosts_file,
				     .timeout_ms = TIMEOUT_MS};
	poll_answer(gitssh_ls(&ask, o.branch, o.tag, id, &e), id, &e);
	return 0;
}
