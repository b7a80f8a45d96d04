/*
 * reports - where events are sent: the keys `webhooks` and `forge` of agent.yaml.
 * Depends on: common, keys. Their table and their checks are in config_reports.c.
 */
#pragma once

#include "common/strv.h"

#include <stdbool.h>
#include <stddef.h>

enum report_format {
	FORMAT_CLOUDEVENTS,
	FORMAT_SLACK,
	FORMAT_DISCORD,
	FORMAT_NTFY,
	FORMAT_GOTIFY,
	FORMAT_MATRIX,
	FORMAT_TEMPLATE,
	FORMAT_COUNT,
};
const char *report_format_name(enum report_format f);

struct webhook_config {
	char *name; /* given, or made from the url's host; unique; fit for a file name */
	char *url;  /* of discord, slack: it is itself a secret and never shown */
	enum report_format format;
	char *secret_file;  /* signs: whsec_ and base64, or raw bytes; or NULL */
	char *headers_file; /* lines "Name: value", or NULL */
	char *token_file;   /* of ntfy, gotify, matrix; or NULL */
	char *ca_file;
	struct strv events;     /* globs; "!" in front takes away */
	char *text, *text_file; /* of format template: one of them */
	char *content_type;     /* of format template */
	char *room;             /* of matrix */
	bool allow_http;
};

enum forge_kind { FORGE_NONE, FORGE_GITHUB, FORGE_GITEA, FORGE_FORGEJO, FORGE_GITLAB };

struct forge_config {
	enum forge_kind kind; /* FORGE_NONE: no commit status */
	char *url;            /* base of the API, without a slash at its end */
	char *repo;           /* "owner/name" */
	char *token_file, *ca_file;
	char *context; /* NULL: mdc-agent/<host> */
	bool allow_http;
};

struct reports_config {
	struct webhook_config *webhooks;
	size_t n;
	struct forge_config forge;
};

void reports_config_done(struct reports_config *r);
bool reports_any(const struct reports_config *r);

/* Does this receiver want that event? Those of severity debug only by a pattern longer than "*". */
bool reports_wants(const struct webhook_config *w, const char *event);
