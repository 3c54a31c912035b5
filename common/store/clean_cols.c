/*
 * Columns of a clean part ⇄ bytes: see clean_cols.h. Built for little-endian machines, like the
 * memory layout that it copies; the numbers of one column are copied in one piece where they can
 * be.
 */
#include "store/clean_cols.h"

#include "base/mem.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "clean parts copy memory as it stands");

#define ROW_MAX SL_PART_ROWS

void sl_put_u32(struct sl_buf *out, uint32_t v)
{
	sl_buf_add(out, &v, sizeof(v));
}

void sl_put_u64(struct sl_buf *out, uint64_t v)
{
	sl_buf_add(out, &v, sizeof(v));
}

void sl_put_text(struct sl_buf *out, struct sl_str s)
{
	sl_put_u32(out, (uint32_t)s.n);
	sl_buf_addstr(out, s);
}

bool sl_take(struct sl_str *s, size_t n, struct sl_str *ret)
{
	if (s->n < n)
		return false;
	*ret = (struct sl_str){s->p, n};
	s->p += n;
	s->n -= n;
	return true;
}

bool sl_take_u32(struct sl_str *s, uint32_t *ret)
{
	struct sl_str bytes;

	if (!sl_take(s, sizeof(*ret), &bytes))
		return false;
	memcpy(ret, bytes.p, sizeof(*ret));
	return true;
}

bool sl_take_u64(struct sl_str *s, uint64_t *ret)
{
	struct sl_str bytes;

	if (!sl_take(s, sizeof(*ret), &bytes))
		return false;
	memcpy(ret, bytes.p, sizeof(*ret));
	return true;
}

bool sl_take_text(struct sl_str *s, struct sl_str *ret)
{
	uint32_t n;

	return sl_take_u32(s, &n) && sl_take(s, n, ret);
}

/* Indexes of the kept rows. */
struct kept {
	uint32_t *row;
	size_t n;
};

static void release_kept(struct kept *k)
{
	free(k->row);
}

static struct kept find_kept(const struct sl_batch *b)
{
	struct kept k = {sl_xcalloc(b->rows ? b->rows : 1, sizeof(*k.row)), 0};

	for (size_t i = 0; i < b->rows; i++)
		if (b->state[i] == SL_ROW_KEPT)
			k.row[k.n++] = (uint32_t)i;
	return k;
}

static void pack_bytes(const struct sl_vec *v, const struct kept *k, struct sl_buf *out)
{
	uint8_t *to = (uint8_t *)sl_buf_room(out, k->n);

	for (size_t i = 0; i < k->n; i++)
		to[i] = v->valid[k->row[i]] ? v->u.b[k->row[i]] : 0;
	sl_buf_grew(out, k->n);
}

/* Integers and doubles: only their bits are moved. */
static void pack_words(const struct sl_vec *v, const struct kept *k, struct sl_buf *out)
{
	const char *from = v->u.any;
	char *to = sl_buf_room(out, k->n * sizeof(uint64_t));

	for (size_t i = 0; i < k->n; i++) {
		uint64_t word = 0;

		if (v->valid[k->row[i]])
			memcpy(&word, from + k->row[i] * sizeof(word), sizeof(word));
		memcpy(to + i * sizeof(word), &word, sizeof(word));
	}
	sl_buf_grew(out, k->n * sizeof(uint64_t));
}

static uint32_t text_length(const struct sl_vec *v, uint32_t row)
{
	return v->valid[row] ? (uint32_t)v->u.str[row].n : 0;
}

static size_t pack_lengths(const struct sl_vec *v, const struct kept *k, struct sl_buf *out)
{
	char *to = sl_buf_room(out, k->n * sizeof(uint32_t));
	size_t sum = 0;

	for (size_t i = 0; i < k->n; i++) {
		uint32_t n = text_length(v, k->row[i]);

		memcpy(to + i * sizeof(n), &n, sizeof(n));
		sum += n;
	}
	sl_buf_grew(out, k->n * sizeof(uint32_t));
	return sum;
}

static void pack_texts(const struct sl_vec *v, const struct kept *k, struct sl_buf *out)
{
	const size_t sum = pack_lengths(v, k, out);
	char *to = sl_buf_room(out, sum);

	for (size_t i = 0; i < k->n; i++) {
		uint32_t n = text_length(v, k->row[i]);

		if (n == 0)
			continue;
		memcpy(to, v->u.str[k->row[i]].p, n);
		to += n;
	}
	sl_buf_grew(out, sum);
}

