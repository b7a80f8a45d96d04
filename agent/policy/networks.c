/*
 * networks - the networks of a project and the ports that it publishes on the host.
 * Depends on: parts.
 */
#include "agent/policy/parts.h"

#include "common/mem.h"
#include "common/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOW_PORT = 1024 };

static void is_host(struct judging *j, const struct policy_place *p)
{
	if (!judge_listed(j, POLICY_HOST_NAMESPACES, "network"))
		judge_add(j, POLICY_HOST_NAMESPACES, p, "network", "is the host's own network");
}

static void one_network(struct judging *j, const cJSON *network)
{
	const char *driver = json_str(network, "driver", "bridge");
	const char *name = json_str(network, "name", network->string);
	struct policy_place p = {.section = "networks", .name = network->string, .key = "external"};

	if (json_bool(network, "external", false)) {
		if (strcmp(name, "host") == 0)
			is_host(j, &p);
		else if (!judge_listed(j, POLICY_EXTERNAL, name))
			judge_add(j, POLICY_EXTERNAL, &p, name, "is external");
		return;
	}
	p.key = "driver";
	if (strcmp(driver, "host") == 0)
		is_host(j, &p);
	else if (driver[0] && !judge_listed(j, POLICY_NETWORK_DRIVERS, driver))
		judge_add(j, POLICY_NETWORK_DRIVERS, &p, driver, "has the driver %s", driver);
}

void judge_networks(struct judging *j)
{
	const cJSON *network;

	cJSON_ArrayForEach (network, json_obj(j->model, "networks"))
		one_network(j, network);
}

/* ---- ports ---- */
static bool everywhere(const char *address)
{
	static const char *const all[] = {"", "0.0.0.0", "::", "[::]", "0", "*"};

	for (size_t i = 0; i < COUNT_OF(all); i++)
		if (strcmp(address, all[i]) == 0)
			return true;
	return false;
}

/* "80" or "80-90"; false: the engine chooses. */
static bool range(const char *text, long *from, long *to)
{
	char *end = NULL;

	*from = *to = strtol(text, &end, 10);
	if (end == text || *from <= 0)
		return false;
	if (*end == '-')
		*to = strtol(end + 1, NULL, 10);
	return true;
}

/* The first port of the range that is not on the list; 0: all are. */
static long unlisted(const struct judging *j, enum policy_rule r, long from, long to)
{
	for (long port = from; port <= to && port <= 65535; port++) {
		char text[16];

		(void)snprintf(text, sizeof(text), "%ld", port);
		if (!judge_listed(j, r, text))
			return port;
	}
	return 0;
}

static void one_port(struct judging *j, const cJSON *service, const cJSON *port)
{
	auto_free char *published = judge_text(cJSON_GetObjectItemCaseSensitive(port, "published"));
	const char *address = json_str(port, "host_ip", "");
	struct policy_place p = {
		.section = "services", .name = service->string, .key = "ports", .text = published};
	long from = 0, to = 0, which = 0;
	char entry[16];

	if (!range(published, &from, &to)) {
		if (everywhere(address) && !judge_listed(j, POLICY_PUBLIC_PORTS, "0"))
			judge_add(
				j, POLICY_PUBLIC_PORTS, &p, "0",
				"publishes a port of the engine's choice on all addresses of the host");
		return;
	}
	which = from < LOW_PORT
			? unlisted(j, POLICY_LOW_PORTS, from, to < LOW_PORT ? to : LOW_PORT - 1)
			: 0;
	(void)snprintf(entry, sizeof(entry), "%ld", which);
	if (which > 0)
		judge_add(j, POLICY_LOW_PORTS, &p, entry, "publishes port %ld", which);
	which = everywhere(address) ? unlisted(j, POLICY_PUBLIC_PORTS, from, to) : 0;
	(void)snprintf(entry, sizeof(entry), "%ld", which);
	if (which > 0)
		judge_add(j, POLICY_PUBLIC_PORTS, &p, entry,
			  "publishes port %ld on all addresses of the host", which);
}

void judge_ports(struct judging *j, const cJSON *service)
{
	const cJSON *port;

	cJSON_ArrayForEach (port, json_arr(service, "ports"))
		one_port(j, service, port);
}
