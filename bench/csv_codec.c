/*
 * The CSV codec alone, without files and processes: a file's parts are indexed, or decoded into
 * typed columns, again and again; prints bytes per CPU-second. Built by the target bench-csv-codec.
 *
 * usage: csv_codec index|columns FILE ROUNDS COLUMN=TYPE…
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "data/codec.h"
#include "data/csv_index.h"

struct work {
	struct sl_buf file;
	struct sl_str header;
	struct sl_str parts[4096]; /* padded copies, as normalize has them */
	size_t n_parts;
	struct sl_contract contract;
	struct sl_schema schema;
};

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Whole lines, at most a part: the file has no line end inside quotes. */
static void split(struct work *w)
{
	const char *p = memchr(w->file.p, '\n', w->file.n), *end = w->file.p + w->file.n;

	w->header = (struct sl_str){w->file.p, (size_t)(++p - w->file.p)};
	while (p < end && w->n_parts < SL_ARRAY_LEN(w->parts)) {
		size_t n = (size_t)(end - p) < SL_PART_BYTES ? (size_t)(end - p) : SL_PART_BYTES;
		size_t rows = 0;
		const char *stop = p;

		for (const char *lf = p;
		     rows < SL_PART_ROWS && (lf = memchr(lf, '\n', (size_t)(p + n - lf)));
		     lf++, rows++)
			stop = lf + 1;
		n = (size_t)(stop - p);
		char *copy = sl_xcalloc(n + SL_DECODE_PADDING, 1);
		memcpy(copy, p, n);
		w->parts[w->n_parts++] = (struct sl_str){copy, n};
		p = stop;
	}
}

static void read_columns(struct work *w, char **argv, int n)
{
	sl_cleanup(sl_diags_release) struct sl_diags diags = SL_DIAGS_INIT;

	w->contract.cols = sl_xcalloc((size_t)n, sizeof(*w->contract.cols));
	for (int i = 0; i < n; i++) {
		struct sl_contract_col *c = &w->contract.cols[w->contract.n++];
		char *eq = strchr(argv[i], '=');

		if (!eq)
			exit(64);
		*eq = '\0';
		c->name = argv[i];
		c->type_text = eq + 1;
		if (!sl_contract_prepare(c, &diags))
			exit(64);
		sl_schema_add(&w->schema, c->name, c->type);
	}
	w->contract.n_stored = w->contract.n;
}

static size_t index_all(const struct work *w)
{
	static uint32_t ends[SL_PART_BYTES + SL_CSV_INDEX_SLACK];
	size_t total = 0, n = 0;

	for (size_t i = 0; i < w->n_parts; i++) {
		if (!sl_csv_index((struct sl_csv_marks){'"', ','}, w->parts[i], ends, &n))
			exit(65);
		total += n;
	}
	return total;
}

static size_t decode_all(const struct work *w, struct sl_batch *b, void *params)
{
	const struct sl_codec *csv = sl_codec_find("csv");
	struct sl_err err = SL_ERR_INIT;
	void *decoder;
	size_t kept = 0;

	if (!csv->open(params, &w->contract, w->header, &decoder, &err))
		exit(65);
	for (size_t i = 0; i < w->n_parts; i++) {
		sl_batch_reset(b);
		if (!csv->decode(decoder, w->parts[i], false, b, &err))
			exit(65);
		kept += sl_batch_count(b, SL_ROW_KEPT);
	}
	csv->close(decoder);
	return kept;
}

int main(int argc, char **argv)
{
	static struct work w;
	const struct sl_codec *csv = sl_codec_find("csv");
	struct sl_arena arena = SL_ARENA_INIT;
	struct sl_diags diags = SL_DIAGS_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct sl_batch batch;

	if (argc < 4 || !sl_file_read(argv[2], (size_t)1 << 31, &w.file, &err))
		return 66;
	split(&w);
	read_columns(&w, argv + 4, argc - 4);
	void *params = sl_arena_zalloc(&arena, 1, csv->params_size);
	if (!sl_fields_read(csv->params, params, csv->params_size, NULL, NULL, "csv", &arena,
			    &diags))
		return 70;
	sl_batch_init(&batch, &w.schema, SL_PART_ROWS);
	const bool index = strcmp(argv[1], "index") == 0;
	int64_t rounds = 0;
	if (!sl_num_i64(sl_str_of(argv[3]), 1, 1000, &rounds))
		return 64;
	size_t found = index ? index_all(&w) : decode_all(&w, &batch, params);
	const double begun = cpu_seconds();
	for (int64_t i = 0; i < rounds; i++)
		found = index ? index_all(&w) : decode_all(&w, &batch, params);
	const double seconds = cpu_seconds() - begun;
	printf("{\"bytes\":%zu,\"rounds\":%" PRId64 ",\"found\":%zu,\"seconds\":%.6f}\n", w.file.n,
	       rounds, found, seconds);
	return 0;
}