static void pack_lists(const struct sl_vec *v, const struct kept *k, struct sl_buf *out)
{
	for (size_t i = 0; i < k->n; i++)
		sl_put_u32(out, v->valid[k->row[i]] ? (uint32_t)v->u.list[k->row[i]].n : 0);
	for (size_t i = 0; i < k->n; i++) {
		const struct sl_list *list = &v->u.list[k->row[i]];

		for (size_t j = 0; v->valid[k->row[i]] && j < list->n; j++)
			sl_put_text(out, list->v[j]);
	}
}

static void pack_column(const struct sl_vec *v, const struct kept *k, struct sl_buf *out)
{
	char *valid = sl_buf_room(out, k->n);

	for (size_t i = 0; i < k->n; i++)
		valid[i] = v->valid[k->row[i]] ? 1 : 0;
	sl_buf_grew(out, k->n);
	switch (v->type.kind) {
	case SL_BOOL:
		pack_bytes(v, k, out);
		break;
	case SL_TEXT:
		pack_texts(v, k, out);
		break;
	case SL_TEXT_LIST:
		pack_lists(v, k, out);
		break;
	case SL_INT64:
	case SL_FLOAT64:
	case SL_DECIMAL:
	case SL_DATE:
	case SL_TIMESTAMP:
		pack_words(v, k, out);
		break;
	}
}

void sl_clean_pack(const struct sl_batch *b, size_t n_cols, struct sl_buf *out)
{
	sl_cleanup(release_kept) struct kept k = find_kept(b);

	for (size_t c = 0; c < n_cols; c++)
		pack_column(&b->cols[c], &k, out);
}

static bool unpack_fixed(struct sl_str *raw, size_t rows, size_t width, struct sl_vec *v)
{
	struct sl_str bytes;

	if (!sl_take(raw, rows * width, &bytes))
		return false;
	if (bytes.n)
		memcpy(v->u.any, bytes.p, bytes.n);
	return true;
}

static bool unpack_texts(struct sl_str *raw, size_t rows, struct sl_vec *v)
{
	struct sl_str lengths;

	if (!sl_take(raw, rows * sizeof(uint32_t), &lengths))
		return false;
	for (size_t i = 0; i < rows; i++) {
		uint32_t n;

		memcpy(&n, lengths.p + i * sizeof(n), sizeof(n));
		if (n > raw->n)
			return false;
		v->u.str[i] = (struct sl_str){raw->p, n};
		raw->p += n;
		raw->n -= n;
	}
	return true;
}

static bool unpack_lists(struct sl_str *raw, size_t rows, struct sl_vec *v, struct sl_arena *arena)
{
	struct sl_str counts;

	if (!sl_take(raw, rows * sizeof(uint32_t), &counts))
		return false;
	for (size_t i = 0; i < rows; i++) {
		struct sl_list *list = &v->u.list[i];
		uint32_t n;

		/* Each text takes at least its length's four bytes. */
		if (!sl_take_u32(&counts, &n) || n > raw->n / sizeof(uint32_t))
			return false;
		list->n = n;
		list->v = sl_arena_zalloc(arena, n ? n : 1, sizeof(*list->v));
		for (size_t j = 0; j < n; j++)
			if (!sl_take_text(raw, &list->v[j]))
				return false;
	}
	return true;
}

static bool unpack_column(struct sl_str *raw, size_t rows, struct sl_vec *v, struct sl_arena *arena)
{
	struct sl_str valid;

	if (!sl_take(raw, rows, &valid))
		return false;
	if (rows)
		memcpy(v->valid, valid.p, rows);
	switch (v->type.kind) {
	case SL_BOOL:
		return unpack_fixed(raw, rows, 1, v);
	case SL_TEXT:
		return unpack_texts(raw, rows, v);
	case SL_TEXT_LIST:
		return unpack_lists(raw, rows, v, arena);
	case SL_INT64:
	case SL_FLOAT64:
	case SL_DECIMAL:
	case SL_DATE:
	case SL_TIMESTAMP:
		return unpack_fixed(raw, rows, 8, v);
	}
	return false;
}

bool sl_clean_unpack(struct sl_str raw, size_t rows, struct sl_batch *b)
{
	if (rows > ROW_MAX || rows > b->cap)
		return false;
	for (size_t i = 0; i < rows; i++)
		sl_batch_add_row(b, (struct sl_pos){0, 0});
	for (size_t c = 0; rows && c < b->schema->n; c++)
		if (!unpack_column(&raw, rows, &b->cols[c], &b->arena))
			return false;
	return raw.n == 0;
}
