/*
 * The contract: what columns a kept row has, of which types, within which limits. A batch's schema
 * is the contract's columns first (these are stored), then raw fields and the columns that rules
 * make (these are not). A value that breaks the contract rejects its row with field and rule.
 */
#ifndef SL_DATA_CONTRACT_H
#define SL_DATA_CONTRACT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "data/batch.h"
#include "data/field.h"
#include "data/type.h"

#define SL_ROW_FORMAT 1 /* part of rev: raised when the meaning of stored rows changes */

#define SL_REST "*" /* as a column's from: what no other column reads of a JSON record */

/* One column of the contract, or one raw field (then only name, type, from, zone count). */
struct sl_contract_col {
	const char *name;
	struct sl_type type;
	struct sl_place at;
	/* keys of the YAML mapping */
	const char *type_text;	 /* type: */
	const char *from;	 /* name in the record, or SL_REST; default: the column's name */
	bool required;		 /* NULL rejects the row */
	const char *min, *max;	 /* inclusive, as text */
	struct sl_texts choices; /* enum: */
	const char *zone_name;	 /* zone: for timestamps without offset */
	const struct sl_zone *zone;
	int ambiguous; /* enum: reject (default), earlier, later */
	bool computed; /* set by a rule (into), so not read from the record */
	/* limits in the type's own form, set by prepare */
	bool has_min, has_max;
	int64_t min_i, max_i;
	double min_f, max_f;
};

struct sl_contract {
	struct sl_contract_col *cols; /* stored columns, then raw fields */
	size_t n_stored;
	size_t n; /* stored + raw */
};

/* The fields of one column's mapping: type, from, required, min, max, enum, zone, ambiguous. */
extern const struct sl_field sl_contract_fields[];

enum sl_ambiguous { SL_AMBIGUOUS_REJECT, SL_AMBIGUOUS_EARLIER, SL_AMBIGUOUS_LATER };

/*
 * Turns a column's texts (type_text, zone_name, min, max, choices) into type, zone and limits; from
 * becomes the column's name when absent. Problems go to diags at c->at; true when there is none.
 */
bool sl_contract_prepare(struct sl_contract_col *c, struct sl_diags *diags);

/*
 * A raw value as the codec found it. kind says what the text is; the contract turns it into the
 * column's type.
 */
enum sl_raw_kind {
	SL_RAW_NULL,   /* absent, JSON null, unquoted empty CSV cell */
	SL_RAW_TEXT,   /* text: any bytes (checked here: UTF-8, no NUL) */
	SL_RAW_NUMBER, /* text: the number as it stands in the record */
	SL_RAW_BOOL,   /* text: "true" or "false" */
	SL_RAW_LIST,   /* list of texts and numbers */
	SL_RAW_OTHER,  /* an object, a list of other things: only text columns take it, as it stands
			*/
};

struct sl_raw {
	enum sl_raw_kind kind;
	struct sl_str text;  /* for SL_RAW_LIST too: the list as it stands */
	struct sl_list list; /* SL_RAW_LIST */
	struct sl_str src; /* when text is a copy: its bytes in the part, for places in messages */
};

/*
 * Stores raw into column col of row, or rejects the row. Rules: an empty text is NULL for every
 * type but text and list<text> (there it is an empty list); int64 takes an optional sign and digits
 * only; decimal takes no more digits than its scale (nothing is rounded); bool takes
 * true/false/1/0; a number is text for a text column, as it stands; text keeps its bytes; a
 * timestamp is never read from a number. Text that is not UTF-8 (rule "UTF-8") or holds NUL (rule
 * "NUL") is a reject whose reason says the byte's place in the record.
 */
void sl_contract_store(const struct sl_contract_col *c, struct sl_batch *b, size_t row, size_t col,
		       const struct sl_raw *raw);

/* -1: v's value in row, which is not NULL, is below c's min, 1: above its max, 0: neither. */
int sl_contract_side(const struct sl_contract_col *c, const struct sl_vec *v, size_t row);

/* required, min/max, enum of every kept row's stored columns; after the rules. */
void sl_contract_check(const struct sl_contract *c, struct sl_batch *b);

#endif
