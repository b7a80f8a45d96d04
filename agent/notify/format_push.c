/*
 * format_push - ntfy and Gotify: notices on telephones, with a priority.
 * Depends on: formats.
 */
#include "agent/notify/formats.h"

#include "common/json.h"
#include "common/mem.h"

#include <string.h>

enum { NTFY_MAX = 3500, GOTIFY_MAX = 8000 };

/* As JSON to the server itself, because headers would not take every letter. */
int format_ntfy(const struct format_input *in, struct request *out, struct err *e)
{
	static const int priorities[] = {2, 3, 4, 5};
	static const char *const tags[] = {"information_source", "white_check_mark", "warning",
					   "rotating_light"};
	enum format_urgency urgency = format_urgency(in->entry);
	auto_json cJSON *j = cJSON_CreateObject();
	auto_free char *title = format_title(in->entry);
	auto_free char *text = format_text(in->entry, NTFY_MAX);
	char *topic = strrchr(out->url, '/');
	const char *path = strstr(out->url, "://");

	if (!topic || !path || topic < path + 3 || topic[1] == '\0' || strpbrk(topic, "?#"))
		return err_set(e, ERR_USAGE, 0,
			       "the url of an ntfy receiver ends with its topic, such as "
			       "https://ntfy.example.org/topic");
	json_set_str(j, "topic", topic + 1);
	topic[1] = '\0';
	json_set_str(j, "title", title);
	json_set_str(j, "message", text);
	json_set_int(j, "priority", priorities[urgency]);
	cJSON_AddItemToArray(cJSON_AddArrayToObject(j, "tags"), cJSON_CreateString(tags[urgency]));
	if (in->keys->token)
		strv_pushf(&out->headers, "Authorization: Bearer %s", in->keys->token);
	format_json(out, j);
	return 0;
}

int format_gotify(const struct format_input *in, struct request *out, struct err *e)
{
	static const int priorities[] = {2, 4, 6, 9};
	auto_json cJSON *j = cJSON_CreateObject();
	auto_free char *title = format_title(in->entry);
	auto_free char *text = format_text(in->entry, GOTIFY_MAX);
	auto_free char *base = TAKE(out->url);
	size_t n = strlen(base);

	(void)e;
	while (n > 0 && base[n - 1] == '/')
		base[--n] = '\0';
	out->url = xasprintf("%s%s", base, str_ends(base, "/message") ? "" : "/message");
	json_set_str(j, "title", title);
	json_set_str(j, "message", text);
	json_set_int(j, "priority", priorities[format_urgency(in->entry)]);
	strv_pushf(&out->headers, "X-Gotify-Key: %s", in->keys->token);
	format_json(out, j);
	return 0;
}
