/* Three statements over sluice.published; each change asks for what was read before. */
#include "store/published.h"

#include "base/num.h"

#define WHOSE " where pipeline = $1 and documents = $2 and target = $3"

static bool take_row(void *ctx, const struct sl_db_col *cols, size_t n_cols,
		     const struct sl_str *cells, struct sl_err *err)
{
	struct sl_published *p = ctx;
	int64_t finished;

	(void)cols;
	(void)n_cols;
	if (!sl_num_i64(cells[1], 0, INT64_MAX, &p->mark.n) ||
	    !sl_num_i64(cells[2], INT64_MIN, INT64_MAX, &p->mark.word) ||
	    !sl_num_i64(cells[3], 0, INT64_MAX, &p->change) ||
	    !sl_num_i64(cells[4], 0, 1, &finished))
		return sl_err_set(err, SL_ERR_CONFIG, "table sluice.published is damaged");
	snprintf(p->spec, sizeof(p->spec), SL_STR_FMT, SL_STR_ARG(cells[0]));
	p->mark.finished = finished;
	return true;
}

bool sl_published_read(const struct sl_published_key *k, struct sl_published *ret,
		       struct sl_err *err)
{
	static const char sql[] = "select spec, n, word, change, finished"
				  " from sluice.published" WHOSE;
	const char *params[] = {k->pipeline, k->documents, k->target};

	*ret = (struct sl_published){.mark = {.finished = true}};
	return k->engine->query(k->db, sql, params, 3, NULL, take_row, ret, err);
}

static bool tell_begun(const struct sl_published_key *k, struct sl_err *err)
{
	sl_err_set(err, SL_ERR_AGAIN,
		   "another publish of documents \"%s\" has begun, or the database was restored",
		   k->documents);
	return sl_err_hint(err, "run sluice publish again");
}

static const char *number_text(int64_t n, char out[24])
{
	snprintf(out, 24, "%" PRId64, n);
	return out;
}

bool sl_published_take(const struct sl_published_key *k, const struct sl_published *before,
		       struct sl_doc_mark next, bool lost, struct sl_err *err)
{
	static const char insert[] =
		"insert into sluice.published (pipeline, documents, target, n, word, finished,"
		" spec, change) select $1, $2, $3, cast($4 as bigint), cast($5 as bigint), 0, '', 0"
		" where not exists (select 1 from sluice.published" WHOSE ")";
	static const char update[] =
		"update sluice.published set n = cast($4 as bigint), word = cast($5 as bigint),"
		" finished = 0, spec = $6" WHOSE " and word = cast($7 as bigint)";
	const bool first = before->mark.n == 0;
	char number[24], word[24], old_word[24];
	const char *params[] = {k->pipeline,
				k->documents,
				k->target,
				number_text(next.n, number),
				number_text(next.word, word),
				lost ? "" : before->spec,
				number_text(before->mark.word, old_word)};
	uint64_t n = 0;

	if (!k->engine->exec(k->db, first ? insert : update, params, first ? 5 : 7, &n, err)) {
		if (first && err->kind == SL_ERR_DATA) /* two at the same time: the key is unique */
			return tell_begun(k, err);
		return false;
	}
	return n == 1 || tell_begun(k, err);
}

bool sl_published_finish(const struct sl_published_key *k, struct sl_doc_mark mark,
			 const char *spec, int64_t change, struct sl_err *err)
{
	static const char sql[] =
		"update sluice.published set finished = 1, spec = $4,"
		" change = cast($5 as bigint)" WHOSE " and word = cast($6 as bigint)";
	char number[24], word[24];
	const char *params[] = {k->pipeline,
				k->documents,
				k->target,
				spec,
				number_text(change, number),
				number_text(mark.word, word)};
	uint64_t n = 0;

	return k->engine->exec(k->db, sql, params, 6, &n, err) && (n == 1 || tell_begun(k, err));
}
