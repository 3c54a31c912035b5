/*
 * The crawl's state as text: "start lists records partial pages keys url", hashes in hexadecimal, run
 * together.
 */
#include "tasks/collect/web_state.h"

#include <xxhash.h>

#include "base/mem.h"
#include "base/num.h"

#define HEX 12 /* digits of a hash */

static uint64_t hash_of(struct sl_str what)
{
	return XXH3_64bits(what.p, what.n) >> 16;
}

static void add(struct sl_web_seen *seen, uint64_t hash)
{
	if (seen->n == seen->cap) {
		seen->cap = seen->cap ? 2 * seen->cap : 64;
		seen->v = sl_xrealloc(seen->v, seen->cap, sizeof(*seen->v));
	}
	seen->v[seen->n++] = hash;
}

bool sl_web_was_seen(const struct sl_web_seen *seen, struct sl_str what)
{
	const uint64_t hash = hash_of(what);

	for (size_t i = 0; i < seen->n; i++)
		if (seen->v[i] == hash)
			return true;
	return false;
}

bool sl_web_first_time(struct sl_web_seen *seen, struct sl_str what)
{
	if (sl_web_was_seen(seen, what))
		return false;
	add(seen, hash_of(what));
	return true;
}

static struct sl_str take_word(struct sl_str *rest)
{
	const ptrdiff_t blank = sl_str_find(*rest, ' ');
	const size_t n = blank < 0 ? rest->n : (size_t)blank;
	const struct sl_str word = sl_str_sub(*rest, 0, n);

	*rest = sl_str_sub(*rest, n + 1, rest->n);
	return word;
}

/* "-" or hashes. */
static bool read_seen(struct sl_web_seen *seen, struct sl_str word)
{
	seen->n = 0;
	if (sl_str_eqz(word, "-"))
		return true;
	if (word.n == 0 || word.n % HEX != 0)
		return false;
	for (size_t at = 0; at < word.n; at += HEX) {
		uint64_t hash = 0;

		for (size_t i = at; i < at + HEX; i++) {
			const int digit = sl_hex_digit(word.p[i]);

			if (digit < 0)
				return false;
			hash = hash << 4 | (uint64_t)digit;
		}
		add(seen, hash);
	}
	return true;
}

static void write_seen(const struct sl_web_seen *seen, struct sl_buf *out)
{
	if (seen->n == 0)
		sl_buf_addc(out, '-');
	for (size_t i = 0; i < seen->n; i++)
		sl_buf_addf(out, "%012" PRIx64, seen->v[i]);
	sl_buf_addc(out, ' ');
}

bool sl_web_state_read(struct sl_web_state *s, const char *text, struct sl_err *err)
{
	struct sl_str rest = text ? sl_str_of(text) : SL_STR("0 0 0 0 - - ");
	uint64_t start, partial;

	if (!sl_num_u64(take_word(&rest), 1000000, &start) ||
	    !sl_num_u64(take_word(&rest), UINT64_MAX, &s->lists) ||
	    !sl_num_u64(take_word(&rest), UINT64_MAX, &s->records) ||
	    !sl_num_u64(take_word(&rest), 1, &partial) || !read_seen(&s->pages, take_word(&rest)) ||
	    !read_seen(&s->keys, take_word(&rest)))
		return sl_err_set(err, SL_ERR_DATA, "a crawl's continuation cannot be read");
	s->start = start;
	s->partial = partial;
	sl_buf_clear(&s->url);
	sl_buf_addstr(&s->url, rest);
	return true;
}

void sl_web_state_write(const struct sl_web_state *s, struct sl_buf *out)
{
	sl_buf_addf(out, "%zu %" PRIu64 " %" PRIu64 " %d ", s->start, s->lists, s->records,
		    s->partial);
	write_seen(&s->pages, out);
	write_seen(&s->keys, out);
	sl_buf_addstr(out, sl_buf_str(&s->url));
}

void sl_web_state_release(struct sl_web_state *s)
{
	sl_buf_release(&s->url);
	free(s->pages.v);
	free(s->keys.v);
}
