/*
 * lines - see lines.h.
 * Depends on: common.
 * To follow one more kind of event: its name in `actions`, and in the filter of follow.c.
 */
#include "agent/daemon/lines.h"

#include "common/json.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"

#include <stdio.h>
#include <string.h>

/* Docker's names, and Podman's where they differ. */
static const char *const actions[] = {"start", "die", "died", "destroy", "remove", "oom"};

static const char mark[] = "mdc.managed";

static bool is_id(const char *s)
{
	size_t len = strlen(s);

	return (len == 40 || len == 64) && s[strspn(s, "0123456789abcdef")] == '\0';
}

int lines_answer(const char *line, char id[OBJECT_ID_SIZE], struct err *e)
{
	if (str_starts(line, "ok ")) {
		const char *text = line + strlen("ok ");

		if (strcmp(text, "-") != 0 && !is_id(text))
			return err_set(e, ERR_BROKEN, 0,
				       "the poll program's answer has no valid id");
		(void)snprintf(id, OBJECT_ID_SIZE, "%s", text);
		return 0;
	}
	if (!str_starts(line, "error "))
		return err_set(e, ERR_BROKEN, 0, "the poll program's answer is not understood");
	const char *kind = line + strlen("error ");
	size_t len = strcspn(kind, " ");
	auto_free char *name = xstrndup(kind, len);
	const char *text = kind[len] == ' ' ? kind + len + 1 : "";
	auto_free char *shown = str_printable(text, 512);
	return err_set(e, err_kind_parse(name), 0, "%s",
		       shown[0] != '\0' ? shown : "the source does not answer");
}

enum request lines_request(const char *line)
{
	size_t len = strlen(line);

	if (len > 0 && line[len - 1] == '\r')
		len--;
	if (len == strlen("poke") && strncmp(line, "poke", len) == 0)
		return REQUEST_POKE;
	if (len == strlen("status") && strncmp(line, "status", len) == 0)
		return REQUEST_STATUS;
	return REQUEST_UNKNOWN;
}

static bool is_followed(const char *action)
{
	for (size_t i = 0; i < COUNT_OF(actions); i++)
		if (str_eq(action, actions[i]))
			return true;
	return false;
}

bool lines_event(const char *line, size_t len, char project[LINES_PROJECT_SIZE])
{
	auto_json cJSON *j = NULL;
	struct err ignored = ERR_INIT;

	/* Most of what an engine tells is not about us: that costs one search. */
	if (!memmem(line, len, mark, strlen(mark)) || json_parse(line, len, &j, &ignored) < 0)
		return false;
	const cJSON *labels = json_obj(json_obj(j, "Actor"), "Attributes");
	const char *name = json_str(labels, "com.docker.compose.project", "");
	const char *action = json_str(j, "Action", json_str(j, "status", ""));

	if (!str_eq(json_str(labels, mark, NULL), "1") || !is_followed(action) ||
	    str_eq(json_str(labels, "com.docker.compose.oneoff", NULL), "True") ||
	    !path_is_project_name(name))
		return false;
	(void)snprintf(project, LINES_PROJECT_SIZE, "%s", name);
	return true;
}
