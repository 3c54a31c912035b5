/*
 * Columns of a clean part ⇄ bytes: see clean_cols.h. Built for little-endian machines, like the
 * memory layout that it copies. Numbers are narrowed before they are compressed, which costs less
 * than to compress their zero bytes.
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

/* Indexes of the kept rows, and room for one number of each. */
struct kept {
	uint32_t *row;
	uint64_t *numbers;
	size_t n;
};

static void release_kept(struct kept *k)
{
	free(k->row);
	free(k->numbers);
}

static struct kept find_kept(const struct sl_batch *b)
{
	struct kept k = {sl_xcalloc(b->rows + 1, sizeof(*k.row)),
			 sl_xcalloc(b->rows + 1, sizeof(*k.numbers)), 0};

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

static void pack_doubles(const struct sl_vec *v, const struct kept *k, struct sl_buf *out)
{
	char *to = sl_buf_room(out, k->n * sizeof(double));

	for (size_t i = 0; i < k->n; i++) {
		double value = v->valid[k->row[i]] ? v->u.f64[k->row[i]] : 0;

		memcpy(to + i * sizeof(value), &value, sizeof(value));
	}
	sl_buf_grew(out, k->n * sizeof(double));
}

/* Bytes that hold every number up to max. */
static size_t width_of(uint64_t max)
{
	return max <= UINT8_MAX ? 1 : max <= UINT16_MAX ? 2 : max <= UINT32_MAX ? 4 : 8;
}

/* The width in one byte, then n numbers; the compiler makes a plain loop of each width. */
static void pack_numbers(const uint64_t *v, size_t n, uint64_t max, struct sl_buf *out)
{
	const size_t width = width_of(max);
	char *to = sl_buf_room(out, 1 + n * width);

	*to++ = (char)width;
	for (size_t i = 0; width == 1 && i < n; i++)
		to[i] = (char)v[i];
	for (size_t i = 0; width == 2 && i < n; i++)
		memcpy(to + i * 2, &(uint16_t){(uint16_t)v[i]}, 2);
	for (size_t i = 0; width == 4 && i < n; i++)
		memcpy(to + i * 4, &(uint32_t){(uint32_t)v[i]}, 4);
	if (width == 8)
		memcpy(to, v, n * width);
	sl_buf_grew(out, 1 + n * width);
}

/* The least value first; the others, NULL too, count from there. */
static void pack_integers(const struct sl_vec *v, struct kept *k, struct sl_buf *out)
{
	int64_t least = INT64_MAX;
	uint64_t max = 0;

	for (size_t i = 0; i < k->n; i++)
		if (v->valid[k->row[i]] && v->u.i64[k->row[i]] < least)
			least = v->u.i64[k->row[i]];
	for (size_t i = 0; i < k->n; i++) {
		uint64_t above = (uint64_t)v->u.i64[k->row[i]] - (uint64_t)least;

		k->numbers[i] = v->valid[k->row[i]] ? above : 0;
		max = k->numbers[i] > max ? k->numbers[i] : max;
	}
	sl_put_u64(out, (uint64_t)least);
	pack_numbers(k->numbers, k->n, max, out);
}

static void pack_texts(const struct sl_vec *v, struct kept *k, struct sl_buf *out)
{
	uint64_t max = 0, sum = 0;

	for (size_t i = 0; i < k->n; i++) {
		k->numbers[i] = v->valid[k->row[i]] ? v->u.str[k->row[i]].n : 0;
		max = k->numbers[i] > max ? k->numbers[i] : max;
		sum += k->numbers[i];
	}
	pack_numbers(k->numbers, k->n, max, out);

	char *to = sl_buf_room(out, sum);

	for (size_t i = 0; i < k->n; i++) {
		if (k->numbers[i] == 0)
			continue;
		memcpy(to, v->u.str[k->row[i]].p, k->numbers[i]);
		to += k->numbers[i];
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

/* One byte: whether there are NULLs; only then a byte a row. */
static void pack_validity(const struct sl_vec *v, const struct kept *k, struct sl_buf *out)
{
	char *to = sl_buf_room(out, 1 + k->n);
	size_t n = 0;

	for (size_t i = 0; i < k->n; i++)
		n += to[1 + i] = v->valid[k->row[i]] ? 1 : 0;
	to[0] = n < k->n;
	sl_buf_grew(out, n < k->n ? 1 + k->n : 1);
}

static void pack_column(const struct sl_vec *v, struct kept *k, struct sl_buf *out)
{
	pack_validity(v, k, out);
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
	case SL_FLOAT64:
		pack_doubles(v, k, out);
		break;
	case SL_INT64:
	case SL_DECIMAL:
	case SL_DATE:
	case SL_TIMESTAMP:
		pack_integers(v, k, out);
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

static bool take_byte(struct sl_str *raw, uint8_t *ret)
{
	struct sl_str byte;

	if (!sl_take(raw, 1, &byte))
		return false;
	*ret = (uint8_t)byte.p[0];
	return true;
}

/* Packed numbers where they lie. */
struct numbers {
	const char *p;
	uint8_t width;
};

static bool take_numbers(struct sl_str *raw, size_t n, struct numbers *ret)
{
	struct sl_str bytes;

	if (!take_byte(raw, &ret->width) ||
	    (ret->width != 1 && ret->width != 2 && ret->width != 4 && ret->width != 8) ||
	    !sl_take(raw, n * ret->width, &bytes))
		return false;
	ret->p = bytes.p;
	return true;
}

static inline uint64_t get_number(const struct numbers *v, size_t i)
{
	uint64_t number = 0;

	switch (v->width) {
	case 1:
		return (uint8_t)v->p[i];
	case 2:
		memcpy(&number, v->p + i * 2, 2);
		return number;
	case 4:
		memcpy(&number, v->p + i * 4, 4);
		return number;
	}
	memcpy(&number, v->p + i * 8, 8);
	return number;
}

static bool unpack_integers(struct sl_str *raw, size_t rows, struct sl_vec *v)
{
	struct numbers numbers;
	uint64_t least;

	if (!sl_take_u64(raw, &least) || !take_numbers(raw, rows, &numbers))
		return false;
	for (size_t i = 0; i < rows; i++)
		v->u.i64[i] = v->valid[i] ? (int64_t)(least + get_number(&numbers, i)) : 0;
	return true;
}

static bool unpack_texts(struct sl_str *raw, size_t rows, struct sl_vec *v)
{
	struct numbers lengths;

	if (!take_numbers(raw, rows, &lengths))
		return false;
	for (size_t i = 0; i < rows; i++) {
		const uint64_t n = get_number(&lengths, i);

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

static bool unpack_validity(struct sl_str *raw, size_t rows, struct sl_vec *v)
{
	struct sl_str valid;
	uint8_t nulls;

	if (!take_byte(raw, &nulls) || (nulls && !sl_take(raw, rows, &valid)))
		return false;
	if (nulls)
		memcpy(v->valid, valid.p, rows);
	else
		memset(v->valid, 1, rows);
	return true;
}

static bool unpack_column(struct sl_str *raw, size_t rows, struct sl_vec *v, struct sl_arena *arena)
{
	if (!unpack_validity(raw, rows, v))
		return false;
	switch (v->type.kind) {
	case SL_BOOL:
		return unpack_fixed(raw, rows, 1, v);
	case SL_TEXT:
		return unpack_texts(raw, rows, v);
	case SL_TEXT_LIST:
		return unpack_lists(raw, rows, v, arena);
	case SL_FLOAT64:
		return unpack_fixed(raw, rows, sizeof(double), v);
	case SL_INT64:
	case SL_DECIMAL:
	case SL_DATE:
	case SL_TIMESTAMP:
		return unpack_integers(raw, rows, v);
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
