/*
 * Interface of the module that reads one JSON record (engines/simdjson.cpp): values of the wanted
 * fields, every other value checked too. The module keeps what it needs between records; nothing is
 * allocated per record but texts with escapes and lists, in the caller's arena.
 */
#ifndef SL_DATA_JSON_READER_H
#define SL_DATA_JSON_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/str.h"
#include "data/contract.h"

#define SL_JSON_DEPTH 64 /* most levels of a record */
#define SL_JSON_NOWHERE ((size_t)-1)

enum sl_json_problem {
	SL_JSON_FINE,
	SL_JSON_SURROGATE, /* an escape is half of a surrogate pair: no text */
	SL_JSON_TWICE,	   /* the key stands twice in its object */
};

struct sl_json_value {
	struct sl_raw raw;
	enum sl_json_problem problem;
};

/* Why a record is no JSON object. */
struct sl_json_fault {
	const char *reason; /* static */
	size_t field;	    /* index of the wanted field whose value it is, or SL_JSON_NOWHERE */
	size_t offset;	    /* in the record, bytes, or SL_JSON_NOWHERE */
};

struct sl_json_reader;

struct sl_json_engine {
	/*
	 * paths: the wanted fields. A path is the name of a key of the record; when there is none,
	 * its dots lead into nested objects, where what is left may again be one key. SL_REST, once: an object of the record's keys that no
	 * other path begins with, as they stand there; absent when there is none. Borrowed until
	 * close. capacity: bytes of the usual greatest record. Returns owned.
	 */
	struct sl_json_reader *(*open)(const struct sl_str *paths, size_t n, size_t capacity);
	/*
	 * Reads one record, which is followed by 64 readable bytes, into values (n of them, absent
	 * ones SL_RAW_NULL). Texts are views into the record or lie in arena. True: fault->reason
	 * stays; false: fault filled.
	 */
	bool (*read)(struct sl_json_reader *r, struct sl_str record, struct sl_arena *arena,
		     struct sl_json_value *values, struct sl_json_fault *fault);
	void (*close)(struct sl_json_reader *r);
};

#endif
