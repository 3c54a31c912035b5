/*
 * What the codec tests share: an input is cut in pieces of any size as collect does, its records
 * are decoded as one part as normalize does, and the rows are read as text.
 */
#ifndef CODEC_SUPPORT_H
#define CODEC_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "data/codec.h"

#define MAX_COLS 16

struct col {
	const char *name, *type;
	const char *from;
	bool required;
};

struct setting {
	const char *name, *value;
};

/* A codec with its settings and contract, and what came out of the last decode. */
struct kit {
	const struct sl_codec *codec;
	void *params;
	struct sl_contract_col cols[MAX_COLS];
	struct sl_contract contract;
	struct sl_schema schema;
	struct sl_batch batch;
	struct sl_arena arena;
	struct sl_err err;
	char *part;   /* owned: the bytes decoded, padded */
	size_t *ends; /* owned: offsets in the input where records end */
	bool *blank;  /* owned */
	size_t n_ends, cap_ends;
	size_t records; /* that the cutter counted, without the header */
	struct sl_str header, body;
};

static void kit_open(struct kit *k, const char *codec, const struct setting *settings,
		     const struct col *cols, size_t n)
{
	*k = (struct kit){.codec = sl_codec_find(codec)};
	assert_non_null(k->codec);
	sl_cleanup(sl_diags_release) struct sl_diags diags = SL_DIAGS_INIT;
	k->params = sl_xcalloc(1, k->codec->params_size);
	assert_true(sl_fields_read(k->codec->params, k->params, k->codec->params_size, NULL, NULL,
				   "codec", &k->arena, &diags));
	for (const struct setting *s = settings; s && s->name; s++)
		assert_true(sl_field_set(sl_field_find(k->codec->params, s->name), k->params,
					 s->value, (struct sl_place){.origin = "test"}, &k->arena,
					 &diags));
	for (size_t i = 0; i < n; i++) {
		k->cols[i] = (struct sl_contract_col){.name = cols[i].name,
						      .type_text = cols[i].type,
						      .from = cols[i].from,
						      .required = cols[i].required};
		assert_true(sl_contract_prepare(&k->cols[i], &diags));
		sl_schema_add(&k->schema, cols[i].name, k->cols[i].type);
	}
	k->contract = (struct sl_contract){k->cols, n, n};
	sl_batch_init(&k->batch, &k->schema, SL_PART_ROWS);
}

static void kit_close(struct kit *k)
{
	sl_batch_release(&k->batch);
	sl_schema_release(&k->schema);
	sl_arena_release(&k->arena);
	free(k->params);
	free(k->part);
	free(k->ends);
	free(k->blank);
}

static void kit_note(struct kit *k, size_t end, bool blank)
{
	if (k->n_ends == k->cap_ends) {
		k->cap_ends = k->cap_ends ? 2 * k->cap_ends : 64;
		k->ends = sl_xrealloc(k->ends, k->cap_ends, sizeof(*k->ends));
		k->blank = sl_xrealloc(k->blank, k->cap_ends, sizeof(*k->blank));
	}
	k->ends[k->n_ends] = end;
	k->blank[k->n_ends++] = blank;
}

/* Cuts in pieces of step bytes; each piece is an allocation of its own, so that reading past its
 * end is seen. What is left at the end is one record, unless a line end would make it blank. */
static void kit_cut(struct kit *k, struct sl_str in, size_t step)
{
	struct sl_cutter c = {{0}};
	k->n_ends = 0;
	for (size_t base = 0; base < in.n; base += step) {
		size_t n = in.n - base < step ? in.n - base : step;
		char *piece = sl_xmalloc(n);
		memcpy(piece, in.p + base, n);
		struct sl_cut_event ev = {0};
		for (size_t from = 0; k->codec->cut(k->params, &c, piece, from, n, &ev);
		     from = ev.end) {
			assert_true(ev.end >= from && ev.end <= n);
			kit_note(k, base + ev.end, ev.blank);
		}
		free(piece);
	}
	struct sl_cut_event ev = {0};
	if (in.n > (k->n_ends ? k->ends[k->n_ends - 1] : 0))
		kit_note(k, in.n, k->codec->cut(k->params, &c, "\n", 0, 1, &ev) && ev.blank);
}

