/*
 * entry - a line of the history as it goes to receivers, in every format, and to a forge.
 * Depends on: fuzz, notify.
 */
#include "tests/fuzz/fuzz.h"

#include "agent/model/reports.h"
#include "agent/notify/receiver.h"
#include "common/json.h"

static void to_receiver(const cJSON *entry, enum report_format format)
{
	/* As config_read() would give it: a matrix without a room does not get here. */
	const struct webhook_config w = {.name = (char *)(uintptr_t) "x",
					 .url = (char *)(uintptr_t) "https://example.org/a",
					 .room = (char *)(uintptr_t) "!r:example.org",
					 .format = format};
	const struct receiver_keys keys = {
		.token = (char *)(uintptr_t) "t",
		.text = (char *)(uintptr_t) "{{event}} {{project}} {{reason}}"};
	auto_request struct request r = {.method = NULL};
	struct err e = ERR_INIT;

	if (receiver_build(&w, &keys, entry, 1700000000000, &r, &e) == 0)
		FUZZ_CHECK(r.method && r.url && r.body.len < 1024UL * 1024);
}

static void to_forge(const cJSON *entry, enum forge_kind kind)
{
	const struct forge_config f = {.kind = kind,
				       .url = (char *)(uintptr_t) "https://example.org",
				       .repo = (char *)(uintptr_t) "a/b"};
	auto_forge_call struct forge_call c = {.n = 0};
	struct err e = ERR_INIT;

	if (forge_wants(entry))
		(void)forge_build(&f, "server1", "token", entry, &c, &e);
}

void fuzz_one(const char *text, size_t len)
{
	auto_json cJSON *entry = NULL;
	struct err e = ERR_INIT;

	if (json_parse(text, len, &entry, &e) < 0)
		return;
	for (int i = 0; i < FORMAT_COUNT; i++)
		to_receiver(entry, (enum report_format)i);
	for (int i = FORGE_GITHUB; i <= FORGE_GITLAB; i++)
		to_forge(entry, (enum forge_kind)i);
}
