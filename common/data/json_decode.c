/*
 * From the records of a part to rows: the cutter's scanner finds each record again, the reader
 * module takes the wanted values out of it, the contract turns them into columns. What cannot be
 * read is a reject row of its own and never touches its neighbours.
 */
#include "data/json_decode.h"

#include "base/mem.h"
#include "base/module.h"
#include "data/json_reader.h"
#include "data/json_scan.h"

struct json_decoder {
	bool lines; /* each line is a record, whatever is in it */
	const struct sl_contract *contract;
	const struct sl_json_engine *engine;
	struct sl_json_reader *reader;
	size_t n;		      /* columns read from the record */
	size_t *cols;		      /* n: their indexes in the contract */
	struct sl_str *paths;	      /* n */
	struct sl_json_value *values; /* n */
};

static void list_columns(struct json_decoder *d)
{
	for (size_t i = 0; i < d->contract->n; i++) {
		const struct sl_contract_col *c = &d->contract->cols[i];
		if (c->computed)
			continue;
		d->cols[d->n] = i;
		d->paths[d->n++] = sl_str_of(c->from ? c->from : c->name);
	}
}

bool sl_json_decoder_open(bool lines, const struct sl_contract *contract, void **ret_decoder,
			  struct sl_err *err)
{
	const void *engine;
	if (!sl_module_open("simdjson", &engine, err))
		return sl_err_prefix(err, "cannot read JSON");
	struct json_decoder *d = sl_xcalloc(1, sizeof(*d));
	d->lines = lines;
	d->contract = contract;
	d->engine = engine;
	d->cols = sl_xcalloc(contract->n + 1, sizeof(*d->cols));
	d->paths = sl_xcalloc(contract->n + 1, sizeof(*d->paths));
	d->values = sl_xcalloc(contract->n + 1, sizeof(*d->values));
	list_columns(d);
	d->reader = d->engine->open(d->paths, d->n, SL_PART_BYTES);
	*ret_decoder = d;
	return true;
}

void sl_json_decoder_close(void *decoder)
{
	struct json_decoder *d = decoder;
	if (!d)
		return;
	d->engine->close(d->reader);
	free(d->cols);
	free(d->paths);
	free(d->values);
	free(d);
}

static void reject_fault(const struct json_decoder *d, struct sl_batch *b, size_t row,
			 const struct sl_json_fault *fault)
{
	const char *field = "";
	if (fault->field != SL_JSON_NOWHERE)
		field = d->contract->cols[d->cols[fault->field]].name;
	if (fault->offset == SL_JSON_NOWHERE)
		sl_batch_reject(b, row, field, "syntax", "%s", fault->reason);
	else
		sl_batch_reject(b, row, field, "syntax", "%s: byte %zu of the record",
				fault->reason, fault->offset);
}

static void store_values(const struct json_decoder *d, struct sl_batch *b, size_t row)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct sl_contract_col *c = &d->contract->cols[d->cols[i]];
		const struct sl_json_value *v = &d->values[i];
		switch (v->problem) {
		case SL_JSON_FINE:
			sl_contract_store(c, b, row, d->cols[i], &v->raw);
			break;
		case SL_JSON_SURROGATE:
			sl_batch_reject(
				b, row, c->name, "surrogate",
				"an escape is half of a surrogate pair, which is no letter");
			break;
		case SL_JSON_TWICE:
			sl_batch_reject(b, row, c->name, "duplicate key",
					"the key stands twice in the object");
			break;
		}
	}
}

static bool is_utf16(struct sl_str s)
{
	return s.n >= 2 && (memcmp(s.p, "\xff\xfe", 2) == 0 || memcmp(s.p, "\xfe\xff", 2) == 0);
}

/* cut_off: nothing follows, and no separator told that the record was over. */
static void decode_record(struct json_decoder *d, struct sl_str value, bool cut_off,
			  struct sl_batch *b)
{
	const struct sl_pos pos = {(uint32_t)(value.p - b->bytes.p), (uint32_t)value.n};
	struct sl_json_fault fault = {NULL, SL_JSON_NOWHERE, SL_JSON_NOWHERE};
	size_t row = sl_batch_add_row(b, pos);
	if (cut_off && (value.n == 0 || sl_json_is_open(value)))
		fault.reason = "input ends inside a record";
	else if (value.n == 0)
		fault.reason = "no value between two separators";
	else if (is_utf16(value))
		fault.reason = "the input is UTF-16, not UTF-8";
	else if (d->engine->read(d->reader, value, &b->arena, d->values, &fault))
		store_values(d, b, row);
	if (fault.reason)
		reject_fault(d, b, row, &fault);
}

bool sl_json_decode(void *decoder, struct sl_str bytes, bool last, struct sl_batch *b,
		    struct sl_err *err)
{
	struct json_decoder *d = decoder;
	bool (*const cut)(const void *, struct sl_cutter *, const char *, size_t, size_t,
			  struct sl_cut_event *) = d->lines ? sl_jsonl_cut : sl_json_cut;
	struct sl_cutter cutter = {{0}};
	struct sl_cut_event ev;
	bool in_array = false;
	b->bytes = bytes;
	b->clean = true; /* the reader refuses records that are not */
	for (size_t from = 0; from < bytes.n; from = ev.end) {
		bool whole = cut(NULL, &cutter, bytes.p, from, bytes.n, &ev);
		if (!whole)
			ev = (struct sl_cut_event){.end = bytes.n};
		const struct sl_str record = {bytes.p + from, ev.end - from};
		if (ev.blank) {
			in_array = in_array && sl_str_find(record, ']') < 0;
			continue;
		}
		if (b->rows == b->cap)
			return sl_err_set(err, SL_ERR_DATA, "a part holds more than %zu records",
					  b->cap);
		bool led = false;
		struct sl_str value = sl_json_value_of(record, d->lines ? NULL : &led);
		decode_record(d, value, last && !whole, b);
		in_array = in_array || led;
	}
	if (last && in_array && b->rows > 0)
		sl_batch_reject(b, b->rows - 1, "", "syntax",
				"input ends before the array is closed");
	return true;
}
