/*
 * fake_compose - stands in for the Compose plugin where a thousand projects are to be deployed:
 * `config` prints the file (which is JSON already) with its paths made absolute, `up` and `down`
 * tell the fake engine. It writes down the processor time it took itself, so that the benchmark can
 * take it off. Depends on: fake_engine.py. Compiled by world.py.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { FILE_MAX = 16 * 1024 * 1024 };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static char *read_all(const char *path, size_t *len)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
	char *text = malloc(FILE_MAX);

	if (!f || !text)
		die(path);
	*len = fread(text, 1, FILE_MAX - 1, f);
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

static void tell_engine(const char *what, const char *project, const char *body, size_t len)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	const char *host = getenv("DOCKER_HOST");
	char head[512];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (!host || strncmp(host, "unix://", 7) != 0 || strlen(host + 7) >= sizeof(a.sun_path))
		exit(1);
	memcpy(a.sun_path, host + 7, strlen(host + 7));
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		die("Cannot connect to the Docker daemon");
	int n = snprintf(head, sizeof(head),
			 "POST /fake/%s?project=%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
			 "Content-Length: %zu\r\n\r\n",
			 what, project, len);
	if (write(fd, head, (size_t)n) != n || write(fd, body, len) != (ssize_t)len)
		die("write");
	if (read(fd, head, sizeof(head)) < 12 || memcmp(head + 9, "200", 3) != 0)
		die("the fake engine refused");
	close(fd);
}

/* Beside the program: the time of all its runs. */
static void note_time(void)
{
	struct rusage u;
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 8);

	if (n < 0 || getrusage(RUSAGE_SELF, &u) < 0)
		return;
	memcpy(path + n, ".times", sizeof(".times"));
	FILE *f = fopen(path, "a");

	if (!f)
		return;
	fprintf(f, "%ld\n",
		(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000L + u.ru_utime.tv_usec +
			u.ru_stime.tv_usec);
	fclose(f);
}

struct call {
	const char *project, *file, *directory, *verb;
};

static struct call read_call(int argc, char **argv)
{
	struct call c = {.project = "", .directory = ".", .verb = ""};

	for (int i = 1; i < argc && !*c.verb; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";

		if (argv[i][0] != '-') {
			c.verb = argv[i];
			continue;
		}
		i++; /* every option before the verb has a value */
		if (strcmp(argv[i - 1], "-p") == 0)
			c.project = value;
		else if (strcmp(argv[i - 1], "-f") == 0)
			c.file = value;
		else if (strcmp(argv[i - 1], "--project-directory") == 0)
			c.directory = value;
	}
	return c;
}

int main(int argc, char **argv)
{
	struct call c = read_call(argc, argv);
	size_t len = 0;

	if (strcmp(c.verb, "version") == 0) {
		puts("Docker Compose version v2.26.1");
		return 0;
	}
	if (!c.file)
		return 14;
	char *text = read_all(c.file, &len);

	if (strcmp(c.verb, "config") == 0)
		print_resolved(text, c.directory);
	else if (strcmp(c.verb, "up") == 0 || strcmp(c.verb, "down") == 0)
		tell_engine(c.verb, c.project, text, len);
	free(text);
	note_time();
	return 0;
}