/* Keeps the header aside when there is one. The rest is the body, padded in memory. */
static void kit_split(struct kit *k, struct sl_str in)
{
	size_t body = 0;
	k->records = 0;
	k->header = SL_STR_NULL;
	bool wants_header = k->codec->has_header && k->codec->has_header(k->params);
	for (size_t i = 0; i < k->n_ends; i++) {
		if (k->blank[i])
			continue;
		if (wants_header && !k->header.p) {
			size_t begin = i ? k->ends[i - 1] : 0;
			k->header = (struct sl_str){in.p + begin, k->ends[i] - begin};
			body = k->ends[i];
		} else {
			k->records++;
		}
	}
	free(k->part);
	k->part = sl_xcalloc(in.n - body + SL_DECODE_PADDING, 1);
	if (in.n > body)
		memcpy(k->part, in.p + body, in.n - body);
	k->body = (struct sl_str){k->part, in.n - body};
}

/* False when the decoder refuses; err is then in the kit. */
static bool kit_decode(struct kit *k, struct sl_str in, bool last)
{
	void *decoder = NULL;
	kit_cut(k, in, in.n + 1);
	kit_split(k, in);
	sl_batch_reset(&k->batch);
	sl_err_clear(&k->err);
	if (!k->codec->open(k->params, &k->contract, k->header, &decoder, &k->err))
		return false;
	bool ok = k->codec->decode(decoder, k->body, last, &k->batch, &k->err);
	k->codec->close(decoder);
	if (!ok)
		return false;
	sl_contract_check(&k->contract, &k->batch);
	assert_int_equal(k->records, k->batch.rows);
	return true;
}

static void kit_run(struct kit *k, const char *text)
{
	if (!kit_decode(k, sl_str_of(text), true))
		fail_msg("%s", k->err.msg);
}

static void add_value(const struct sl_vec *v, size_t row, struct sl_buf *out)
{
	char text[40];
	switch (v->type.kind) {
	case SL_BOOL:
		sl_buf_adds(out, v->u.b[row] ? "true" : "false");
		break;
	case SL_INT64:
		sl_buf_addf(out, "%" PRId64, v->u.i64[row]);
		break;
	case SL_FLOAT64:
		sl_buf_add(out, text, sl_num_f64_text(v->u.f64[row], text));
		break;
	case SL_DECIMAL:
		sl_buf_add(out, text, sl_num_decimal_text(v->u.i64[row], v->type.scale, text));
		break;
	case SL_DATE:
		sl_buf_add(out, text, sl_date_text((int32_t)v->u.i64[row], text));
		break;
	case SL_TIMESTAMP:
		sl_buf_add(out, text, sl_time_text(v->u.i64[row], text));
		break;
	case SL_TEXT:
		sl_buf_addstr(out, v->u.str[row]);
		break;
	case SL_TEXT_LIST:
		for (size_t i = 0; i < v->u.list[row].n; i++) {
			sl_buf_addstr(out, v->u.list[row].v[i]);
			sl_buf_addc(out, '|');
		}
		break;
	}
}

/* "(1, abc, NULL) " for a kept row, "-field:rule " for a rejected one. */
static void add_row(const struct kit *k, size_t row, struct sl_buf *out)
{
	const struct sl_batch *b = &k->batch;
	for (size_t i = 0; b->state[row] == SL_ROW_REJECTED && i < b->n_rejects; i++)
		if (b->rejects[i].row == row)
			sl_buf_addf(out, "-%s:%s ", b->rejects[i].field, b->rejects[i].rule);
	if (b->state[row] != SL_ROW_KEPT)
		return;
	for (size_t i = 0; i < k->schema.n; i++) {
		sl_buf_adds(out, i ? "," : "(");
		if (b->cols[i].valid[row])
			add_value(&b->cols[i], row, out);
		else
			sl_buf_adds(out, "NULL");
	}
	sl_buf_adds(out, ") ");
}

