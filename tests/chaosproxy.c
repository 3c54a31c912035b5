/*
 * A bad line: a TCP proxy on 127.0.0.1 for the fault tests. tests/lib/chaos.py starts it.
 *
 *	chaosproxy PORT [--seed S] [COMMAND]…	forwards to 127.0.0.1:PORT; prints "listening P"
 *
 * Commands come as arguments ("cut down 100") and, later, as lines on stdin; each line is answered
 * by "ok" or "error …". The end of stdin ends the proxy, so none outlives its test.
 *
 *	latency DIR TIME	every piece arrives so much later (one piece of 64 KiB is on its way)
 *	slice DIR N		pieces of N bytes, each on its own
 *	rate DIR N		N bytes a second
 *	stall DIR AT		after AT bytes nothing moves on, and nobody is told
 *	cut DIR AT		after AT bytes both sides see the end of the stream (0: now)
 *	reset DIR AT		after AT bytes both sides see a reset (0: now)
 *	corrupt DIR AT		the lowest bit of byte AT (from 0) is flipped
 *	refuse			new connections are reset at once
 *	closed | open		nobody listens (connection refused), and again
 *	times N			the faults above hit N connections, then all is well
 *	chance P		they hit P of 100 connections, by the seed
 *	clear			all is well from now on
 *	stats			"stats connections=… open=… up=… down=… hit=…"
 *
 * DIR is up (client to server) or down. AT is N or N..M: drawn for each connection by the seed; it
 * counts a connection's bytes since it began or, when it was open then, since the command.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"

#define PIECE ((size_t)64 << 10)
#define CONNECTIONS 256
#define WORDS 4

enum { UP, DOWN };
enum fault { NO_FAULT, STALL, CUT, RESET, CORRUPT };

/* What the line does in one direction. */
struct way {
	int64_t latency_us, slice, rate;
	enum fault fault;
	uint64_t from, to; /* where it strikes: drawn from these, both included */
};

/* The bytes of one direction of one connection. */
struct flow {
	char *bytes;
	size_t n, sent;
	int64_t ready; /* monotonic µs: not before */
	uint64_t passed, strike;
	bool stalled;
	bool ended, closed; /* the sender has ended; and the receiver was told */
	bool deaf;	    /* the sender's socket is gone, but a stall keeps its news back */
};

struct connection {
	int fd[2]; /* client, server; -1: unused */
	uint64_t number;
	bool safe; /* no fault hits it, or hits it again */
	struct flow flow[2];
};

struct proxy {
	int listener, port, target;
	uint64_t seed, numbers, bytes[2], hits;
	struct way way[2];
	bool refuse;
	int64_t times;	/* connections that faults still hit; -1: all */
	int64_t chance; /* of 100 */
	struct connection v[CONNECTIONS];
	char line[512]; /* a command that is not whole yet */
	size_t line_n;
};

