/*
 * CSV: pieces give the records of the whole; the reader finds the cutter's records, and by the index
 * the same cells as byte by byte.
 */
#include "data/csv.h"
#include "fuzz_codec.h"

#define WIDTH 64

static struct sl_csv_cell cells[2][WIDTH + 1];

static void same_cells(const struct sl_csv_record *a, const struct sl_csv_record *b)
{
	FUZZ_MUST(a->n == b->n && a->blank == b->blank && a->fault == b->fault);
	FUZZ_MUST(a->pos.offset == b->pos.offset && a->pos.length == b->pos.length);
	for (size_t i = 0; !a->fault && i < a->n && i < WIDTH; i++) {
		FUZZ_MUST(cells[0][i].text.p == cells[1][i].text.p);
		FUZZ_MUST(cells[0][i].text.n == cells[1][i].text.n);
		FUZZ_MUST(cells[0][i].quoted == cells[1][i].quoted);
		FUZZ_MUST(cells[0][i].escaped == cells[1][i].escaped);
	}
}

/* Reads all records both ways; ends: the cutter's. */
static void read_both(struct sl_csv_reader *with, struct sl_csv_reader *without, struct sl_str in,
		      const struct sl_buf *ends)
{
	size_t records = 0, end;

	for (size_t at = sl_csv_bom(in), next; at < in.n; at = next) {
		struct sl_csv_record r[2];

		next = sl_csv_record(with, in, at, &r[0]);
		FUZZ_MUST(next > at && next <= in.n);
		FUZZ_MUST(sl_csv_record(without, in, at, &r[1]) == next);
		same_cells(&r[0], &r[1]);
		if (r[0].blank)
			continue;
		FUZZ_MUST((records + 1) * sizeof(end) <= ends->n);
		memcpy(&end, ends->p + records++ * sizeof(end), sizeof(end));
		FUZZ_MUST(next == end);
	}
	FUZZ_MUST(records * sizeof(end) == ends->n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const delimiters[] = {",", ";", "\t", "|"};
	static const char *const quotes[] = {"\"", "'", "", "\""};
	static const char *const escapes[] = {"", "\\"};
	sl_cleanup(sl_buf_release) struct sl_buf ends = SL_BUF_INIT;
	struct sl_str in = fuzz_input(data, size);
	const unsigned choice = fuzz_byte(&in);
	const struct sl_csv csv = {.delimiter = delimiters[choice % 4],
				   .quote = quotes[choice / 4 % 4],
				   .escape = escapes[choice / 16 % 2]};
	const struct sl_codec *codec = sl_codec_find("csv");

	fuzz_same_cuts(codec, &csv, in, 1 + choice / 32);
	fuzz_cut(codec, &csv, in, in.n + 1, &ends);
	char *part = fuzz_padded(in, '"'); /* what lies behind must not count */
	const struct sl_str bytes = {part, in.n};
	struct sl_csv_reader with = sl_csv_reader_of(&csv, SL_STR_NULL), without;

	with.width = WIDTH;
	without = with;
	with.cells = cells[0];
	without.cells = cells[1];
	sl_csv_part(&with, bytes, sl_csv_bom(bytes));
	read_both(&with, &without, bytes, &ends);
	free(with.ends);
	free(part);
	return 0;
}
