/*
 * lines - what poll programs, the control socket and the engine's events say to the daemon.
 * Depends on: fuzz, daemon's lines.
 */
#include "tests/fuzz/fuzz.h"

#include "agent/daemon/lines.h"

#include <string.h>

void fuzz_one(const char *text, size_t len)
{
	char id[OBJECT_ID_SIZE] = "", project[LINES_PROJECT_SIZE] = "";
	struct err e = ERR_INIT;

	(void)lines_request(text);
	if (lines_answer(text, id, &e) < 0)
		FUZZ_CHECK(e.cause[0] != '\0');
	else
		FUZZ_CHECK(id[0] != '\0');
	if (lines_event(text, len, project))
		FUZZ_CHECK(project[0] != '\0' && !strchr(project, '/'));
}