static void fail(const char *what)
{
	fprintf(stderr, "chaosproxy: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void answer(const char *fmt, ...) SL_PRINTF(1, 2);

static void answer(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

/* --- chance --- */

/* Source: mix64variant13, as in splitmix. */
static uint64_t dice(uint64_t seed, uint64_t a, uint64_t b)
{
	uint64_t z = seed * UINT64_C(0x9E3779B97F4A7C15) + a * UINT64_C(0xD1B54A32D192ED03) + b;

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

/* Whether faults hit this connection, and after how many bytes. */
static void draw_strike(struct proxy *p, struct connection *c)
{
	const bool hit = (int64_t)(dice(p->seed, c->number, 1) % 100) < p->chance;

	for (int d = UP; d <= DOWN; d++) {
		const uint64_t width = p->way[d].to - p->way[d].from + 1;

		c->flow[d].passed = 0;
		c->flow[d].stalled = false;
		c->flow[d].strike =
			p->way[d].from + dice(p->seed, c->number, 2 + (uint64_t)d) % width;
	}
	c->safe = !hit;
}

/* The fault that may still hit this flow. */
static enum fault fault_of(const struct proxy *p, const struct connection *c, int d)
{
	return c->safe || p->times == 0 ? NO_FAULT : p->way[d].fault;
}

static void strike(struct proxy *p, struct connection *c)
{
	c->safe = true;
	p->hits++;
	if (p->times > 0)
		p->times--;
}

/* --- sockets --- */

static struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons((uint16_t)port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void listen_on(struct proxy *p)
{
	struct sockaddr_in at = loopback(p->port);
	socklen_t n = sizeof(at);
	const int one = 1;

	p->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(p->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (p->listener < 0 || bind(p->listener, (struct sockaddr *)&at, n) != 0 ||
	    listen(p->listener, CONNECTIONS) != 0 ||
	    getsockname(p->listener, (struct sockaddr *)&at, &n) != 0)
		fail("cannot listen");
	p->port = ntohs(at.sin_port);
}

static void close_hard(int fd)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static void end_connection(struct connection *c, bool reset)
{
	for (int side = 0; side < 2; side++) {
		if (reset)
			close_hard(c->fd[side]);
		else
			close(c->fd[side]);
		c->fd[side] = -1;
		free(c->flow[side].bytes);
		c->flow[side].bytes = NULL;
	}
}

static void begin_connection(struct proxy *p, struct connection *c, int client)
{
	const struct sockaddr_in at = loopback(p->target);
	const int one = 1;

	*c = (struct connection){
		.fd = {client, socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)},
		.number = ++p->numbers,
	};
	if (c->fd[1] < 0)
		fail("cannot make a socket");
	for (int side = 0; side < 2; side++) {
		setsockopt(c->fd[side], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		c->flow[side].bytes = sl_xmalloc(PIECE);
	}
	draw_strike(p, c);
	if (connect(c->fd[1], (const struct sockaddr *)&at, sizeof(at)) != 0 &&
	    errno != EINPROGRESS)
		end_connection(c, true);
}

static void accept_one(struct proxy *p)
{
	const int client = accept4(p->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct connection *c = p->v;

	if (client < 0)
		return;
	while (c < p->v + CONNECTIONS && c->fd[0] >= 0)
		c++;
	if (p->refuse && p->times != 0) {
		p->numbers++;
		p->hits++;
		p->times -= p->times > 0;
		close_hard(client);
	} else if (c == p->v + CONNECTIONS) {
		close_hard(client);
	} else {
		begin_connection(p, c, client);
	}
}

/* --- flows --- */

static bool wants_bytes(const struct connection *c, int d)
{
	const struct flow *f = &c->flow[d];

	return f->n == 0 && !f->ended;
}

static bool wants_out(const struct connection *c, int d, int64_t now)
{
	const struct flow *f = &c->flow[d];

	return f->n > 0 && now >= f->ready && !f->stalled;
}

static void take_bytes(const struct proxy *p, struct connection *c, int d)
{
	struct flow *f = &c->flow[d];
	const ssize_t n = recv(c->fd[d == UP ? 0 : 1], f->bytes, PIECE, 0);

	if (n > 0) {
		f->n = (size_t)n;
		f->sent = 0;
		f->ready = sl_clock_monotonic() + p->way[d].latency_us;
	} else if (n == 0) {
		f->ended = true;
	} else if (errno != EAGAIN && errno != EINTR && errno != ENOTCONN) {
		end_connection(c, true);
	}
}

/* How much of the piece goes out in one write: a slice, and not beyond where a fault strikes. */
static size_t portion(const struct proxy *p, const struct connection *c, int d)
{
	const struct flow *f = &c->flow[d];
	const struct way *way = &p->way[d];
	const uint64_t before = f->strike - f->passed;
	size_t n = f->n - f->sent;

	if (way->slice && n > (size_t)way->slice)
		n = (size_t)way->slice;
	if (way->rate && n > (size_t)(way->rate + 99) / 100)
		n = (size_t)(way->rate + 99) / 100;
	if (fault_of(p, c, d) != NO_FAULT && f->passed <= f->strike && n > before)
		n = (size_t)before;
	return n;
}

/* What the receivers have not read yet would turn an end into a reset. */
static void cut_connection(struct connection *c)
{
	for (int side = 0; side < 2; side++) {
		shutdown(c->fd[side], SHUT_WR);
		while (recv(c->fd[side], c->flow[UP].bytes, PIECE, 0) > 0)
			continue;
	}
	end_connection(c, false);
}

/* The faults that strike between two bytes, once a flow has come so far. */
static void strike_where_due(struct proxy *p, struct connection *c, int d)
{
	const enum fault fault = fault_of(p, c, d);

	if (fault == NO_FAULT || fault == CORRUPT || c->flow[d].passed < c->flow[d].strike)
		return;
	strike(p, c);
	if (fault == STALL)
		c->flow[d].stalled = true;
	else if (fault == CUT)
		cut_connection(c);
	else
		end_connection(c, true);
}

static void pause_after(const struct way *way, struct flow *f, size_t n)
{
	int64_t us = way->slice ? 50 : 0; /* so that the receiver sees each slice alone */

	if (way->rate)
		us += (int64_t)n * 1000000 / way->rate;
	f->ready = us ? sl_clock_monotonic() + us : f->ready;
}

static void give_bytes(struct proxy *p, struct connection *c, int d)
{
	struct flow *f = &c->flow[d];
	size_t n = portion(p, c, d);

	if (n == 0) { /* the fault that is due now: one that spoils a byte */
		f->bytes[f->sent] = (char)(f->bytes[f->sent] ^ 1);
		strike(p, c);
		n = portion(p, c, d);
	}

	const ssize_t sent = send(c->fd[d == UP ? 1 : 0], f->bytes + f->sent, n, MSG_NOSIGNAL);

	if (sent < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ENOTCONN)
			end_connection(c, true);
		return;
	}
	f->sent += (size_t)sent;
	f->passed += (size_t)sent;
	p->bytes[d] += (size_t)sent;
	pause_after(&p->way[d], f, (size_t)sent);
	if (f->sent == f->n)
		f->n = f->sent = 0;
}

/* Once all bytes are through, the receiver is told of the end; after both, the connection is over.
 */
static void pass_end(struct connection *c, int d)
{
	struct flow *f = &c->flow[d];

	if (f->ended && !f->closed && f->n == 0 && !f->stalled) {
		shutdown(c->fd[d == UP ? 1 : 0], SHUT_WR);
		f->closed = true;
	}
	if (c->flow[UP].closed && c->flow[DOWN].closed)
		end_connection(c, false);
}

/* --- commands --- */

static bool read_time(const char *text, int64_t *ret)
{
	return sl_num_duration(sl_str_of(text), ret);
}

static bool read_count(const char *text, int64_t *ret)
{
	uint64_t n;

	if (!sl_num_size(sl_str_of(text), &n) || n > INT64_MAX)
		return false;
	*ret = (int64_t)n;
	return true;
}

static bool read_place(const char *text, struct way *way)
{
	struct sl_str from = sl_str_of(text), to = from;
	const char *dots = strstr(text, "..");

	if (dots) {
		from.n = (size_t)(dots - text);
		to = sl_str_of(dots + 2);
	}
	return sl_num_u64(from, UINT32_MAX, &way->from) && sl_num_u64(to, UINT32_MAX, &way->to) &&
	       way->from <= way->to;
}

static bool set_fault(struct way *way, enum fault fault, const char *text)
{
	struct way set = *way;

	set.fault = fault;
	if (!read_place(text, &set))
		return false;
	*way = set;
	return true;
}

/* Commands of the form WORD DIR VALUE. */
static bool set_way(struct proxy *p, char *const *words)
{
	static const char *const faults[] = {
		[STALL] = "stall", [CUT] = "cut", [RESET] = "reset", [CORRUPT] = "corrupt"};
	const int d = strcmp(words[1], "down") == 0 ? DOWN : UP;
	struct way *way = &p->way[d];

	if (d == UP && strcmp(words[1], "up") != 0)
		return false;
	if (strcmp(words[0], "latency") == 0)
		return read_time(words[2], &way->latency_us);
	if (strcmp(words[0], "slice") == 0)
		return read_count(words[2], &way->slice);
	if (strcmp(words[0], "rate") == 0)
		return read_count(words[2], &way->rate);
	for (enum fault f = STALL; f <= CORRUPT; f++)
		if (strcmp(words[0], faults[f]) == 0)
			return set_fault(way, f, words[2]);
	return false;
}

static void clear(struct proxy *p)
{
	p->way[UP] = p->way[DOWN] = (struct way){.fault = NO_FAULT};
	p->refuse = false;
	p->times = -1;
	p->chance = 100;
}

static bool set_number(struct proxy *p, char *const *words)
{
	if (strcmp(words[0], "times") == 0)
		return sl_num_i64(sl_str_of(words[1]), 0, INT64_MAX, &p->times);
	return strcmp(words[0], "chance") == 0 &&
	       sl_num_i64(sl_str_of(words[1]), 0, 100, &p->chance);
}

static bool set_word(struct proxy *p, const char *word)
{
	if (strcmp(word, "clear") == 0)
		clear(p);
	else if (strcmp(word, "refuse") == 0)
		p->refuse = true;
	else if (strcmp(word, "open") == 0 && p->listener < 0)
		listen_on(p);
	else if (strcmp(word, "closed") == 0 && p->listener >= 0) {
		close(p->listener);
		p->listener = -1;
	} else
		return strcmp(word, "open") == 0 || strcmp(word, "closed") == 0;
	return true;
}

static void tell_stats(const struct proxy *p)
{
	unsigned open = 0;

	for (size_t i = 0; i < CONNECTIONS; i++)
		open += p->v[i].fd[0] >= 0;
	answer("stats connections=%" PRIu64 " open=%u up=%" PRIu64 " down=%" PRIu64 " hit=%" PRIu64,
	       p->numbers, open, p->bytes[UP], p->bytes[DOWN], p->hits);
}

/* Open connections count, and are drawn for, anew. */
static bool obey(struct proxy *p, char *text)
{
	char *words[WORDS] = {NULL};
	size_t n = 0;

	for (char *at = text; n < WORDS && *(at += strspn(at, " "));) {
		words[n++] = at;
		at += strcspn(at, " ");
		if (*at)
			*at++ = '\0';
	}
	if (!(n == 3   ? set_way(p, words)
	      : n == 2 ? set_number(p, words)
		       : n == 1 && set_word(p, words[0])))
		return false;
	for (size_t i = 0; i < CONNECTIONS; i++)
		if (p->v[i].fd[0] >= 0)
			draw_strike(p, &p->v[i]);
	return true;
}

static void take_line(struct proxy *p, char *text)
{
	char copy[sizeof(p->line)];

	snprintf(copy, sizeof(copy), "%s", text);
	if (strcmp(text, "stats") == 0)
		tell_stats(p);
	else if (obey(p, text))
		answer("ok");
	else
		answer("error \"%s\" is no command", copy);
}

static void take_commands(struct proxy *p)
{
	const ssize_t n = read(STDIN_FILENO, p->line + p->line_n, sizeof(p->line) - 1 - p->line_n);
	char *end;

	if (n <= 0)
		exit(0);
	p->line_n += (size_t)n;
	p->line[p->line_n] = '\0';
	while ((end = memchr(p->line, '\n', p->line_n))) {
		*end = '\0';
		take_line(p, p->line);
		p->line_n -= (size_t)(end + 1 - p->line);
		memmove(p->line, end + 1, p->line_n + 1);
	}
	if (p->line_n == sizeof(p->line) - 1)
		exit(1);
}

/* --- the loop --- */

/* Adds a connection's two sockets; *wait becomes the time to the next piece that is due. */
static void watch(const struct connection *c, int64_t now, struct pollfd *out, int64_t *wait)
{
	for (int side = 0; side < 2; side++) {
		const int in = side == 0 ? UP : DOWN, give = side == 0 ? DOWN : UP;
		short events = 0;

		if (wants_bytes(c, in))
			events |= POLLIN;
		if (wants_out(c, give, now))
			events |= POLLOUT;
		/* A socket that has ended would wake us all the time for nothing. */
		const bool idle = c->flow[in].deaf && events == 0;

		out[side] = (struct pollfd){.fd = idle ? -1 : c->fd[side], .events = events};
		if (c->flow[give].n > 0 && now < c->flow[give].ready &&
		    c->flow[give].ready - now < *wait)
			*wait = c->flow[give].ready - now;
	}
}

static void serve(struct proxy *p, struct connection *c, const struct pollfd *seen)
{
	for (int side = 0; side < 2 && c->fd[0] >= 0; side++) {
		const int in = side == 0 ? UP : DOWN, give = side == 0 ? DOWN : UP;
		const short events = seen[side].revents;

		if ((events & (POLLHUP | POLLERR)) && !wants_bytes(c, in))
			c->flow[in].deaf = true;
		if ((events & (POLLIN | POLLHUP | POLLERR)) && wants_bytes(c, in))
			take_bytes(p, c, in);
		if (c->fd[0] >= 0 && wants_out(c, give, sl_clock_monotonic()))
			give_bytes(p, c, give);
		if (c->fd[0] >= 0)
			strike_where_due(p, c, give);
	}
	for (int d = UP; d <= DOWN && c->fd[0] >= 0; d++)
		pass_end(c, d);
}

static void turn(struct proxy *p)
{
	static struct pollfd fds[2 + CONNECTIONS * 2];
	static struct connection *who[CONNECTIONS];
	const int64_t now = sl_clock_monotonic();
	int64_t wait = 10 * SL_SECOND;
	nfds_t n = 2;

	fds[0] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = p->listener, .events = POLLIN};
	for (size_t i = 0; i < CONNECTIONS; i++) {
		for (int d = UP; d <= DOWN && p->v[i].fd[0] >= 0; d++)
			strike_where_due(p, &p->v[i], d);
		if (p->v[i].fd[0] < 0)
			continue;
		watch(&p->v[i], now, &fds[n], &wait);
		who[n / 2 - 1] = &p->v[i];
		n += 2;
	}

	const struct timespec time = {wait / SL_SECOND, (wait % SL_SECOND) * 1000};

	if (ppoll(fds, n, &time, NULL) < 0)
		return;
	for (nfds_t i = 2; i < n; i += 2)
		serve(p, who[i / 2 - 1], &fds[i]);
	if (fds[1].revents)
		accept_one(p);
	if (fds[0].revents)
		take_commands(p);
}

int main(int argc, char **argv)
{
	static struct proxy p;
	int64_t target = 0, seed = 1;
	int first = 2;

	if (argc > 3 && strcmp(argv[2], "--seed") == 0) {
		if (!sl_num_i64(sl_str_of(argv[3]), 0, INT64_MAX, &seed))
			return 64;
		first = 4;
	}
	if (argc < 2 || !sl_num_i64(sl_str_of(argv[1]), 1, 65535, &target))
		return 64;
	for (size_t i = 0; i < CONNECTIONS; i++)
		p.v[i].fd[0] = p.v[i].fd[1] = -1;
	p.target = (int)target;
	p.seed = (uint64_t)seed;
	clear(&p);
	listen_on(&p);
	for (int i = first; i < argc; i++)
		if (!obey(&p, argv[i]))
			return 64;
	answer("listening %d", p.port);
	for (;;)
		turn(&p);
}
