/*
 * formats - what the format_*.c files share: one function a format, and the texts that all chats
 * show. Private to notify.
 * Depends on: receiver.
 */
#pragma once

#include "agent/notify/receiver.h"

/* What a format works with; out has method POST and the receiver's URL already. */
struct format_input {
	const struct webhook_config *config;
	const struct receiver_keys *keys;
	const cJSON *entry;
};
typedef int (*format_fn)(const struct format_input *in, struct request *out, struct err *e);

int format_cloudevents(const struct format_input *in, struct request *out, struct err *e);
int format_slack(const struct format_input *in, struct request *out, struct err *e);
int format_discord(const struct format_input *in, struct request *out, struct err *e);
int format_matrix(const struct format_input *in, struct request *out, struct err *e);
int format_ntfy(const struct format_input *in, struct request *out, struct err *e);
int format_gotify(const struct format_input *in, struct request *out, struct err *e);
int format_template(const struct format_input *in, struct request *out, struct err *e);

/* ---- shared ---- */
char *format_title(const cJSON *entry); /* "server1: project.deployed web"; the caller frees */
/* The message, the commit's subject and author, and what to do about it; at most max bytes. */
char *format_text(const cJSON *entry, size_t max);
enum format_urgency { URGENCY_LOW, URGENCY_NORMAL, URGENCY_HIGH, URGENCY_HIGHEST };
enum format_urgency format_urgency(const cJSON *entry); /* by severity */
/* body: the JSON; with its Content-Type. */
void format_json(struct request *out, const cJSON *body);
