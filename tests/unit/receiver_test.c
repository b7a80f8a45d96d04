/* What is sent to receivers: each format, the signature, the forge's calls. */
#include "agent/notify/receiver.h"
#include "common/hmac.h"
#include "common/json.h"
#include "common/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const char failed_event[] =
	"{\"id\":\"0123456789abcdef0123456789abcdef\",\"seq\":1700000000000,\"time\":\"2026-11-19T03:12:45Z\","
	"\"time_ms\":1795057965000,\"event\":\"project.rolled-back\",\"severity\":\"error\",\"host\":\"server1\","
	"\"message\":\"web: failed: unhealthy <!channel> \\\"x\\\"\",\"project\":\"web\",\"generation\":7,"
	"\"commit\":\"1111111111111111111111111111111111111111\",\"subject\":\"Bump web\",\"author\":\"Someone\","
	"\"reason\":\"unhealthy\",\"details\":{\"log\":[\"one\",\"two\"]}}";

static cJSON *parsed(const char *text)
{
	cJSON *j = NULL;
	struct err e = ERR_INIT;

	assert_int_equal(json_parse(text, strlen(text), &j, &e), 0);
	return j;
}

static bool has_header(const struct request *r, const char *line)
{
	for (size_t i = 0; i < r->headers.n; i++)
		if (strcmp(r->headers.v[i], line) == 0)
			return true;
	return false;
}

static cJSON *build(struct webhook_config *w, const struct receiver_keys *k, struct request *r)
{
	auto_json cJSON *entry = parsed(failed_event);
	struct err e = ERR_INIT;

	if (receiver_build(w, k, entry, 1795057970, r, &e) < 0)
		fail_msg("%s", e.cause);
	return parsed(str_text(&r->body));
}

static void check_cloudevents(void **state)
{
	struct webhook_config w = {.url = (char *)"https://ops.example.org/x?key=1"};
	struct receiver_keys k = {.secret = NULL};
	auto_request struct request r = {.method = NULL};
	auto_json cJSON *j = build(&w, &k, &r);

	(void)state;
	assert_string_equal(r.method, "POST");
	assert_string_equal(r.url, "https://ops.example.org/x?key=1");
	assert_true(has_header(&r, "Content-Type: application/cloudevents+json; charset=utf-8"));
	assert_string_equal(json_str(j, "specversion", ""), "1.0");
	assert_string_equal(json_str(j, "id", ""), "0123456789abcdef0123456789abcdef");
	assert_string_equal(json_str(j, "source", ""), "/mdc-agent/hosts/server1");
	assert_string_equal(json_str(j, "type", ""), "dev.mdc-agent.project.rolled-back");
	assert_string_equal(json_str(j, "subject", ""), "web");
	assert_string_equal(json_str(j, "time", ""), "2026-11-19T03:12:45Z");
	assert_string_equal(json_str(json_obj(j, "data"), "reason", ""), "unhealthy");
	assert_int_equal(r.headers.n, 1); /* nothing signed without a secret */
}

static void check_chats(void **state)
{
	struct webhook_config w = {.url = (char *)"https://chat.example.org/h/",
				   .room = (char *)"!r:example.org"};
	struct receiver_keys k = {.token = (char *)"t0ken"};
	auto_request struct request slack = {.method = NULL}, discord = {.method = NULL},
				    matrix = {.method = NULL};

	(void)state;
	w.format = FORMAT_SLACK;
	auto_json cJSON *s = build(&w, &k, &slack);
	assert_non_null(strstr(json_str(s, "text", ""), "&lt;!channel&gt;"));
	assert_non_null(strstr(json_str(s, "text", ""), "Bump web"));
	w.format = FORMAT_DISCORD;
	auto_json cJSON *d = build(&w, &k, &discord);
	assert_non_null(strstr(json_str(d, "content", ""), "server1: project.rolled-back web"));
	assert_int_equal(cJSON_GetArraySize(json_path(d, "allowed_mentions.parse")), 0);
	assert_true(cJSON_IsArray(json_path(d, "allowed_mentions.parse")));
	w.format = FORMAT_MATRIX;
	auto_json cJSON *m = build(&w, &k, &matrix);
	assert_string_equal(matrix.method, "PUT");
	assert_string_equal(matrix.url,
			    "https://chat.example.org/h/_matrix/client/v3/rooms/%21r%3Aexample.org/"
			    "send/m.room.message/0123456789abcdef0123456789abcdef");
	assert_true(has_header(&matrix, "Authorization: Bearer t0ken"));
	assert_string_equal(json_str(m, "msgtype", ""), "m.text");
}

