/*
 * sign - the headers of the Standard Webhooks specification: webhook-id, webhook-timestamp,
 * webhook-signature ("v1," and base64 of HMAC-SHA256 over id.timestamp.body).
 * Depends on: receiver, hmac.
 */
#include "agent/notify/receiver.h"

#include "common/hmac.h"
#include "common/mem.h"

#include <inttypes.h>
#include <string.h>

enum { SECRET_MIN = 8 };

int sign_secret(const char *text, size_t len, unsigned char **out, size_t *out_len, struct err *e)
{
	static const char prefix[] = "whsec_";

	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	if (len > sizeof(prefix) - 1 && memcmp(text, prefix, sizeof(prefix) - 1) == 0) {
		auto_free char *coded =
			xstrndup(text + sizeof(prefix) - 1, len - sizeof(prefix) + 1);
		int bad = base64_bytes(coded, out, out_len);

		explicit_bzero(coded, strlen(coded));
		return bad ? err_set(e, ERR_USAGE, 0, "what follows whsec_ is not base64") : 0;
	}
	if (len < SECRET_MIN)
		return err_set(e, ERR_USAGE, 0, "a secret of less than %d bytes protects nothing",
			       SECRET_MIN);
	*out = xmalloc(len);
	memcpy(*out, text, len);
	*out_len = len;
	return 0;
}

void sign_request(struct request *r, const char *id, int64_t now, const struct receiver_keys *k)
{
	unsigned char mac[HMAC_SIZE];
	auto_str struct str signed_text = STR_INIT;

	str_addf(&signed_text, "%s.%" PRId64 ".", id, now);
	str_addn(&signed_text, str_text(&r->body), r->body.len);
	hmac_sha256(k->secret, k->secret_len, &signed_text, mac);
	auto_free char *coded = base64_text(mac, sizeof(mac));
	strv_pushf(&r->headers, "webhook-id: %s", id);
	strv_pushf(&r->headers, "webhook-timestamp: %" PRId64, now);
	strv_pushf(&r->headers, "webhook-signature: v1,%s", coded);
}
