/*
 * A made-up site for bench/crawl.py, quick enough not to count: every answer is made before the
 * first request, one thread waits for all connections. Page n lists ITEMS items and links to page n + 1.
 *
 * usage: pages PAGES ITEMS	prints its port on 127.0.0.1, serves until its standard input ends
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST 64
static const char lost[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
static struct answer {
	char *p;
	size_t n;
} *answers;
static long n_pages;

static void write_items(FILE *out, long page, long items)
{
	for (long i = (page - 1) * items; i < page * items; i++)
		fprintf(out,
			"<article class=\"card wide\" data-id=\"%ld\"><a class=\"link\" "
			"href=\"/item/%ld\">"
			"<h2>Appartement %ld à Lyon</h2></a><p class=\"price\"> %ld € </p>"
			"<ul><li>%ld pièces</li><li>%ld m²</li></ul>"
			"<p class=\"text\">Séjour clair, cuisine équipée &amp; cave, à deux pas "
			"des halles.</p>"
			"</article>\n",
			i, i, i, 50000 + i * 7919 % 900000, 1 + i % 7, 9 + i % 190);
}

static void make_page(long page, long items)
{
	char *body, head[200];
	size_t n;
	FILE *out = open_memstream(&body, &n);

	fprintf(out,
		"<!doctype html><html><head><meta "
		"charset=\"utf-8\"><title>%ld</title></head><body><main>\n",
		page);
	write_items(out, page, items);
	if (page < n_pages)
		fprintf(out, "<nav><a class=\"next\" href=\"/page/%ld\">next</a></nav>", page + 1);
	fprintf(out, "</main></body></html>\n");
	fclose(out);
	int h = snprintf(head, sizeof(head),
			 "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
			 "Content-Length: %zu\r\n\r\n",
			 n);
	answers[page] = (struct answer){malloc((size_t)h + n), (size_t)h + n};
	memcpy(answers[page].p, head, (size_t)h);
	memcpy(answers[page].p + h, body, n);
	free(body);
}

/* A request fits into one read: both clients send small ones, one at a time. */
static int serve(int fd)
{
	char request[8192];
	ssize_t n = read(fd, request, sizeof(request) - 1);
	struct answer a = {(char *)(size_t)lost, sizeof(lost) - 1};

	if (n <= 0)
		return -1;
	request[n] = '\0';
	long page = strncmp(request, "GET /page/", 10) ? 0 : atol(request + 10);
	if (page >= 1 && page <= n_pages)
		a = answers[page];
	while (a.n > 0 && (n = write(fd, a.p, a.n)) > 0) {
		a.p += n;
		a.n -= (size_t)n;
	}
	return a.n ? -1 : 0;
}

static int listen_here(void)
{
	struct sockaddr_in here = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(here);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&here, n) || listen(fd, MOST) ||
	    getsockname(fd, (struct sockaddr *)&here, &n))
		return -1;
	printf("%d\n", ntohs(here.sin_port));
	fflush(stdout);
	return fd;
}

int main(int argc, char **argv)
{
	struct pollfd fds[MOST + 2] = {{.fd = 0, .events = POLLIN}, {.events = POLLIN}};
	nfds_t n = 2;

	if (argc != 3)
		return 64;
	n_pages = atol(argv[1]);
	answers = calloc((size_t)n_pages + 1, sizeof(*answers));
	for (long i = 1; i <= n_pages; i++)
		make_page(i, atol(argv[2]));
	if ((fds[1].fd = listen_here()) < 0)
		return 71;
	while (poll(fds, n, -1) > 0 && !fds[0].revents) {
		if (fds[1].revents && n < MOST + 2) {
			fds[n] = (struct pollfd){.fd = accept(fds[1].fd, NULL, NULL),
						 .events = POLLIN};
			setsockopt(fds[n++].fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
		}
		for (nfds_t i = n - 1; i >= 2; i--) {
			if (!fds[i].revents || serve(fds[i].fd) == 0)
				continue;
			close(fds[i].fd);
			fds[i] = fds[--n];
		}
	}
	return 0;
}
