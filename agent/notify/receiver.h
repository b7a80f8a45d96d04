/*
 * receiver - what is sent to a receiver of reports: one HTTP request made of one line of the
 * history. Nothing here keeps state; agent/flow/lane.c sends in order and tries again.
 *
 * - formats.c: the table of formats; format_*.c: one body each
 * - receiver_files.c: secrets, tokens and headers from their files
 * - sign.c: the headers of the Standard Webhooks specification
 * - forge.c: the commit's status
 * - request.c: sending, and what the answer means
 *
 * Depends on: common, model.
 */
#pragma once

#include "agent/model/config.h"
#include "common/err.h"
#include "common/str.h"
#include "common/strv.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

struct request {
	const char *method; /* a constant */
	char *url;
	struct strv headers; /* "Name: value" */
	struct str body;
};
void request_done(struct request *r);
#define auto_request AUTO(request_done)

/* What stands in the receiver's files. Never shown, never written anywhere. */
struct receiver_keys {
	unsigned char *secret; /* to sign with; NULL: do not */
	size_t secret_len;
	char *token;
	struct strv headers;
	char *text; /* the template, from its file */
};
/* ERR_USAGE names the file and what is wrong with it, never what is in it. */
int receiver_keys_read(const struct webhook_config *w, struct receiver_keys *out, struct err *e);
int receiver_token_read(const char *file, char **out, struct err *e);
void receiver_keys_done(struct receiver_keys *k);
#define auto_receiver_keys AUTO(receiver_keys_done)

/* The request for an event at this receiver. now: wall clock, for the signature. */
int receiver_build(const struct webhook_config *w, const struct receiver_keys *k,
		   const cJSON *entry, int64_t now, struct request *out, struct err *e);

/* webhook-id, webhook-timestamp and webhook-signature for a request whose body is complete. */
void sign_request(struct request *r, const char *id, int64_t now, const struct receiver_keys *k);
/* "whsec_" and base64, or raw bytes (a final newline does not count). */
int sign_secret(const char *text, size_t len, unsigned char **out, size_t *out_len, struct err *e);

/* ---- forge.c ---- */
enum { FORGE_REQUESTS_MAX = 2 };
struct forge_call {
	struct request requests[FORGE_REQUESTS_MAX]; /* after a rollback: of both commits */
	size_t n;
	char *what; /* commits, states and reasons: the same again need not be sent */
};
bool forge_wants(const cJSON *entry);
int forge_build(const struct forge_config *f, const char *host, const char *token,
		const cJSON *entry, struct forge_call *out, struct err *e);
void forge_call_done(struct forge_call *c);
#define auto_forge_call AUTO(forge_call_done)

/* ---- request.c ---- */
struct verdict {
	long status;           /* 0: no answer */
	int64_t retry_after_s; /* 0: the receiver says nothing */
	bool refused;          /* an answer that trying again soon will not change: 4xx */
	bool unfit;            /* it is this event that the receiver does not take */
};
/* 0: taken. -1: e says why, without the parts of the URL that may be secret. */
int request_send(const struct request *r, const char *ca_file, struct verdict *v, struct err *e);