static void check_push(void **state)
{
	struct webhook_config w = {.url = (char *)"https://ntfy.example.org/sub/topic",
				   .format = FORMAT_NTFY};
	struct receiver_keys k = {.token = (char *)"t0ken"};
	auto_request struct request ntfy = {.method = NULL}, gotify = {.method = NULL},
				    none = {.method = NULL};
	auto_json cJSON *n = build(&w, &k, &ntfy);
	auto_json cJSON *entry = parsed(failed_event);
	struct err e = ERR_INIT;

	(void)state;
	assert_string_equal(ntfy.url, "https://ntfy.example.org/sub/");
	assert_string_equal(json_str(n, "topic", ""), "topic");
	assert_int_equal(json_int(n, "priority", 0), 4);
	w.url = (char *)"https://ntfy.example.org";
	assert_int_equal(receiver_build(&w, &k, entry, 0, &none, &e), -1);
	w.format = FORMAT_GOTIFY;
	w.url = (char *)"https://push.example.org/g/";
	auto_json cJSON *g = build(&w, &k, &gotify);
	assert_string_equal(gotify.url, "https://push.example.org/g/message");
	assert_true(has_header(&gotify, "X-Gotify-Key: t0ken"));
	assert_int_equal(json_int(g, "priority", 0), 6);
}

static void check_template(void **state)
{
	struct webhook_config w = {
		.url = (char *)"https://x.example.org/",
		.format = FORMAT_TEMPLATE,
		.text = (char *)"{\"text\": \"{{ message }} [{{details.log}}] {{volume}}\"}"};
	struct receiver_keys k = {.secret = NULL};
	auto_request struct request r = {.method = NULL};
	auto_json cJSON *j = build(&w, &k, &r);

	(void)state;
	assert_string_equal(json_str(j, "text", ""),
			    "web: failed: unhealthy <!channel> \"x\" [one\ntwo] ");
	assert_true(has_header(&r, "Content-Type: application/json"));
}

