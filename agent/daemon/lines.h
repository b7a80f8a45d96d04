/*
 * lines - what other processes say to the daemon, a line each: the poll programs' answers, requests
 * on the control socket, the engine's events. Pure.
 * Depends on: common, model.
 */
#pragma once

#include "agent/model/tree_reader.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * "ok <id>", "ok -" (no such ref: id is "-") or "error <kind> <text>", which becomes e. Anything
 * else is ERR_BROKEN.
 */
int lines_answer(const char *line, char id[OBJECT_ID_SIZE], struct err *e);

enum request { REQUEST_UNKNOWN, REQUEST_POKE, REQUEST_STATUS };
enum request lines_request(const char *line); /* without the newline; a trailing CR is fine */

/*
 * True if the line is an event of a container of ours that started, died or was removed; `compose
 * run` containers do not count. project is then its project.
 */
enum { LINES_PROJECT_SIZE = 64 };
bool lines_event(const char *line, size_t len, char project[LINES_PROJECT_SIZE]);
