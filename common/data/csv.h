/*
 * CSV inside: the settings, what a record is made of, and who reads it. Private to codec_csv.c and
 * its neighbours: csv_cut.c finds where records end (collect), csv_read.c reads their cells
 * (normalize), csv_header.c knows which cell is which column. All follow the same rules: a quote
 * opens only at a cell's begin, and LF, CRLF or a lone CR outside quotes ends a record, so that a
 * file of either kind gives the same rows. Blank lines are no records.
 */
#ifndef SL_DATA_CSV_H
#define SL_DATA_CSV_H

#include "data/codec.h"
#include "data/encoding.h"

#define SL_CSV_COLUMNS 16384 /* most of a record */

enum sl_csv_duplicates { SL_CSV_REFUSE, SL_CSV_SUFFIX };

struct sl_csv {
	const char *delimiter; /* "auto" or one character */
	const char *quote;
	const char *escape;
	struct sl_texts nulls;
	bool header;
	int64_t skip;	/* lines before the header */
	int duplicates; /* enum sl_csv_duplicates */
	int ragged;
	int encoding; /* enum sl_encoding */
	int invalid;  /* enum in codec_csv.c */
};

/* -1 when no cell is ever quoted. */
static inline int sl_csv_quote(const struct sl_csv *p)
{
	return p->quote && p->quote[0] ? (unsigned char)p->quote[0] : -1;
}

/* -1 when there is none but the doubled quote. */
static inline int sl_csv_escape(const struct sl_csv *p)
{
	return p->escape && p->escape[0] ? (unsigned char)p->escape[0] : -1;
}

/* As struct sl_codec says; params is a struct sl_csv. */
bool sl_csv_cut(const void *params, struct sl_cutter *c, const char *p, size_t from, size_t n,
		struct sl_cut_event *ev);

/* The delimiter of a file with this header record, as the cutter found it. */
char sl_csv_delimiter(const struct sl_csv *p, struct sl_str header);

struct sl_csv_cell {
	struct sl_str text; /* between the quotes when quoted */
	bool quoted;
	bool escaped; /* holds doubled quotes or escape characters: see sl_csv_plain */
};

struct sl_csv_record {
	struct sl_pos pos; /* without the line end */
	size_t n;	   /* cells; those beyond the reader's width are counted only */
	const char *fault; /* NULL: fine */
	size_t open_line;  /* of the quote that is never closed, from 1; 0: all are */
	bool blank;
};

/* Reads records of one form. */
struct sl_csv_reader {
	int quote, escape; /* -1: none */
	char delimiter;
	size_t width;		   /* cells of a whole record; without a header those needed */
	struct sl_csv_cell *cells; /* width + 1: of the record read last */
	/* the part at hand */
	uint32_t *ends; /* of its cells, where they are known ahead */
	size_t n_ends, cap_ends;
	size_t next;  /* the next of them */
	bool indexed; /* they are */
};

/* A part is to be read, from byte `from` on. bytes are followed by SL_DECODE_PADDING. */
void sl_csv_part(struct sl_csv_reader *d, struct sl_str bytes, size_t from);

/* One record from bytes.p[at], at < bytes.n; returns the offset of the next one. */
size_t sl_csv_record(struct sl_csv_reader *d, struct sl_str bytes, size_t at,
		     struct sl_csv_record *r);

/* The text of a cell that is escaped, without the doubling and escaping. */
struct sl_str sl_csv_plain(const struct sl_csv_reader *d, struct sl_str s, struct sl_arena *arena);

/*
 * Finds each column's cell (cell_of: by column of the contract, -1: not in the record) by the names
 * in the header, or without one by numbers; d's width and cells become those of whole records.
 * SL_ERR_DATA: header unusable, a column twice, a required one or all of them missing;
 * SL_ERR_CONFIG: "from" is no cell's number.
 */
SL_NODISCARD bool sl_csv_bind(struct sl_csv_reader *d, const struct sl_csv *p,
			      const struct sl_contract *contract, struct sl_str header,
			      ptrdiff_t *cell_of, struct sl_err *err);

/* As struct sl_codec says. */
SL_NODISCARD bool sl_csv_names(const void *params, struct sl_str header, struct sl_arena *arena,
			       struct sl_texts *ret, struct sl_err *err);

/* A reader of files with this header; cells is NULL. */
struct sl_csv_reader sl_csv_reader_of(const struct sl_csv *p, struct sl_str header);

/* Bytes of the byte order mark that s begins with: 0 or 3. */
static inline size_t sl_csv_bom(struct sl_str s)
{
	return sl_str_starts(s, "\xef\xbb\xbf") ? 3 : 0;
}

#endif
