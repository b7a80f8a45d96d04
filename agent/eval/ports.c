/*
 * ports - what no two projects of a host may both have: published ports and container names.
 * A claim is "port <proto>/<port> <ip> <file:line:column>" or "container <name>
 * <file:line:column>". Depends on: scan.
 */
#include "agent/eval/scan.h"

#include "common/mem.h"
#include "common/str.h"

#include <stdio.h>
#include <string.h>

enum { CLAIMS_MAX = 1000, RANGE_MAX = 100, PORT_MAX = 65535, PORTS_MAX = 20000 };

static bool number(const char *text, size_t len, int *out)
{
	int n = 0;

	if (len == 0 || len > 5)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		n = n * 10 + (text[i] - '0');
	}
	*out = n;
	return n > 0 && n <= PORT_MAX;
}

/* "8080" or "8080-8090". */
static bool range(const char *text, int *first, int *last)
{
	size_t len = strcspn(text, "-");

	if (!number(text, len, first))
		return false;
	*last = *first;
	return text[len] == '\0' || number(text + len + 1, strlen(text + len + 1), last);
}

static void claim_ports(const struct place *p, const struct yaml_node *at, const char *ip,
			const char *ports, const char *proto)
{
	int first, last;

	if (!range(ports, &first, &last) || last - first > RANGE_MAX)
		return;
	for (int port = first; port <= last && p->s->p->claims.n < CLAIMS_MAX; port++)
		strv_pushf(&p->s->p->claims, "port %s/%d %s %s:%d:%d", proto, port,
			   ip[0] ? ip : "0.0.0.0", p->file, at->line, at->column);
}

/* Compose makes an entry of each port of a range: of 65535, one gigabyte in ten seconds. */
static void count_ports(const struct place *p, const struct yaml_node *at, const char *text)
{
	const char *last_part = strrchr(text, ':');
	auto_free char *ports = xstrdup(last_part ? last_part + 1 : text);
	size_t before = p->s->ports;
	int first, last;

	ports[strcspn(ports, "/")] = '\0';
	if (!range(ports, &first, &last) || last <= first)
		return;
	p->s->ports += (size_t)(last - first) + 1;
	if (before <= PORTS_MAX && p->s->ports > PORTS_MAX)
		scan_note(p->s, DIAG_ERROR, p->file, at,
			  "publishes more than %d ports: use network_mode: host for so many",
			  PORTS_MAX);
}

/* "[ip:]host:container[/proto]"; the ip may be "[::1]". No host part: the engine chooses one. */
static void short_port(const struct place *p, const struct yaml_node *at, char *text)
{
	char *proto = strchr(text, '/');
	char *container;
	const char *ip = "";

	if (proto)
		*proto++ = '\0';
	container = strrchr(text, ':');
	if (!container || str_ends(text, "]"))
		return;
	*container = '\0';
	char *host = strrchr(text, ':');
	if (host) {
		*host++ = '\0';
		ip = text;
	} else {
		host = text;
	}
	claim_ports(p, at, ip, host, proto ? proto : "tcp");
}

static void long_port(const struct place *p, const struct yaml_node *v)
{
	const char *published = yaml_text(yaml_get(v, "published"));
	const char *ip = yaml_text(yaml_get(v, "host_ip"));
	const char *proto = yaml_text(yaml_get(v, "protocol"));
	bool open;

	if (!published)
		return;
	auto_free char *ports = env_expand(&p->s->env, published, &open);
	if (!open && !(ip && strpbrk(ip, "$ ")) && !(proto && strpbrk(proto, "$ ")))
		claim_ports(p, v, ip ? ip : "", ports, proto ? proto : "tcp");
}

static void claim_name(const struct place *p, const struct yaml_node *name)
{
	const char *written = yaml_text(name);
	bool open;

	if (!written)
		return;
	auto_free char *text = env_expand(&p->s->env, written, &open);
	if (!open && text[0] && !strchr(text, ' '))
		strv_pushf(&p->s->p->claims, "container %s %s:%d:%d", text, p->file, name->line,
			   name->column);
}

void scan_claims(const struct place *p, const struct yaml_node *service)
{
	const struct yaml_node *ports = yaml_get(service, "ports");

	claim_name(p, yaml_get(service, "container_name"));
	for (size_t i = 0; ports && ports->kind == YAML_LIST && i < ports->n; i++) {
		const struct yaml_node *v = &ports->items[i];
		bool open;
		if (v->kind == YAML_MAP) {
			long_port(p, v);
			continue;
		}
		if (!yaml_text(v))
			continue;
		auto_free char *text = env_expand(&p->s->env, yaml_text(v), &open);
		if (open || strchr(text, ' '))
			continue;
		count_ports(p, v, text);
		short_port(p, v, text);
	}
}
