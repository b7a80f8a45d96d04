/*
 * snap - the drivers of agent/snapshot by hand, for tests and measurements.
 *   snap [OPTION...] choose PATH              one "key: value" a line
 *   snap [OPTION...] take PATH PLACE          prints the identity and the bytes
 *   snap [OPTION...] restore PATH PLACE ASIDE  both halves; what was there to ASIDE
 *   snap identity PATH | drop PLACE | sweep STORE [PLACE...]
 * Options: --state DIR, --engine DIR, --store DIR, --driver NAME, --command PROGRAM, --subvolumes,
 * --consume, --count. Depends on: snapshot, clock.
 */
#include "agent/snapshot/snapshot.h"

#include "common/auto.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/str.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct ask {
	struct tree_where where;
	bool consume, count;
	char **argv;
	int argc;
};

static double now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int run_choose(const struct ask *a, struct err *e)
{
	auto_tree_choice struct tree_choice c = {0};

	if (tree_choose(a->argv[1], &a->where, a->count, &c, e) < 0)
		return -1;
	printf("driver: %s\nwhy: %s\npath: %s\nstore: %s\nconsume: %d\nconvert: %d\n",
	       c.driver ? driver_name(c.driver) : "", c.why, c.path, c.store ? c.store : "",
	       c.consume, c.convert);
	printf("files: %lld\nbytes: %lld\ncost_ms: %lld\nfree: %lld\n", (long long)c.files,
	       (long long)c.bytes, (long long)c.cost_ms, (long long)c.free_bytes);
	return 0;
}

static int run_take(const struct ask *a, struct err *e)
{
	auto_tree_choice struct tree_choice c = {0};
	auto_free char *identity = NULL;
	int64_t bytes = 0;

	if (tree_choose(a->argv[1], &a->where, false, &c, e) < 0)
		return -1;
	double begin = now_ms();

	if (tree_take(&c, a->argv[2], NULL, &identity, &bytes, e) < 0)
		return -1;
	printf("identity: %s\nbytes: %lld\nms: %.2f\n", identity, (long long)bytes,
	       now_ms() - begin);
	return 0;
}

/* As flow does it: what is in --state DIR/built is the record between the halves. */
static int run_restore(const struct ask *a, struct err *e)
{
	auto_tree_choice struct tree_choice c = {0};
	auto_free char *built = NULL, *identity = NULL, *text = NULL;
	auto_free char *record = xasprintf("%s/built", a->where.state_dir);

	if (tree_choose(a->argv[1], &a->where, false, &c, e) < 0)
		return -1;
	double begin = now_ms(), half = begin;

	if (file_exists(record)) {
		if (file_read(record, 8192, &text, NULL, e) < 0)
			return -1;
		char *end = strchr(text, '\n');

		if (!end)
			return err_set(e, ERR_BROKEN, 0, "the record is damaged");
		built = xstrndup(text, (size_t)(end - text));
		identity = xstrdup(end + 1);
	} else {
		if (tree_build(&c, a->argv[2], a->consume, &built, &identity, e) < 0)
			return -1;
		half = now_ms();
		text = xasprintf("%s\n%s", built, identity);
		if (file_replace(record, text, strlen(text), 0600, e) < 0)
			return -1;
	}
	double recorded = now_ms();

	if (tree_swap(&c, built, identity, e) < 0)
		return -1;
	double swapped = now_ms();

	if (tree_set_aside(c.driver, built, a->argv[3], e) < 0 || file_remove(record, e) < 0)
		return -1;
	printf("build_ms: %.2f\nswap_ms: %.2f\nms: %.2f\naside_ms: %.2f\n", half - begin,
	       swapped - recorded, half - begin + swapped - recorded, now_ms() - swapped);
	return 0;
}

static int run_sweep(const struct ask *a, struct err *e)
{
	auto_strv struct strv places = STRV_INIT;
	size_t dropped = 0;

	for (int i = 2; i < a->argc; i++)
		strv_push(&places, a->argv[i]);
	if (snapshot_sweep(a->argv[1], &places, &dropped, e) < 0)
		return -1;
	printf("dropped: %zu\n", dropped);
	return 0;
}

static int run_identity(const struct ask *a, struct err *e)
{
	auto_free char *identity = NULL;

	if (tree_identity(driver_find("copy"), a->argv[1], &identity, e) < 0)
		return -1;
	printf("identity: %s\n", identity);
	return 0;
}

static int run_drop(const struct ask *a, struct err *e)
{
	double begin = now_ms();

	if (snapshot_drop(NULL, a->argv[1], e) < 0)
		return -1;
	printf("ms: %.2f\n", now_ms() - begin);
	return 0;
}

static const struct {
	const char *name;
	int words;
	int (*run)(const struct ask *a, struct err *e);
} verbs[] = {
	{"choose", 2, run_choose}, {"take", 3, run_take},         {"restore", 4, run_restore},
	{"sweep", 2, run_sweep},   {"identity", 2, run_identity}, {"drop", 2, run_drop},
};

static void set_option(struct ask *a, int option)
{
	switch (option) {
	case 's':
		a->where.state_dir = optarg;
		break;
	case 'e':
		a->where.engine_root = optarg;
		break;
	case 't':
		a->where.store_dir = optarg;
		break;
	case 'd':
		a->where.driver = optarg;
		break;
	case 'c':
		a->where.command = optarg;
		break;
	case 'v':
		a->where.subvolumes = true;
		break;
	case 'u':
		a->consume = true;
		break;
	default:
		a->count = true;
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"state", 1, NULL, 's'},   {"engine", 1, NULL, 'e'},  {"store", 1, NULL, 't'},
		{"driver", 1, NULL, 'd'},  {"command", 1, NULL, 'c'}, {"subvolumes", 0, NULL, 'v'},
		{"consume", 0, NULL, 'u'}, {"count", 0, NULL, 'n'},   {0},
	};
	struct ask a = {.where = {.state_dir = "/nonexistent"}};
	struct err e = ERR_INIT;
	char text[2048];
	int o;

	while ((o = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (o == '?')
			return 2;
		set_option(&a, o);
	}
	a.argv = argv + optind;
	a.argc = argc - optind;
	for (size_t i = 0; a.argc > 0 && i < COUNT_OF(verbs); i++) {
		if (strcmp(a.argv[0], verbs[i].name) != 0 || a.argc < verbs[i].words)
			continue;
		if (verbs[i].run(&a, &e) == 0)
			return 0;
		(void)fprintf(stderr, "snap: %s\n", err_text(&e, text, sizeof(text)));
		return 1;
	}
	(void)fputs("snap: see the top of tests/tools/snap.c\n", stderr);
	return 2;
}
