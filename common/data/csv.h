/*
 * The settings of the CSV codec, and its cutter.
 */
#ifndef SL_DATA_CSV_H
#define SL_DATA_CSV_H

#include "data/codec.h"

struct sl_csv {
	const char *delimiter;
	const char *quote;
	struct sl_texts nulls;
	bool header;
	int ragged;
	int encoding;
};

/* -1 when no cell is ever quoted. */
static inline int sl_csv_quote(const struct sl_csv *p)
{
	return p->quote && p->quote[0] ? (unsigned char)p->quote[0] : -1;
}

static inline char sl_csv_delimiter(const struct sl_csv *p)
{
	return p->delimiter && p->delimiter[0] ? p->delimiter[0] : ',';
}

/* As struct sl_codec says; params is a struct sl_csv. */
bool sl_csv_cut(const void *params, struct sl_cutter *c, const char *p, size_t from, size_t n,
		struct sl_cut_event *ev);

#endif
