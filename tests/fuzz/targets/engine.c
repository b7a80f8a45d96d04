/*
 * engine - any answer to any question to the engine. The first byte says what is asked, the parts
 * behind it are the answers.
 * Depends on: fuzz, answers, engine.
 */
#include "tests/fuzz/fuzz.h"

#include "agent/engine/api.h"
#include "common/json.h"
#include "common/mem.h"

#include <string.h>

#define IMAGE "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void list(struct engine *g)
{
	struct err e = ERR_INIT;
	auto_containers struct containers l = CONTAINERS_INIT;

	(void)engine_list(g, "web", &l, &e);
	for (size_t i = 0; i < l.n; i++)
		FUZZ_CHECK(strcmp(l.v[i].project, "web") == 0);
}

static void inspect(struct engine *g)
{
	struct err e = ERR_INIT;
	auto_containers struct containers l = CONTAINERS_INIT;
	bool gone = false;

	if (engine_list(g, NULL, &l, &e) < 0 || l.n == 0)
		return;
	(void)engine_inspect(g, &l.v[0], &gone, &e);
	(void)engine_health_kick(g, &l.v[0], &e);
}

static void images(struct engine *g)
{
	struct err e = ERR_INIT;
	auto_image_info struct image_info i = {.id = NULL};
	auto_strv struct strv kept = STRV_INIT;
	bool found = false;

	(void)engine_image(g, "nginx:1", &i, &found, &e);
	(void)engine_images_kept(g, &kept, &e);
	(void)engine_image_unkeep(g, IMAGE, &e);
}

static void lists(struct engine *g)
{
	struct err e = ERR_INIT;
	auto_json cJSON *networks = NULL;
	auto_json cJSON *own = NULL;
	auto_json cJSON *one = NULL;
	auto_free char *root = NULL;
	bool found = false;

	(void)engine_networks(g, &networks, &e);
	(void)engine_project_volumes(g, "web", &own, &e);
	(void)engine_volume(g, "data", &one, &found, &e);
	(void)engine_root(g, &root, &e);
}

static void uses(struct engine *g)
{
	struct err e = ERR_INIT;
	auto_uses struct uses u = USES_INIT;

	(void)engine_uses(g, NULL, &u, &e);
}

static void changes(struct engine *g)
{
	struct err e = ERR_INIT;
	auto_strv struct strv ids = STRV_INIT;
	auto_strv struct strv done = STRV_INIT;
	auto_free char *policy = NULL;

	strv_push(&ids, "a");
	strv_push(&ids, "b");
	(void)engine_start(g, "a", &e);
	(void)engine_pause(g, "a", &e);
	(void)engine_restart_policy(g, "a", &policy, &e);
	(void)engine_repair(g, "web", &done, &e);
	(void)engine_volume_create(g, "data", "web", "data", &e);
}

static void logs(struct engine *g)
{
	struct err e = ERR_INIT;
	auto_free char *text = NULL;

	(void)engine_logs(g, "a", 20, 2000, &text, &e);
	if (text)
		FUZZ_CHECK(strlen(text) <= 2000);
}

static void exec(struct engine *g)
{
	struct err e = ERR_INIT;
	auto_strv struct strv command = STRV_INIT;
	auto_free char *output = NULL;
	int code = 0;

	strv_push(&command, "true");
	(void)engine_exec(g, "a", &command, 1, &code, &output, &e);
}

static void (*const asks[])(struct engine *g) = {list, inspect, images, lists,
						 uses, changes, logs,   exec};

void fuzz_one(const char *text, size_t len)
{
	struct engine g = {.socket = (char *)(uintptr_t) "/run/docker.sock"};
	struct fuzz_parts p;

	if (len < 1)
		return;
	fuzz_cut(text + 1, len - 1, &p);
	fuzz_answers(&p);
	asks[(unsigned char)text[0] % COUNT_OF(asks)](&g);
	if (g.http)
		http_close(g.http);
	kicks_done(&g.kicks);
	fuzz_parts_done(&p);
}
