/*
 * The right answers beside the records, in DIR/oracle: what a run over the files must make of them.
 *
 *	accepted.jsonl	every row that is kept, as "sluice query --format jsonl" prints it
 *	current.jsonl	the current row of each key, where there are keys
 *	rejects.jsonl	{"file","byte_offset","byte_length","field","rule"} of every reject
 *	summary.json	counts, over all and of each file
 */
#ifndef GENERATE_ORACLE_H
#define GENERATE_ORACLE_H

#include "base/file.h"
#include "tasks/generate/profile.h"
#include "tasks/generate/record.h"

struct oracle_file {
	const char *name;
	struct sl_tmpfile tmp;
	struct sl_buf bytes;
};

struct oracle {
	const struct sl_pipeline *p;
	const struct profile *profile;
	char *dir;
	struct oracle_file accepted, current, rejects;
	struct sl_buf line, scratch, files; /* files: JSON, one object each */
	uint64_t n_rows, n_rejects, n_current;
};

SL_NODISCARD bool oracle_begin(struct oracle *o, const struct sl_pipeline *p,
			       const struct profile *profile, const char *dir, struct sl_err *err);
SL_NODISCARD bool oracle_accept(struct oracle *o, const struct sample *s, struct sl_err *err);
SL_NODISCARD bool oracle_current(struct oracle *o, const struct sample *s, struct sl_err *err);
SL_NODISCARD bool oracle_reject(struct oracle *o, const struct spoil *spoil, const char *file,
				uint64_t offset, size_t length, struct sl_err *err);
void oracle_file_done(struct oracle *o, const struct record_file *f);
/* summary: begun as a JSON object without its end: "{…". */
SL_NODISCARD bool oracle_end(struct oracle *o, struct sl_buf *summary, struct sl_err *err);
void oracle_release(struct oracle *o);

#endif