/* The example of the Standard Webhooks specification. */
static void check_signature(void **state)
{
	static const char secret[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n";
	struct receiver_keys k = {.secret = NULL};
	auto_request struct request r = {.method = "POST"};
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(sign_secret(secret, strlen(secret), &k.secret, &k.secret_len, &e), 0);
	assert_int_equal(k.secret_len, 24);
	str_add(&r.body, "{\"test\": 2432232314}");
	sign_request(&r, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, &k);
	assert_true(has_header(&r, "webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek"));
	assert_true(has_header(&r, "webhook-timestamp: 1614265330"));
	assert_true(has_header(
		&r, "webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
	receiver_keys_done(&k);
	assert_int_equal(sign_secret("raw bytes!", 10, &k.secret, &k.secret_len, &e), 0);
	assert_int_equal(k.secret_len, 10);
	receiver_keys_done(&k);
	assert_int_equal(sign_secret("short", 5, &k.secret, &k.secret_len, &e), -1);
	assert_int_equal(sign_secret("whsec_**", 8, &k.secret, &k.secret_len, &e), -1);
}

static void check_base64(void **state)
{
	static const struct {
		const char *text, *bytes;
	} rows[] = {{"", ""}, {"Zg==", "f"}, {"Zg", "f"}, {"Zm8=", "fo"}, {"Zm9v", "foo"}};
	static const char *const wrong[] = {"Z", "Zg=", "Zm9v=", "Z===", "Zm 9v"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		auto_free unsigned char *out = NULL;
		size_t len = 0;

		assert_int_equal(base64_bytes(rows[i].text, &out, &len), 0);
		assert_int_equal(len, strlen(rows[i].bytes));
		assert_memory_equal(out, rows[i].bytes, len);
	}
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		unsigned char *out = NULL;
		size_t len = 0;

		assert_int_equal(base64_bytes(wrong[i], &out, &len), -1);
	}
}

/* ---- the forge ---- */

#define COMMIT             "2222222222222222222222222222222222222222"
#define LEFT               "3333333333333333333333333333333333333333"
#define END(rest)          "{\"event\":\"sync.finished\",\"commit\":\"" COMMIT "\",\"generation\":4" rest "}"
#define COUNTS(list)       ",\"details\":{\"counts\":[" list "]}"
#define COUNT(what, first) "{\"outcome\":\"" what "\",\"count\":2,\"first\":\"" first "\"}"

static const struct forge_row {
	enum forge_kind kind;
	const char *entry;
	const char *state, *why; /* of the first call */
	size_t calls;
} forge_rows[] = {
	{FORGE_GITHUB, "{\"event\":\"sync.started\",\"commit\":\"" COMMIT "\"}", "pending",
	 "deploying", 1},
	{FORGE_GITLAB, "{\"event\":\"sync.started\",\"commit\":\"" COMMIT "\"}", "running",
	 "deploying", 1},
	{FORGE_GITHUB, END(COUNTS(COUNT("deployed", "web"))), "success", "generation 4, 2 deployed",
	 1},
	{FORGE_GITEA, END(COUNTS(COUNT("deployed", "web") "," COUNT("failed", "db: no"))),
	 "failure", "failed: db: no", 1},
	{FORGE_GITLAB, END(COUNTS(COUNT("failed", "db: no"))), "failed", "failed: db: no", 1},
	{FORGE_GITHUB, END(COUNTS(COUNT("retry", "db: no registry"))), "pending",
	 "retry: db: no registry", 1},
	{FORGE_FORGEJO, END(COUNTS(COUNT("degraded", "db") "," COUNT("failed", "x"))), "error",
	 "degraded: db", 1},
	{FORGE_GITHUB, END(COUNTS(COUNT("held", "db: its settings say `suspend: true`"))),
	 "success", "generation 4", 1},
	{FORGE_GITHUB, END(",\"previous\":\"" LEFT "\"" COUNTS(COUNT("deployed", "web"))),
	 "success", "rolled back to generation 4, 2 deployed", 2},
	{FORGE_GITHUB, END(",\"previous\":\"" LEFT "\"" COUNTS(COUNT("failed", "web: bad"))),
	 "failure", "failed: web: bad", 1},
	{FORGE_GITHUB,
	 "{\"event\":\"source.rejected\",\"commit\":\"" COMMIT
	 "\",\"reason\":\"mdc.yaml:3: no\\nmore\"}",
	 "error", "mdc.yaml:3: no", 1},
};

static void check_forge(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(forge_rows); i++) {
		const struct forge_row *row = &forge_rows[i];
		const struct forge_config f = {.kind = row->kind,
					       .url = (char *)"https://git.example.org/api",
					       .repo = (char *)"me/lab"};
		auto_json cJSON *entry = parsed(row->entry);
		auto_forge_call struct forge_call call = {.n = 0};
		struct err e = ERR_INIT;

		assert_true(forge_wants(entry));
		assert_int_equal(forge_build(&f, "server1", "t0ken", entry, &call, &e), 0);
		assert_int_equal(call.n, row->calls);
		auto_json cJSON *j = parsed(str_text(&call.requests[0].body));
		assert_string_equal(json_str(j, "state", ""), row->state);
		assert_string_equal(json_str(j, "description", ""), row->why);
		bool gitlab = row->kind == FORGE_GITLAB;
		assert_string_equal(json_str(j, gitlab ? "name" : "context", ""),
				    "mdc-agent/server1");
		assert_string_equal(call.requests[0].url,
				    gitlab ? "https://git.example.org/api/projects/me%2Flab/"
					     "statuses/" COMMIT
					   : "https://git.example.org/api/repos/me/lab/"
					     "statuses/" COMMIT);
		assert_null(strstr(call.what, "t0ken"));
	}
}

static void check_forge_rollback(void **state)
{
	const struct forge_config f = {.kind = FORGE_GITHUB,
				       .url = (char *)"https://api.example.org",
				       .repo = (char *)"me/lab"};
	auto_json cJSON *entry =
		parsed(END(",\"previous\":\"" LEFT "\"" COUNTS(COUNT("deployed", "web"))));
	auto_json cJSON *other = parsed("{\"event\":\"sync.finished\",\"commit\":\"\"}");
	auto_forge_call struct forge_call call = {.n = 0};
	struct err e = ERR_INIT;

	(void)state;
	assert_false(forge_wants(other)); /* a project of the host has no commit */
	assert_int_equal(forge_build(&f, "server1", "t0ken", entry, &call, &e), 0);
	assert_string_equal(call.requests[1].url,
			    "https://api.example.org/repos/me/lab/statuses/" LEFT);
	auto_json cJSON *j = parsed(str_text(&call.requests[1].body));
	assert_string_equal(json_str(j, "state", ""), "failure");
	assert_true(has_header(&call.requests[1], "Authorization: Bearer t0ken"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_cloudevents), cmocka_unit_test(check_chats),
		cmocka_unit_test(check_push),        cmocka_unit_test(check_template),
		cmocka_unit_test(check_signature),   cmocka_unit_test(check_base64),
		cmocka_unit_test(check_forge),       cmocka_unit_test(check_forge_rollback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
