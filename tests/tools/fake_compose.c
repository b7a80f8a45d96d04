/*
 * fake_compose - stands in for the Compose plugin: `config` prints the file (JSON already) with its
 * paths made absolute; for `up`, `down` and `stop` the fake engine says which requests to make, and
 * they are made one by one, as by the real one: each is a point at which everything can die. With
 * -DTIMES it writes down, in a file beside the program, the processor time it took itself, so that
 * a benchmark can take it off. Depends on: fake_engine.py.
 */
#define _GNU_SOURCE 1
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef TIMES
#define TIMES 0
#endif
enum { TEXT_MAX = 16 * 1024 * 1024 };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static char *read_all(const char *path, size_t *len)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	char *text = malloc(TEXT_MAX);

	if (!f || !text)
		die(path);
	*len = fread(text, 1, TEXT_MAX - 1, f);
	text[*len] = '\0';
	return text;
}

/* "./x" becomes "<directory>/x". */
static void print_resolved(const char *text, const char *directory)
{
	const char *at;

	while ((at = strstr(text, "\"./"))) {
		printf("%.*s\"%s/", (int)(at - text), text, directory);
		text = at + 3;
	}
	fputs(text, stdout);
}

/* One request on a connection of its own; the body of its answer. */
static char *ask(const char *request, const char *body, size_t len)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	const char *host = getenv("DOCKER_HOST");
	char *text = malloc(TEXT_MAX + 1024), *answer;
	size_t have = 0;
	ssize_t n;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (!text || !host || strncmp(host, "unix://", 7) != 0 ||
	    strlen(host + 7) >= sizeof(a.sun_path))
		exit(1);
	memcpy(a.sun_path, host + 7, strlen(host + 7));
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		die("Cannot connect to the Docker daemon");
	int head = snprintf(
		text, 1024,
		"%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
		request, len);

	memcpy(text + head, body, len);
	if (write(fd, text, (size_t)head + len) != (ssize_t)((size_t)head + len))
		die(request);
	while ((n = read(fd, text + have, TEXT_MAX - have)) > 0)
		have += (size_t)n;
	text[have] = '\0';
	(void)close(fd);
	answer = strstr(text, "\r\n\r\n");
	if (have < 12 || text[9] != '2' || !answer) {
		fprintf(stderr, "Error response from daemon: %s: %s\n", request,
			answer ? answer + 4 : "nothing");
		exit(1);
	}
	return answer + 4;
}

static void work(const char *verb, const char *project, const char *model, size_t len)
{
	char request[512], *line, *rest;

	(void)snprintf(request, sizeof(request), "PUT /fake/%s?project=%s", verb, project);
	for (line = strtok_r(ask(request, model, len), "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		(void)ask(line, "", 0);
}

static void note_time(void)
{
	struct rusage u;
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof(".times"));

	if (!TIMES || n < 0 || getrusage(RUSAGE_SELF, &u) < 0)
		return;
	memcpy(path + n, ".times", sizeof(".times"));
	FILE *f = fopen(path, "ae");

	if (!f)
		die(path);
	fprintf(f, "%ld\n",
		(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000L + u.ru_utime.tv_usec +
			u.ru_stime.tv_usec);
	(void)fclose(f);
}

int main(int argc, char **argv)
{
	const char *project = "", *file = NULL, *directory = ".", *verb = "";
	size_t len = 0;

	for (int i = 1; i < argc && !*verb; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";

		if (argv[i][0] != '-') {
			verb = argv[i];
			continue;
		}
		i++; /* every option before the verb has a value */
		if (strcmp(argv[i - 1], "-p") == 0)
			project = value;
		else if (strcmp(argv[i - 1], "-f") == 0)
			file = value;
		else if (strcmp(argv[i - 1], "--project-directory") == 0)
			directory = value;
	}
	if (strcmp(verb, "version") == 0) {
		puts("Docker Compose version v2.26.1");
		return 0;
	}
	if (!file)
		return 14;
	char *text = read_all(file, &len);

	if (strcmp(verb, "config") == 0)
		print_resolved(text, directory);
	else if (strcmp(verb, "up") == 0 || strcmp(verb, "down") == 0 || strcmp(verb, "stop") == 0)
		work(verb, project, text, len);
	note_time();
	return 0;
}
