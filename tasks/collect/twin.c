/*
 * Inputs are sorted by the sizes of their chunks; only among equals are bytes compared, and only
 * until the first difference.
 */
#include "tasks/collect/twin.h"

#include "base/log.h"
#include "base/mem.h"

#define COMPARED_MAX 32 /* pairs: files of a fixed size would else be read again and again */

struct candidate {
	const struct sl_log_input *input;
	bool is_new;
};

static int compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int by_size(const void *a, const void *b)
{
	const struct sl_log_input *x = ((const struct candidate *)a)->input;
	const struct sl_log_input *y = ((const struct candidate *)b)->input;
	int c = compare_numbers(x->n_chunks, y->n_chunks);

	for (size_t i = 0; !c && i < x->n_chunks; i++) {
		c = compare_numbers(x->chunks[i].bytes, y->chunks[i].bytes);
		c = c ? c : compare_numbers(x->chunks[i].records, y->chunks[i].records);
		c = c ? c : compare_numbers(x->chunks[i].parts, y->chunks[i].parts);
	}
	return c;
}

/* New ones first among equals. */
static int by_size_and_age(const void *a, const void *b)
{
	const int c = by_size(a, b);

	return c ? c
		 : ((const struct candidate *)b)->is_new - ((const struct candidate *)a)->is_new;
}

static bool same_part(struct sl_bronze_reader *a, struct sl_bronze_reader *b, size_t k,
		      struct sl_buf *x, struct sl_buf *y, struct sl_err *err)
{
	const struct sl_part *p = &sl_bronze_chunk(a)->parts[k];
	const struct sl_part *q = &sl_bronze_chunk(b)->parts[k];

	if (p->bytes != q->bytes || p->records != q->records || p->oversize || q->oversize)
		return false;
	return sl_bronze_read(a, k, x, err) && sl_bronze_read(b, k, y, err) &&
	       sl_str_eq(sl_buf_str(x), sl_buf_str(y));
}

/* What cannot be read is no twin: whoever needs it will say so. */
static bool same_chunk(const struct sl_collect *c, const char *id, const char *other)
{
	sl_cleanup(sl_buf_release) struct sl_buf x = SL_BUF_INIT;
	sl_cleanup(sl_buf_release) struct sl_buf y = SL_BUF_INIT;
	struct sl_bronze_reader *a = NULL, *b = NULL;
	struct sl_err ignored = SL_ERR_INIT;
	bool same = sl_bronze_open(&c->run->home, c->source->name, id, &a, &ignored) &&
		    sl_bronze_open(&c->run->home, c->source->name, other, &b, &ignored) &&
		    sl_bronze_chunk(a)->n_parts == sl_bronze_chunk(b)->n_parts;

	for (size_t k = 0; same && k < sl_bronze_chunk(a)->n_parts; k++)
		same = same_part(a, b, k, &x, &y, &ignored);
	sl_bronze_close(a);
	sl_bronze_close(b);
	return same;
}

static bool same_content(const struct sl_collect *c, const struct sl_log_input *a,
			 const struct sl_log_input *b)
{
	for (size_t i = 0; i < a->n_chunks; i++)
		if (!same_chunk(c, a->chunks[i].id, b->chunks[i].id))
			return false;
	return true;
}

static void warn(const struct sl_collect *c, const char *one, const char *other)
{
	sl_log(SL_WARNING, "one content under two names: its rows stand twice",
	       "source=%s input=\"%s\" other=\"%s\" hint=\"find a file by one path only; to take "
	       "its rows out, empty it under the name that is wrong and collect that once more\"",
	       c->source->name, one, other);
}

/* v[i], if it is new, and those behind it that have its sizes. True: a pair was found, or enough was
 * compared. */
static bool look_behind(const struct sl_collect *c, const struct candidate *v, size_t i, size_t n,
			size_t *compared)
{
	for (size_t k = i + 1; v[i].is_new && k < n && by_size(&v[i], &v[k]) == 0; k++) {
		if (++*compared > COMPARED_MAX)
			return true;
		if (!same_content(c, v[i].input, v[k].input))
			continue;
		warn(c, v[i].input->name, v[k].input->name);
		return true;
	}
	return false;
}

static bool has_records(const struct sl_log_input *in)
{
	for (size_t i = 0; i < in->n_chunks; i++)
		if (in->chunks[i].records)
			return true;
	return false;
}

void sl_collect_warn_twins(struct sl_collect *c)
{
	const struct sl_inventory *known = &c->inventory;
	sl_cleanup(sl_freep) struct candidate *v =
		sl_xcalloc(c->n_inputs + known->n + 1, sizeof(*v));
	size_t n = 0, compared = 0;

	for (size_t i = 0; i < c->n_inputs; i++)
		if (has_records(&c->inputs[i]) && !sl_inventory_find(known, c->inputs[i].name))
			v[n++] = (struct candidate){&c->inputs[i], true};
	if (n == 0)
		return;
	for (size_t i = 0; i < known->n; i++)
		if (has_records(known->v[i].input))
			v[n++] = (struct candidate){known->v[i].input, false};
	qsort(v, n, sizeof(*v), by_size_and_age);
	for (size_t i = 0; i + 1 < n; i++)
		if (look_behind(c, v, i, n, &compared))
			return;
}
