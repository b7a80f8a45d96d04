/*
 * output - writing to standard output, whole, noticing when it does not take it.
 * Depends on: common.
 */
#include "agent/cli/verb.h"

#include <errno.h>
#include <unistd.h>

static int put(const char *text, size_t len, struct err *e)
{
	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, ERR_RETRY, errno, "cannot write to standard output");
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

int output_text(const struct str *text, struct err *e)
{
	return put(str_text(text), text->len, e);
}

int output_json(const cJSON *v, struct err *e)
{
	auto_free char *text = cJSON_Print(v);
	auto_str struct str line = STR_INIT;

	str_add(&line, text ? text : "null");
	str_addc(&line, '\n');
	return output_text(&line, e);
}

cJSON *output_error(const struct err *e)
{
	char text[1400];
	cJSON *o = cJSON_CreateObject();

	json_set_str(o, "kind", err_kind_name(e->kind));
	json_set_str(o, "text", err_text(e, text, sizeof(text)));
	json_set_int(o, "exit", err_exit_code(e->kind));
	return o;
}
