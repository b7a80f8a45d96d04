/*
 * model_checks - health checks in a form that Podman understands. Podman 4.3 joins the words of
 * `test: [CMD, ...]` and splits them again at blanks: `[CMD, sh, -c, "check || exit 1"]` then runs
 * `sh -c check`, and `[CMD, sh, -c, "echo no; exit 1"]` never fails. As CMD-SHELL they arrive
 * whole. Depends on: common.
 */
#include "agent/engine/model.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/str.h"

#include <string.h>

/* Is there a word that would not survive? */
static bool is_broken_up(const cJSON *test)
{
	const cJSON *word = NULL;

	cJSON_ArrayForEach (word, test) {
		const char *s = cJSON_GetStringValue(word);

		if (s && (s[0] == '\0' || strpbrk(s, " \t\r\n\v\f")))
			return true;
	}
	return false;
}

static void add_quoted(struct str *out, const char *word)
{
	str_addc(out, '\'');
	for (; *word != '\0'; word++) {
		if (*word == '\'')
			str_add(out, "'\\''");
		else
			str_addc(out, *word);
	}
	str_addc(out, '\'');
}

/* `sh -c X` is just what CMD-SHELL does with X; all else is quoted, word by word. */
static char *as_shell(const cJSON *test)
{
	const char *words[4] = {NULL};
	const cJSON *word = NULL;
	struct str out = STR_INIT;
	size_t n = 0;

	cJSON_ArrayForEach (word, test) {
		const char *s = cJSON_GetStringValue(word);

		if (n < COUNT_OF(words))
			words[n] = s ? s : "";
		if (n > 0) {
			if (n > 1)
				str_addc(&out, ' ');
			add_quoted(&out, s ? s : "");
		}
		n++;
	}
	if (n == 4 && (str_eq(words[1], "sh") || str_eq(words[1], "/bin/sh")) &&
	    str_eq(words[2], "-c")) {
		str_done(&out);
		return xstrdup(words[3]);
	}
	return str_take(&out);
}

void model_whole_checks(cJSON *model)
{
	cJSON *service = NULL;

	cJSON_ArrayForEach (service, json_obj(model, "services")) {
		cJSON *check = cJSON_GetObjectItemCaseSensitive(service, "healthcheck");
		const cJSON *test = json_arr(check, "test");

		if (!test || !test->child || !str_eq(cJSON_GetStringValue(test->child), "CMD") ||
		    !is_broken_up(test))
			continue;
		auto_free char *command = as_shell(test);
		auto_strv struct strv words = STRV_INIT;

		strv_push(&words, "CMD-SHELL");
		strv_push(&words, command);
		cJSON_DeleteItemFromObjectCaseSensitive(check, "test");
		json_set_strv(check, "test", &words);
	}
}
