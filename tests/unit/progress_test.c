/*
 * progress - the live display, drawn into a buffer.
 */
#include "agent/cli/progress.h"

#include "agent/cli/show.h"
#include "common/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct look plain = {.color = false, .utf8 = false};
static const struct look rich = {.color = false, .utf8 = true};

static void note(struct progress_display *d, const char *project, const char *step, int64_t now_ms)
{
	progress_note(d, &(struct progress_line){.project = project, .step = step}, now_ms);
}

static void note_detail(struct progress_display *d, const char *project, const char *step,
			const char *detail, int64_t now_ms)
{
	progress_note(d,
		      &(struct progress_line){.project = project, .step = step, .detail = detail},
		      now_ms);
}

static void steps_and_ends_as_plain_lines(void **state)
{
	auto_progress struct progress_display *d = progress_open(-1, PROGRESS_PLAIN, &plain);
	auto_str struct str out = STR_INIT;

	(void)state;
	note(d, NULL, "fetch", 0);
	note(d, "web", "pull", 1000);
	note_detail(d, "web", "pull", "layer 2 of 3", 1500); /* the same step: no line */
	note(d, "api", "pull", 1600);
	note(d, "web", "apply", 2000);
	note(d, "web", "deployed", 4200);
	note_detail(d, "api", "failed", "app exited with 1\npanic", 13600);
	note_detail(d, "old", "held", "suspended", 13600);
	progress_fixed(d, &out);
	assert_string_equal(str_text(&out),
			    "web: pull\napi: pull\nweb: apply\nweb: deployed in 3.2 s\n"
			    "api: failed after 12 s: app exited with 1\n"
			    "old: held: suspended\n");
}

static void live_lines(void **state)
{
	auto_progress struct progress_display *d = progress_open(-1, PROGRESS_LIVE, &plain);
	auto_str struct str out = STR_INIT;

	(void)state;
	note(d, "web", "pull", 0);
	note_detail(d, "database", "health", "db: starting", 1000);
	progress_frame(d, 60, 10, 12500, &out);
	assert_string_equal(str_text(&out), "| web       pull        12.5 s\n"
					    "| database  health      11.5 s  db: starting\n");
}

static void what_ended_stands_above(void **state)
{
	auto_progress struct progress_display *d = progress_open(-1, PROGRESS_LIVE, &rich);
	auto_str struct str first = STR_INIT, second = STR_INIT;

	(void)state;
	note(d, "web", "apply", 0);
	note(d, "api", "apply", 0);
	progress_redraw(d, 60, 10, 100, &first);
	assert_null(strstr(str_text(&first), "A\n")); /* nothing above yet */
	note(d, "web", "deployed", 3200);
	progress_redraw(d, 60, 10, 3300, &second);
	assert_true(str_starts(str_text(&second), "\r\033[2A✓ web   deployed in 3.2 s\033[K\n"));
	assert_non_null(strstr(str_text(&second), " api   apply"));
	assert_true(str_ends(str_text(&second), "\033[J"));
}

static size_t lines_of(const struct str *s)
{
	size_t n = 0;

	for (const char *p = str_text(s); *p; p++)
		n += *p == '\n';
	return n;
}

static void never_wider_nor_higher_than_the_terminal(void **state)
{
	auto_progress struct progress_display *d = progress_open(-1, PROGRESS_LIVE, &rich);

	(void)state;
	for (int i = 0; i < 40; i++) {
		auto_free char *name = xasprintf("project-with-a-rather-long-name-%d", i);

		note_detail(d, name, i == 39 ? "health" : "waiting",
			    "日本語 and a text that does not fit into any line of that size at all",
			    i);
	}
	for (int columns = 1; columns < 130; columns++) {
		for (int rows = 0; rows < 12; rows++) {
			auto_str struct str out = STR_INIT;

			progress_frame(d, columns, rows, 5000, &out);
			assert_true(lines_of(&out) <= (size_t)rows);
			for (const char *p = str_text(&out); *p && columns >= 16;) {
				auto_free char *line = xstrndup(p, strcspn(p, "\n"));

				assert_true(text_width(line) <= columns);
				p += strlen(line) + 1;
			}
		}
	}
}

static void what_works_is_shown_before_what_waits(void **state)
{
	auto_progress struct progress_display *d = progress_open(-1, PROGRESS_LIVE, &plain);
	auto_str struct str out = STR_INIT;

	(void)state;
	for (int i = 0; i < 20; i++) {
		auto_free char *name = xasprintf("p%d", i);

		note(d, name, "waiting", 0);
	}
	note(d, "p19", "apply", 0);
	progress_frame(d, 80, 3, 0, &out);
	assert_true(str_starts(str_text(&out), "| p19"));
	assert_non_null(strstr(str_text(&out), "and 18 more"));
	assert_int_equal(lines_of(&out), 3);
}

static void a_narrower_terminal_has_wrapped_the_old_lines(void **state)
{
	auto_progress struct progress_display *d = progress_open(-1, PROGRESS_LIVE, &plain);
	auto_str struct str wide = STR_INIT, narrow = STR_INIT;

	(void)state;
	note_detail(d, "web", "pull", "a detail that makes the line some seventy columns wide", 0);
	progress_redraw(d, 100, 24, 0, &wide);
	progress_redraw(d, 30, 24, 0, &narrow);
	assert_true(str_starts(str_text(&narrow), "\r\033[3A"));
}

static void text_from_outside_is_made_safe(void **state)
{
	auto_progress struct progress_display *d = progress_open(-1, PROGRESS_LIVE, &plain);
	auto_str struct str out = STR_INIT;

	(void)state;
	note_detail(d, "web\033[2J", "pull\n", "\033]0;title\007", 0);
	progress_frame(d, 100, 10, 0, &out);
	assert_null(strchr(str_text(&out), '\033'));
	assert_null(strchr(str_text(&out), '\007'));
	assert_int_equal(lines_of(&out), 1);
}

static void the_report_of_a_sync(void **state)
{
	struct outcome v[] = {
		{(char *)(uintptr_t) "web", OUTCOME_DEPLOYED, NULL, 3200},
		{(char *)(uintptr_t) "api", OUTCOME_FAILED,
		 (char *)(uintptr_t) "app exited with 1\n\033[31mpanic", 12000},
	};
	struct sync_report r = {.generation = 7, .made = true, .v = v, .n = 2, .kept = 3};
	auto_str struct str all = STR_INIT, brief = STR_INIT;

	(void)state;
	snprintf(r.commit.id, sizeof(r.commit.id), "3f2a1c9aaaa");
	r.commit.subject = (char *)(uintptr_t) "bump\x07 web";
	show_sync(&all, &r, &plain, false);
	assert_string_equal(str_text(&all),
			    "web: deployed in 3.2 s\n"
			    "api: failed in 12 s\n"
			    "    app exited with 1\n"
			    "    \\x1B[31mpanic\n"
			    "1 deployed, 1 failed, 3 unchanged; generation 7, commit "
			    "3f2a1c9 \"bump\\x07 web\"\n");
	show_sync(&brief, &r, &plain, true);
	assert_true(str_starts(str_text(&brief), "api: failed"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_and_ends_as_plain_lines),
		cmocka_unit_test(live_lines),
		cmocka_unit_test(what_ended_stands_above),
		cmocka_unit_test(never_wider_nor_higher_than_the_terminal),
		cmocka_unit_test(what_works_is_shown_before_what_waits),
		cmocka_unit_test(a_narrower_terminal_has_wrapped_the_old_lines),
		cmocka_unit_test(text_from_outside_is_made_safe),
		cmocka_unit_test(the_report_of_a_sync),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
