/*
 * Tests of agent/engine/model_compare and model_words: what a plan says, and that it says no
 * secret.
 */
#include "agent/engine/model.h"

#include "common/auto.h"
#include "common/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const struct row {
	const char *name, *old, *new; /* members of service web, without braces; or whole models */
	const char *reasons, *services, *notes;
} rows[] = {
	{"equal", "'image':'a:1'", "'image':'a:1'", "", "", ""},
	{"order of members", "'image':'a:1','user':'1'", "'user':'1','image':'a:1'", "", "", ""},
	{"image", "'image':'a:1@" A "'", "'image':'a:2@" B "'", "service web: image a:1 → a:2",
	 "web", ""},
	{"same tag, other image", "'image':'a:1@" A "'", "'image':'a:1@" B "'",
	 "service web: image a:1 (now another image, sha256:bbbbbbbbbbbb…)", "web", ""},
	{"built again", "'image':'" A "'", "'image':'" B "'",
	 "service web: image sha256:aaaaaaaaaaaa… → sha256:bbbbbbbbbbbb…", "web", ""},
	{"not pulled yet", "'image':'a:1@" A "'", "'image':'a:1'", "", "", ""},
	{"not pulled yet, other tag", "'image':'a:1@" A "'", "'image':'a:2'",
	 "service web: image a:1 → a:2", "web", ""},
	{"pinned by id, other tag", "'image':'" A "','x-mdc-image':'a:1'",
	 "'image':'" B "','x-mdc-image':'a:2'", "service web: image a:1 → a:2", "web", ""},
	{"pinned by id, same tag", "'image':'" A "','x-mdc-image':'a:1'",
	 "'image':'" B "','x-mdc-image':'a:1'",
	 "service web: image a:1 (now another image, sha256:bbbbbbbbbbbb…)", "web", ""},
	{"pinned by id, not pulled yet", "'image':'" A "','x-mdc-image':'a:1'", "'image':'a:1'", "",
	 "", ""},
	{"no pin any more", "'image':'a:1'", "'image':'b:1','build':{}",
	 "service web: image a:1 → b:1", "web", ""},
	{"not built yet, with a name", "'image':'" A "','x-mdc-image':'a:1'",
	 "'image':'a:1','build':{}", "", "", ""},
	{"built instead of pulled", "'image':'a:1@" A "'", "'build':{'context':'.'}",
	 "service web: image a:1 → built here", "web", ""},
	{"not built yet", "'image':'" A "'", "'build':{'context':'.'}", "", "", ""},
	{"environment", "'environment':{'A':'secret1','B':'same','C':'gone'}",
	 "'environment':{'A':'secret2','B':'same','D':'secret3'}",
	 "service web: environment A|service web: environment D (added)|service web: environment C (removed)",
	 "web", ""},
	{"environment appears", "'image':'a'", "'image':'a','environment':{'A':'secret'}",
	 "service web: environment A (added)", "web", ""},
	{"command", "'command':['x','--password=secret']", "'command':['y']",
	 "service web: command changed", "web", ""},
	{"entrypoint and healthcheck", "'entrypoint':['x']", "'healthcheck':{'test':['CMD','x']}",
	 "service web: entrypoint removed|service web: healthcheck added", "web", ""},
	{"ports", "'ports':[{'published':'80','target':80,'protocol':'tcp'}]",
	 "'ports':[{'published':'81','target':80,'protocol':'tcp','host_ip':'127.0.0.1'}]",
	 "service web: ports 127.0.0.1:81:80/tcp (added)|service web: ports 80:80/tcp (removed)",
	 "web", ""},
	{"mounts", "'volumes':[{'type':'bind','source':'/a','target':'/b'}]",
	 "'volumes':[{'type':'bind','source':'/a','target':'/b','read_only':true}]",
	 "service web: volumes /a:/b (added)|service web: volumes /a:/b (removed)", "web", ""},
	{"labels", "'labels':{'a':'secret'}", "'labels':{'a':'secret2','b':'x'}",
	 "service web: label a|service web: label b (added)", "web", ""},
	{"a mounted file", "'labels':{'mdc.managed':'1','mdc.inputs':'1'}",
	 "'labels':{'mdc.managed':'1','mdc.inputs':'2'}", "service web: a file it mounts changed",
	 "web", ""},
	{"taken over", "'image':'a'", "'image':'a','labels':{'mdc.managed':'1'}",
	 "service web: taken over by mdc-agent", "web", ""},
	{"restart", "'restart':'no'", "'restart':'always'", "service web: restart no → always",
	 "web", ""},
	{"replicas", "'deploy':{'replicas':1}", "'deploy':{'replicas':3}",
	 "service web: replicas 1 → 3", "web", ""},
	{"limits", "'deploy':{'replicas':1,'resources':{'limits':{'memory':'1'}}}",
	 "'deploy':{'replicas':1,'resources':{'limits':{'memory':'2'}}}",
	 "service web: setting deploy", "web", ""},
	{"networks", "'networks':{'default':null}",
	 "'networks':{'default':null,'proxy':{'aliases':['x']}}",
	 "service web: networks proxy (added)", "web", ""},
	{"anything else", "'shm_size':'1'", "'shm_size':'2'", "service web: setting shm_size",
	 "web", ""},
	{"what Compose does not mind", "'build':{'context':'a'},'pull_policy':'always','x-a':1",
	 "'build':{'context':'b'},'x-a':2", "", "", ""},
	{"order of a list", "'cap_add':['A','B']", "'cap_add':['B','A']",
	 "service web: order of cap_add", "web", ""},
	{"terminal escapes", "'user':'a'", "'user':'\\u001b[1m'", "service web: user a → \\x1B[1m",
	 "web", ""},

	{"whole: added and removed", "{'services':{'a':{'image':'x'}}}",
	 "{'services':{'b':{'image':'y'}}}", "service a: removed|service b: added", "b", ""},
	{"whole: nothing before", NULL,
	 "{'services':{'a':{'image':'x'}},'volumes':{'v':{'name':'v'}}}", "service a: added", "a",
	 ""},
	{"whole: dependants, and theirs",
	 "{'services':{'db':{'image':'d:1'},'web':{'image':'w','depends_on':{'db':{}}},"
	 "'edge':{'image':'e','depends_on':{'web':{}}},'side':{'image':'s'},"
	 "'net':{'image':'n','network_mode':'service:db'},'vols':{'image':'n','volumes_from':['db:ro']}}}",
	 "{'services':{'db':{'image':'d:2'},'web':{'image':'w','depends_on':{'db':{}}},"
	 "'edge':{'image':'e','depends_on':{'web':{}}},'side':{'image':'s'},"
	 "'net':{'image':'n','network_mode':'service:db'},'vols':{'image':'n','volumes_from':['db:ro']}}}",
	 "service db: image d:1 → d:2|service web: recreated, as it depends on db|"
	 "service net: recreated, as it depends on db|service vols: recreated, as it depends on db|"
	 "service edge: recreated, as it depends on web",
	 "db web net vols edge", ""},
	{"whole: networks and volumes stay as they are",
	 "{'networks':{'n':{'name':'p_n','ipam':{}}},'volumes':{'v':{'name':'p_v'},'w':{'name':'p_w'}}}",
	 "{'networks':{'n':{'name':'p_n','ipam':{'x':1}}},'volumes':{'v':{'name':'p_v'},'w':{'name':'other'},"
	 "'new':{'name':'p_new'}}}",
	 "", "",
	 "network n: its definition changed, which Compose does not apply to the existing network|"
	 "volume w: is now other; the old one (p_w) stays and its content is not moved"},
};

