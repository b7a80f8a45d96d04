/*
 * format_chat - Slack (and what takes its form: Mattermost, Rocket.Chat), Discord and Matrix. Text
 * from a repository mentions nobody and makes no links.
 * Depends on: formats.
 */
#include "agent/notify/formats.h"

#include "common/http.h"
#include "common/json.h"
#include "common/mem.h"

#include <string.h>

enum { SLACK_MAX = 3000, DISCORD_MAX = 1800, MATRIX_MAX = 8000 };

static const char *mark_of(const cJSON *entry)
{
	static const char *const marks[] = {
		[URGENCY_LOW] = "ℹ️",
		[URGENCY_NORMAL] = "✅",
		[URGENCY_HIGH] = "⚠️",
		[URGENCY_HIGHEST] = "🚨",
	};

	return marks[format_urgency(entry)];
}

/* Slack's only special characters; without them there is no <!channel> and no link. */
static void add_slack(struct str *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '&')
			str_add(out, "&amp;");
		else if (*s == '<')
			str_add(out, "&lt;");
		else if (*s == '>')
			str_add(out, "&gt;");
		else
			str_addc(out, *s);
	}
}

int format_slack(const struct format_input *in, struct request *out, struct err *e)
{
	auto_json cJSON *j = cJSON_CreateObject();
	auto_free char *title = format_title(in->entry);
	auto_free char *text = format_text(in->entry, SLACK_MAX);
	auto_str struct str all = STR_INIT;

	(void)e;
	str_addf(&all, "%s *", mark_of(in->entry));
	add_slack(&all, title);
	str_add(&all, "*\n");
	add_slack(&all, text);
	json_set_str(j, "text", str_text(&all));
	format_json(out, j);
	return 0;
}

int format_discord(const struct format_input *in, struct request *out, struct err *e)
{
	auto_json cJSON *j = cJSON_CreateObject();
	auto_free char *title = format_title(in->entry);
	auto_free char *text = format_text(in->entry, DISCORD_MAX);
	auto_free char *all = xasprintf("%s **%.100s**\n%s", mark_of(in->entry), title, text);

	(void)e;
	json_set_str(j, "content", all);
	cJSON *mentions = cJSON_AddObjectToObject(j, "allowed_mentions");
	(void)cJSON_AddArrayToObject(mentions, "parse");
	format_json(out, j);
	return 0;
}

/* PUT with the event's id as the transaction's: a second try makes no second message. */
int format_matrix(const struct format_input *in, struct request *out, struct err *e)
{
	auto_json cJSON *j = cJSON_CreateObject();
	auto_free char *title = format_title(in->entry);
	auto_free char *text = format_text(in->entry, MATRIX_MAX);
	auto_free char *all = xasprintf("%s %s\n%s", mark_of(in->entry), title, text);
	auto_free char *room = http_escape(in->config->room);
	auto_free char *base = TAKE(out->url);
	size_t n = strlen(base);

	(void)e;
	while (n > 0 && base[n - 1] == '/')
		base[--n] = '\0';
	out->method = "PUT";
	out->url = xasprintf("%s/_matrix/client/v3/rooms/%s/send/m.room.message/%s", base, room,
			     json_str(in->entry, "id", ""));
	strv_pushf(&out->headers, "Authorization: Bearer %s", in->keys->token);
	json_set_str(j, "msgtype", "m.text");
	json_set_str(j, "body", all);
	format_json(out, j);
	return 0;
}
