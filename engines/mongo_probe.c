/*
 * Who is there, when no MongoDB answers? libmongoc only tells that nothing came back in time. A
 * server of another kind betrays itself: it greets whoever connects, or answers one of two short
 * questions of its own world. Source: RFC 9112 §3; PostgreSQL manual, "Message Formats", SSLRequest.
 */
#include "engines/mongo_db.h"

#include <netdb.h>
#include <poll.h>
#include <unistd.h>

#define ANSWER_MS 700

static const struct {
	const char *bytes;
	size_t n;
} questions[] = {
	{"GET / HTTP/1.0\r\n\r\n", 18},	   /* also what a Redis complains of */
	{"\0\0\0\x08\x04\xd2\x16\x2f", 8}, /* may we speak TLS, PostgreSQL? */
};

static bool wait_for(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};

	return poll(&p, 1, ANSWER_MS) == 1 && (p.revents & events);
}

static int connect_to(const struct addrinfo *a)
{
	const int fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) != 0 && !wait_for(fd, POLLOUT)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* How many bytes came back. */
static size_t ask(const struct addrinfo *a, size_t question, char out[64])
{
	const int fd = connect_to(a);
	ssize_t n = 0;

	if (fd < 0)
		return 0;
	if (send(fd, questions[question].bytes, questions[question].n, MSG_NOSIGNAL) > 0 &&
	    wait_for(fd, POLLIN))
		n = recv(fd, out, 63, 0);
	close(fd);
	return n > 0 ? (size_t)n : 0;
}

/* A MongoDB that is asked for a web page says so in plain words. */
bool sl_mongo_is_foreign(const char *host, int port)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
	struct addrinfo *found = NULL;
	char service[16], answer[64] = "";
	bool foreign = false;

	snprintf(service, sizeof(service), "%d", port);
	if (getaddrinfo(host, service, &hints, &found) != 0)
		return false;
	for (size_t i = 0; i < SL_ARRAY_LEN(questions) && !foreign; i++) {
		const size_t n = ask(found, i, answer);

		answer[n] = '\0';
		foreign = n > 0 && !strstr(answer, "MongoDB");
		if (n > 0)
			break;
	}
	freeaddrinfo(found);
	return foreign;
}
