/*
 * Rows cut into steps: see rows.h.
 */
#include "tasks/collect/rows.h"

#include <jansson.h>

#include "base/num.h"

#define BUFFER_BYTES ((size_t)64 << 10)

static bool flush(struct sl_rows *r, struct sl_err *err)
{
	if (r->lines.n == 0)
		return true;
	bool ok = sl_collect_bytes(r->c, sl_buf_str(&r->lines), err);
	r->bytes += r->lines.n;
	sl_buf_clear(&r->lines);
	return ok;
}

/* next: NULL after the last row. A step of another attempt may stand that ends where ours does, in a
 * range that ends elsewhere: the rows that are being read are those of our range. */
static bool end_step(struct sl_rows *r, const char *next, struct sl_err *err)
{
	const struct sl_steps *s = r->steps;
	const char *end = s->end;

	if (!flush(r, err) || !sl_step_end(r->c, r->steps, next, err))
		return false;
	r->open = false;
	r->moved = next && (s->done || strcmp(s->at, next) != 0 || strcmp(s->end, end) != 0);
	return !r->moved || sl_err_set(err, SL_ERR_CANCELLED, "another attempt's step stands");
}

static bool begin_step(struct sl_rows *r, struct sl_err *err)
{
	r->open = true;
	r->bytes = 0;
	return sl_step_begin(r->c, r->steps, err);
}

bool sl_rows_next(struct sl_rows *r, struct sl_err *err)
{
	if (!r->steps)
		return true;
	if (r->open && r->bytes + r->lines.n >= r->step && !end_step(r, sl_buf_z(&r->last), err))
		return false;
	return r->open || begin_step(r, err);
}

bool sl_rows_put(struct sl_rows *r, const struct sl_str *texts, size_t n, struct sl_err *err)
{
	sl_buf_clear(&r->last);
	for (size_t i = 0; i < n; i++) {
		sl_buf_addc(&r->last, i ? ',' : '[');
		sl_buf_add_json(&r->last, texts[i]);
	}
	sl_buf_addc(&r->last, ']');
	return r->lines.n < BUFFER_BYTES || flush(r, err);
}

bool sl_rows_end(struct sl_rows *r, struct sl_err *err)
{
	if (!r->steps)
		return flush(r, err);
	return (r->open || begin_step(r, err)) && end_step(r, NULL, err);
}

void sl_rows_reset(struct sl_rows *r)
{
	r->open = r->moved = false;
	sl_buf_clear(&r->lines);
}

void sl_rows_release(struct sl_rows *r)
{
	sl_buf_release(&r->lines);
	sl_buf_release(&r->last);
}

static bool collect_whole(struct sl_rows *r, const struct sl_rows_source *source, void *ctx,
			  struct sl_err *err)
{
	if (sl_collect_known(r->c, SL_WHOLE, NULL))
		return true;
	if (!source->open(ctx, err) || !source->whole(ctx, err))
		return false;
	sl_collect_complete(r->c, true);
	return true;
}

bool sl_rows_collect(struct sl_rows *r, const struct sl_rows_source *source, void *ctx,
		     const char *asks, struct sl_err *err)
{
	struct sl_steps *s = r->steps;

	if (!s)
		return collect_whole(r, source, ctx, err);
	if (!sl_steps_begin(r->c, SL_STEPS_CURSOR, asks, s, err) ||
	    (!s->done && !source->open(ctx, err)))
		return false;
	while (!s->done)
		if (!source->range(ctx, err))
			return false;
	return sl_steps_end(r->c, s, err);
}

bool sl_rows_split(const char *at, size_t n, struct sl_arena *arena, const char ***ret,
		   struct sl_err *err)
{
	json_t *list = json_loads(at, JSON_REJECT_DUPLICATES, NULL);
	bool ok = json_is_array(list) && json_array_size(list) == n;

	*ret = sl_arena_zalloc(arena, n, sizeof(**ret));
	for (size_t i = 0; ok && i < n; i++) {
		const char *text = json_string_value(json_array_get(list, i));

		ok = text != NULL;
		(*ret)[i] = ok ? sl_arena_strdup(arena, text) : NULL;
	}
	json_decref(list);
	return ok ||
	       sl_err_set(err, SL_ERR_DATA, "a kept step does not say where it ended: %s", at);
}

bool sl_lag_parse(const char *text, struct sl_lag *ret)
{
	const struct sl_str s = sl_str_of(text);

	*ret = (struct sl_lag){false, 0};
	if (!text || sl_num_i64(s, 0, INT64_MAX, &ret->value))
		return true;
	ret->is_time = true;
	return sl_num_duration(s, &ret->value) && ret->value >= 0;
}

int64_t sl_lag_from(const struct sl_lag *lag, int64_t value)
{
	int64_t ret;

	return __builtin_sub_overflow(value, lag->value, &ret) ? INT64_MIN : ret;
}