/* Rows write ' for ". */
static cJSON *parse(const char *text)
{
	if (!text)
		return NULL;
	auto_free char *json =
		text[0] == '{' ? xstrdup(text) : xasprintf("{'services':{'web':{%s}}}", text);
	struct err e = ERR_INIT;
	cJSON *v = NULL;

	for (char *at = json; *at != '\0'; at++)
		*at = *at == '\'' ? '"' : *at;
	assert_int_equal(json_parse(json, strlen(json), &v, &e), 0);
	return v;
}

static void check_row(void **state)
{
	const struct row *r = *state;
	auto_json cJSON *old = parse(r->old);
	auto_json cJSON *new = parse(r->new);
	auto_strv struct strv reasons = STRV_INIT;
	auto_strv struct strv services = STRV_INIT;
	auto_strv struct strv notes = STRV_INIT;

	model_compare(old, new, &reasons, &services, &notes);
	auto_free char *a = strv_join(&reasons, "|");
	auto_free char *b = strv_join(&services, " ");
	auto_free char *c = strv_join(&notes, "|");

	assert_string_equal(a, r->reasons);
	assert_string_equal(b, r->services);
	assert_string_equal(c, r->notes);
	assert_null(strstr(a, "secret"));
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(rows)];

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		tests[i] = (struct CMUnitTest){rows[i].name, check_row, NULL, NULL,
					       (void *)(uintptr_t)&rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
