/*
 * Records as bytes: in the format of the source's codec, one after the other into one file, so that
 * each one's place in it is known.
 */
#ifndef GENERATE_RECORD_H
#define GENERATE_RECORD_H

#include "base/file.h"
#include "tasks/generate/profile.h"

enum record_format { RECORD_CSV, RECORD_JSON, RECORD_JSONL };

struct record_form {
	enum record_format format;
	const char *ending;	       /* of files: "csv" */
	char delimiter, quote, escape; /* CSV; escape '\0': quotes are doubled */
	unsigned skip;		       /* lines before the header */
};

/* From the source's codec and its settings. SL_ERR_CONFIG: one that we do not write. */
SL_NODISCARD bool record_form_of(const struct sl_source *source, struct record_form *ret,
				 struct sl_err *err);

/* One version of an entity, spoiled or whole (spoil NULL), without separator. */
void record_write(const struct record_form *form, const struct sample *s, const struct spoil *spoil,
		  struct sl_buf *out);

/* A file that is being written; gets its name when it is whole. */
struct record_file {
	const char *name; /* without the directory */
	struct sl_tmpfile tmp;
	struct sl_buf bytes; /* not yet written */
	uint64_t begun;	     /* offset in the file of bytes' first */
	uint64_t rows, spoiled;
};

SL_NODISCARD bool record_file_begin(struct record_file *f, const struct record_form *form,
				    const struct profile *p, const char *dir, struct sl_err *err);
/* *ret_offset: where the record begins. */
SL_NODISCARD bool record_file_add(struct record_file *f, const struct record_form *form,
				  struct sl_str record, uint64_t *ret_offset, struct sl_err *err);
SL_NODISCARD bool record_file_end(struct record_file *f, const struct record_form *form,
				  const char *dir, struct sl_err *err);
void record_file_release(struct record_file *f);

#endif
