/*
 * Who is there, when no MongoDB answers? libmongoc only tells that nothing came back in time. A
 * server of another kind betrays itself: it greets whoever connects, or answers one of some short
 * questions of its own world. One that wants TLS refuses ours, or takes it; one that has none
 * answers MongoDB's oldest question in plain. Source: RFC 9112 §3; PostgreSQL manual, "Message
 * Formats", SSLRequest; RFC 5246 §6.2, §7.4.1.2; MongoDB manual, "Wire Protocol", OP_QUERY.
 */
#include "engines/mongo_db.h"

#include <netdb.h>
#include <poll.h>
#include <unistd.h>

#define ANSWER_MS 700

#define ZERO_8 "\0\0\0\0\0\0\0\0"
/* A ClientHello of TLS 1.2: two ciphers, no extensions. */
#define HELLO "\x16\3\1\0\x2f\1\0\0\x2b\3\3" ZERO_8 ZERO_8 ZERO_8 ZERO_8 "\0\0\4\xc0\x2f\0\x2f\1"

/* {isMaster: 1} as OP_QUERY. */
#define IS_MASTER                                                                                  \
	"\x3a\0\0\0\1\0\0\0\0\0\0\0\xd4\7\0\0\0\0\0\0admin.$cmd\0\0\0\0\0\xff\xff\xff\xff"         \
	"\x13\0\0\0\x10isMaster\0\1\0\0\0"

/* The first only where TLS was asked for. */
static const struct {
	const char *bytes;
	size_t n;
} questions[] = {
	{IS_MASTER, sizeof(IS_MASTER)}, /* its last byte is the literal's NUL: the document's end */
	{"GET / HTTP/1.0\r\n\r\n", 18}, /* also what a Redis complains of */
	{"\0\0\0\x08\x04\xd2\x16\x2f", 8}, /* may we speak TLS, PostgreSQL? */
	{HELLO, sizeof(HELLO)},		   /* its last byte is the literal's NUL: no compression */
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

static const struct sl_mongo_who foreign = {"is no MongoDB", NULL};
static const struct sl_mongo_who secured = {"wants TLS", "add tls=true to the connection's extras"};
static const struct sl_mongo_who plain = {"does not speak TLS",
					  "take tls out of the connection's extras"};

/* A MongoDB that is asked for a web page says so in plain words. */
static const struct sl_mongo_who *judge(const char *answer, size_t n)
{
	if (n == 0 || strstr(answer, "MongoDB"))
		return NULL;
	if ((answer[0] == '\x16' || answer[0] == '\x15') && answer[1] == 3) /* handshake, alert */
		return &secured;
	if (n > 16 && memcmp(answer + 12, "\1\0\0", 4) == 0) /* OP_REPLY */
		return &plain;
	return &foreign;
}

const struct sl_mongo_who *sl_mongo_who(const char *host, int port, bool tls)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
	struct addrinfo *found = NULL;
	char service[16], answer[64] = "";
	size_t n = 0;

	snprintf(service, sizeof(service), "%d", port);
	if (getaddrinfo(host, service, &hints, &found) != 0)
		return NULL;
	for (size_t i = tls ? 0 : 1; i < SL_ARRAY_LEN(questions) && n == 0; i++)
		n = ask(found, i, answer);
	freeaddrinfo(found);
	answer[n] = '\0';
	return judge(answer, n);
}
