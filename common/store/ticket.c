/*
 * Tickets as bytes: see ticket.h. The reader trusts nothing: every length is bounded before it is
 * used, and the hash is compared before anything is believed.
 */
#include "store/ticket.h"

#include <inttypes.h>

#include "base/num.h"
#include "data/batch.h"

#define MAGIC "SLT1"
#define HEAD_MAX ((size_t)1024) /* bytes of the first line */

static void hash_body(const char *key, struct sl_str head, const struct sl_str *pieces, size_t n,
		      char hex[SL_HASH_HEX])
{
	struct sl_hash h;
	uint64_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += pieces[i].n;
	sl_hash_init(&h);
	sl_hash_strz(&h, key);
	sl_hash_str(&h, head);
	sl_hash_u64(&h, total);
	for (size_t i = 0; i < n; i++)
		sl_hash_bytes(&h, pieces[i].p, pieces[i].n);
	sl_hash_hex(&h, hex);
}

static void add_length(struct sl_buf *out, struct sl_str s)
{
	if (s.p)
		sl_buf_addf(out, "%zu ", s.n);
	else
		sl_buf_adds(out, "- ");
}

void sl_ticket_put(const struct sl_ticket *t, const char *key, struct sl_buf *out)
{
	const bool carried = t->frames.p != NULL;
	const struct sl_str payload[] = {
		carried ? t->input : SL_STR_NULL,
		carried ? t->header : SL_STR_NULL,
		t->frames,
	};
	char hex[SL_HASH_HEX];
	const size_t from = out->n;

	sl_buf_addf(out, MAGIC " " SL_STR_FMT " %" PRIu64 " " SL_STR_FMT " %" PRIu64 " %" PRIu64,
		    SL_STR_ARG(t->source), t->entry, SL_STR_ARG(t->rev), t->place, t->chunk_place);
	sl_buf_addf(out, " " SL_STR_FMT " %" PRIu32 " %" PRIu64 " %" PRIu64 " %d ",
		    SL_STR_ARG(t->chunk), t->part, carried ? t->offset : 0, carried ? t->bytes : 0,
		    carried && t->last);
	for (size_t i = 0; i < SL_ARRAY_LEN(payload); i++)
		add_length(out, payload[i]);
	hash_body(key, (struct sl_str){out->p + from, out->n - from}, payload,
		  SL_ARRAY_LEN(payload), hex);
	sl_buf_addf(out, "%s\n", hex);
	for (size_t i = 0; i < SL_ARRAY_LEN(payload); i++)
		sl_buf_addstr(out, payload[i]);
}

/* --- reading --- */

static bool next_text(struct sl_str *rest, size_t max, struct sl_str *ret)
{
	return sl_str_next(rest, ' ', ret) && ret->n > 0 && ret->n <= max;
}

static bool next_u64(struct sl_str *rest, uint64_t max, uint64_t *ret)
{
	struct sl_str word;

	return next_text(rest, 20, &word) && sl_num_u64(word, max, ret);
}

/* A length, then the view of it: cut off the front of payload. */
static bool next_view(struct sl_str *rest, size_t max, struct sl_str *payload, struct sl_str *ret)
{
	struct sl_str word;
	uint64_t n;

	*ret = SL_STR_NULL;
	if (!next_text(rest, 20, &word))
		return false;
	if (sl_str_eqz(word, "-"))
		return true;
	if (!sl_num_u64(word, max, &n) || n > payload->n)
		return false;
	*ret = (struct sl_str){payload->p, n};
	payload->p += n;
	payload->n -= n;
	return true;
}

static bool hash_holds(const char *key, struct sl_str head, struct sl_str payload)
{
	char hex[SL_HASH_HEX];

	if (head.n < SL_HASH_HEX)
		return false;

	const size_t n = head.n - (SL_HASH_HEX - 1);

	hash_body(key, sl_str_sub(head, 0, n), &payload, 1, hex);
	return memcmp(hex, head.p + n, SL_HASH_HEX - 1) == 0;
}

static bool get_names(struct sl_str *rest, struct sl_ticket *t)
{
	struct sl_str magic;
	uint64_t part;

	if (!next_text(rest, 8, &magic) || !sl_str_eqz(magic, MAGIC) ||
	    !next_text(rest, 63, &t->source) || !next_u64(rest, UINT64_MAX, &t->entry) ||
	    !next_text(rest, SL_HASH_HEX - 1, &t->rev) || !next_u64(rest, UINT64_MAX, &t->place) ||
	    !next_u64(rest, UINT64_MAX, &t->chunk_place) ||
	    !next_text(rest, SL_HASH_HEX - 1, &t->chunk) || !next_u64(rest, UINT32_MAX, &part))
		return false;
	t->part = (uint32_t)part;
	return true;
}

static bool get_carried(struct sl_str *rest, struct sl_str payload, struct sl_ticket *t)
{
	uint64_t last;

	if (!next_u64(rest, UINT64_MAX, &t->offset) || !next_u64(rest, SL_PART_BYTES, &t->bytes) ||
	    !next_u64(rest, 1, &last) || !next_view(rest, SL_TICKET_INPUT, &payload, &t->input) ||
	    !next_view(rest, SL_TICKET_HEADER, &payload, &t->header) ||
	    !next_view(rest, SL_TICKET_FRAMES, &payload, &t->frames))
		return false;
	t->last = last;
	return payload.n == 0 && (t->frames.p != NULL) == (t->input.p != NULL) &&
	       (t->frames.p || !t->header.p);
}

bool sl_ticket_get(struct sl_str body, const char *key, struct sl_ticket *ret)
{
	struct sl_ticket t = {.entry = 0};
	const char *end =
		body.n ? memchr(body.p, '\n', body.n < HEAD_MAX ? body.n : HEAD_MAX) : NULL;

	if (!end)
		return false;

	const size_t n = (size_t)(end - body.p);
	const struct sl_str head = {body.p, n}, payload = {end + 1, body.n - n - 1};
	struct sl_str rest = head;

	if (payload.n > SL_TICKET_INPUT + SL_TICKET_HEADER + SL_TICKET_FRAMES ||
	    !hash_holds(key, head, payload) || !get_names(&rest, &t) ||
	    !get_carried(&rest, payload, &t) ||
	    rest.n != SL_HASH_HEX - 1) /* the hash alone is left */
		return false;
	*ret = t;
	return true;
}
