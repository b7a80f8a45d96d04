/* The text that node_exporter reads, whole; and changing one value in it. */
#include "agent/model/metrics.h"

#include "common/auto.h"
#include "common/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char expected[] =
	"# HELP mdc_agent_info The version of mdc-agent that wrote this.\n"
	"# TYPE mdc_agent_info gauge\n"
	"mdc_agent_info{version=\"1.0\"} 1\n"
	"# HELP mdc_generation Number of the current generation; 0 if there is none.\n"
	"# TYPE mdc_generation gauge\n"
	"mdc_generation 41\n"
	"# HELP mdc_generation_timestamp_seconds When the current generation was made.\n"
	"# TYPE mdc_generation_timestamp_seconds gauge\n"
	"mdc_generation_timestamp_seconds 1000\n"
	"# HELP mdc_projects Projects by state: good; held at older content; missing, never came "
	"up; degraded.\n"
	"# TYPE mdc_projects gauge\n"
	"mdc_projects{state=\"good\"} 1\n"
	"mdc_projects{state=\"held\"} 0\n"
	"mdc_projects{state=\"missing\"} 1\n"
	"mdc_projects{state=\"degraded\"} 0\n"
	"# HELP mdc_held 1 while nothing is applied: suspended, or held after a rollback.\n"
	"# TYPE mdc_held gauge\n"
	"mdc_held 0\n"
	"# HELP mdc_last_sync_timestamp_seconds End of the last sync that found something to do.\n"
	"# TYPE mdc_last_sync_timestamp_seconds gauge\n"
	"mdc_last_sync_timestamp_seconds 2000\n"
	"# HELP mdc_last_sync_success 1 if that sync ended without an error; what stays held is in "
	"mdc_projects.\n"
	"# TYPE mdc_last_sync_success gauge\n"
	"mdc_last_sync_success 1\n"
	"# HELP mdc_source_up 1 if the config repository answered when last asked.\n"
	"# TYPE mdc_source_up gauge\n"
	"mdc_source_up 1\n"
	"# HELP mdc_source_last_seen_timestamp_seconds When the config repository answered last; "
	"the daemon keeps it up to date.\n"
	"# TYPE mdc_source_last_seen_timestamp_seconds gauge\n"
	"mdc_source_last_seen_timestamp_seconds 3000\n"
	"# HELP mdc_source_moved_timestamp_seconds When the last new commit came that was not "
	"refused.\n"
	"# TYPE mdc_source_moved_timestamp_seconds gauge\n"
	"mdc_source_moved_timestamp_seconds 2500\n"
	"# HELP mdc_project_good 1 if the project is deployed as the repository wants it.\n"
	"# TYPE mdc_project_good gauge\n"
	"mdc_project_good{project=\"web\"} 1\n"
	"mdc_project_good{project=\"a\\\"b\\\\c\\nd\"} 0\n"
	"# HELP mdc_project_deployed_timestamp_seconds When what runs of the project was "
	"deployed.\n"
	"# TYPE mdc_project_deployed_timestamp_seconds gauge\n"
	"mdc_project_deployed_timestamp_seconds{project=\"web\"} 500\n";

static struct metrics sample(struct metrics_project v[2])
{
	v[0] = (struct metrics_project){.name = "web", .deployed = 500};
	v[1] = (struct metrics_project){.name = "a\"b\\c\nd", .state = METRIC_MISSING};
	return (struct metrics){.version = "1.0",
				.generation = 41,
				.made = 1000,
				.last_sync = 2000,
				.last_good = true,
				.has_source = true,
				.source_up = true,
				.source_seen = 3000,
				.source_moved = 2500,
				.v = v,
				.n = 2};
}

static void test_text(void **state)
{
	auto_str struct str out = STR_INIT;
	struct metrics_project v[2];
	struct metrics m = sample(v);

	(void)state;
	metrics_text(&out, &m);
	assert_string_equal(str_text(&out), expected);
}

static void test_without_source_and_projects(void **state)
{
	auto_str struct str out = STR_INIT;
	const struct metrics m = {.version = "1.0"};

	(void)state;
	metrics_text(&out, &m);
	assert_null(strstr(str_text(&out), "mdc_source"));
	assert_null(strstr(str_text(&out), "mdc_project_"));
	assert_null(strstr(str_text(&out), "mdc_generation_timestamp"));
}

static void test_change(void **state)
{
	auto_str struct str out = STR_INIT, none = STR_INIT;

	(void)state;
	assert_int_equal(metrics_value(expected, METRIC_SOURCE_SEEN, -1), 3000);
	assert_int_equal(metrics_value(expected, "mdc_source", -1), -1);
	assert_true(metrics_change(&out, expected, METRIC_SOURCE_SEEN, 4567));
	assert_int_equal(metrics_value(str_text(&out), METRIC_SOURCE_SEEN, -1), 4567);
	assert_int_equal(metrics_value(str_text(&out), METRIC_SOURCE_UP, -1), 1);
	assert_int_equal(out.len, sizeof(expected) - 1);
	assert_false(metrics_change(&none, expected, "mdc_nothing", 1));
	assert_false(metrics_change(&none, "", METRIC_SOURCE_UP, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_text),
					   cmocka_unit_test(test_without_source_and_projects),
					   cmocka_unit_test(test_change)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
