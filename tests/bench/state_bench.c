/*
 * state_bench - what it costs to see how all projects are, as the agent's drift check does it: one
 * request to the engine, every container read into our structs. Prints microseconds of processor
 * time of one look. state_bench AGENT_YAML ROUNDS Depends on: core. Compiled by rows_deploy.py.
 */
#include "agent/engine/engine.h"
#include "agent/store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static long used_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000L + u.ru_utime.tv_usec +
	       u.ru_stime.tv_usec;
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	auto_diags struct diags d = DIAGS_INIT;
	auto_config struct config c = {.file = NULL};
	auto_engine struct engine *g = NULL;
	long rounds = argc > 2 ? strtol(argv[2], NULL, 10) : 0, begin = 0;
	size_t seen = 0;

	if (rounds < 1 || config_load(argv[1], &d, &c, &e) < 0 || engine_open(&c, &g, &e) < 0) {
		fprintf(stderr, "state_bench: %s\n", e.cause);
		return 2;
	}
	for (long i = -1; i < rounds;
	     i++) { /* the first one opens the connection and does not count */
		auto_containers struct containers l = CONTAINERS_INIT;

		if (i == 0)
			begin = used_us();
		if (engine_list(g, NULL, &l, &e) < 0) {
			fprintf(stderr, "state_bench: %s\n", e.cause);
			return 1;
		}
		seen = l.n;
	}
	printf("%.1f %zu\n", (double)(used_us() - begin) / (double)rounds, seen);
	return 0;
}