/* All rows of the last decode, as above. */
static void kit_expect(const struct kit *k, const char *want)
{
	sl_cleanup(sl_buf_release) struct sl_buf got = SL_BUF_INIT;
	for (size_t row = 0; row < k->batch.rows; row++)
		add_row(k, row, &got);
	if (got.n > 0)
		got.p[--got.n] = '\0';
	assert_string_equal(sl_buf_z(&got), want);
}

/* Reason of the first reject whose text holds part. */
static void kit_expect_reason(const struct kit *k, const char *part)
{
	for (size_t i = 0; i < k->batch.n_rejects; i++)
		if (strstr(k->batch.rejects[i].reason, part))
			return;
	fail_msg("no reject says \"%s\"; the first: %s", part,
		 k->batch.n_rejects ? k->batch.rejects[0].reason : "none");
}

/* Whatever the size of the pieces, the records are those of the input as a whole. */
static void expect_same_records(struct kit *k, struct sl_str in)
{
	kit_cut(k, in, in.n + 1);
	size_t n = k->n_ends, *ends = sl_xcalloc(n + 1, sizeof(*ends));
	size_t records = 0;
	for (size_t i = 0; i < n; i++)
		if (!k->blank[i])
			ends[records++] = k->ends[i];
	for (size_t step = 1; step <= in.n; step++) {
		size_t r = 0;
		kit_cut(k, in, step);
		for (size_t i = 0; i < k->n_ends; i++) {
			if (k->blank[i])
				continue;
			if (r >= records || k->ends[i] != ends[r])
				fail_msg("pieces of %zu bytes: record %zu ends at %zu", step, r,
					 k->ends[i]);
			r++;
		}
		assert_int_equal(r, records);
	}
	free(ends);
}

static size_t allocations;

static void count_allocation(const volatile void *p, size_t n)
{
	(void)p;
	(void)n;
	allocations++;
}

static void ignore_free(const volatile void *p)
{
	(void)p;
}

/* Provided by AddressSanitizer, absent from other builds. */
extern int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void *, size_t),
						     void (*)(const volatile void *))
	__attribute__((weak));

/* Once a decoder and a batch have seen a part, a part like it costs no allocation at all. */
static void expect_no_allocation_in_a_second_part(struct kit *k, const char *text)
{
	static bool installed;
	void *decoder = NULL;
	if (!__sanitizer_install_malloc_and_free_hooks) {
		print_message("skipped: allocations are counted in sanitizer builds only\n");
		skip();
	}
	if (!installed)
		installed = __sanitizer_install_malloc_and_free_hooks(count_allocation,
								      ignore_free) > 0;
	assert_true(installed);
	kit_cut(k, sl_str_of(text), strlen(text) + 1);
	kit_split(k, sl_str_of(text));
	assert_true(k->codec->open(k->params, &k->contract, k->header, &decoder, &k->err));
	for (int part = 0; part < 2; part++) {
		sl_batch_reset(&k->batch);
		allocations = 0;
		assert_true(k->codec->decode(decoder, k->body, true, &k->batch, &k->err));
	}
	assert_int_equal(allocations, 0);
	assert_int_equal(k->batch.rows, k->records);
	k->codec->close(decoder);
}

/* An input of the shared cases; skips the test, saying so, where they are not at hand. */
static void read_case(const char *name, struct sl_buf *out)
{
	const char *dir = getenv("SHARED_DIR");
	char path[4096]; /* skip() jumps away: nothing may be owned here */
	snprintf(path, sizeof(path), "%s/cases/inputs/%s", dir ? dir : "../shared", name);
	struct sl_err err = SL_ERR_INIT;
	if (!sl_file_exists(path)) {
		print_message("skipped: ../shared absent (%s)\n", path);
		skip();
	}
	if (!sl_file_read(path, SL_PART_BYTES, out, &err))
		fail_msg("%s", err.msg);
}

#endif
