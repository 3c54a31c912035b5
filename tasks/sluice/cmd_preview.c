/*
 * sluice preview: the first records of the first new input through codec, rules and contract, and
 * what becomes of each. Writes nothing anywhere: it is for mending a pipeline before its first run.
 */
#include "base/mem.h"
#include "data/text.h"
#include "run/help.h"
#include "run/output.h"
#include "tasks/collect/peek.h"
#include "tasks/normalize/rows.h"
#include "tasks/sluice/cmd.h"

#define EXCERPT_MAX 200 /* bytes of a record shown */

static const char *const formats[] = {"table", "json", NULL};

struct params {
	int64_t limit;
	int format;
};

static const struct sl_field fields[] = {
	SL_F_INT(struct params, limit, SL_F_FLAG, "10", 1, (int64_t)SL_PART_ROWS,
		 "most records read"),
	SL_F_ENUM(struct params, format, SL_F_FLAG, "table", formats, "how it is written"),
	SL_F_END,
};

/* What was read, and what became of it. */
struct preview {
	struct sl_run *run;
	const struct sl_source *source;
	struct sl_peek peek;
	bool fresh;	      /* the input is new */
	struct sl_buf absent; /* columns read that its header lacks */
	struct sl_buf unread; /* columns of its header that nothing reads */
	struct sl_batch batch;
};

static bool in_question(const struct preview *v, const struct sl_source *s)
{
	return !v->run->source || strcmp(v->run->source, s->name) == 0;
}

/* The first input in the order of sources: a new one, else one at all. */
static bool find_input(struct preview *v, size_t limit, struct sl_err *err)
{
	const struct sl_pipeline *p = v->run->p;

	for (int any = 0; any < 2; any++) {
		for (size_t i = 0; i < p->n_sources; i++) {
			bool found = false;

			if (!in_question(v, &p->sources[i]))
				continue;
			v->source = &p->sources[i];
			v->fresh = !any;
			sl_peek_release(&v->peek);
			if (!sl_peek_first(v->run, v->source, limit, any, &v->peek, &found, err))
				return sl_err_prefix(err, "source \"%s\"", v->source->name);
			if (found)
				return true;
		}
	}
	sl_err_set(err, SL_ERR_NO_INPUT, "pipeline \"%s\" has no input to show", p->name);
	return sl_err_hint(err, "see path of source \"%s\"", p->sources[0].name);
}

static bool make_rows(struct preview *v, struct sl_err *err)
{
	SL_ASSERT(v->source);
	const struct sl_codec *codec = v->source->codec;
	const struct sl_pipeline *p = v->run->p;
	const struct sl_str header = v->peek.header.n ? sl_buf_str(&v->peek.header) : SL_STR_NULL;
	void *decoder = NULL;

	sl_batch_init(&v->batch, &p->schema, SL_PART_ROWS);
	if (!codec->open(v->source->codec_params, &p->contract, header, &decoder, err))
		return sl_err_prefix(err, "input \"%s\"", sl_buf_z(&v->peek.input));
	if (codec->absent)
		codec->absent(decoder, &v->absent);
	sl_rows_unread(p, v->source, header, &v->unread);
	const bool ok = sl_rows_make(p, v->source, decoder, sl_buf_str(&v->peek.bytes),
				     v->peek.last, &v->batch, err);

	codec->close(decoder);
	return ok || sl_err_prefix(err, "input \"%s\"", sl_buf_z(&v->peek.input));
}

/* The kept rows' stored columns; out->text holds them. */
static bool lay_out_rows(struct preview *v, struct sl_output *out, struct sl_err *err)
{
	const size_t n = v->run->p->contract.n_stored;
	sl_cleanup(sl_freep) struct sl_db_col *cols = sl_xcalloc(n + 1, sizeof(*cols));
	sl_cleanup(sl_freep) struct sl_str *cells = sl_xcalloc(n + 1, sizeof(*cells));
	sl_cleanup(sl_freep) struct sl_buf *scratch = sl_xcalloc(n + 1, sizeof(*scratch));
	bool ok;

	for (size_t c = 0; c < n; c++)
		cols[c] = (struct sl_db_col){v->run->p->schema.cols[c].name,
					     v->run->p->schema.cols[c].type.kind};
	ok = sl_output_cols(out, cols, n, err);
	for (size_t row = 0; ok && row < v->batch.rows; row++) {
		if (v->batch.state[row] != SL_ROW_KEPT)
			continue;
		for (size_t c = 0; c < n; c++)
			cells[c] = sl_vec_text(&v->batch.cols[c], row, &scratch[c]);
		ok = sl_output_row(out, cols, n, cells, err);
	}
	for (size_t c = 0; c < n; c++)
		sl_buf_release(&scratch[c]);
	sl_output_end(out);
	return ok;
}

static struct sl_str record_of(const struct preview *v, const struct sl_reject *r)
{
	const struct sl_pos *pos = &v->batch.pos[r->row];

	return sl_str_sub(sl_buf_str(&v->peek.bytes), pos->offset, pos->length);
}

static void add_reject_text(const struct preview *v, const struct sl_reject *r, struct sl_buf *out)
{
	const struct sl_pos *pos = &v->batch.pos[r->row];

	sl_buf_addf(out, "rejected record %" PRIu32 " (byte %" PRIu64 ", %" PRIu32 " bytes): ",
		    r->row + 1, v->peek.offset + pos->offset, pos->length);
	if (r->field[0])
		sl_buf_addf(out, "%s: ", r->field);
	sl_buf_addf(out, "%s (%s)\n    ", r->reason, r->rule);
	sl_buf_add_escaped(out, sl_str_trim(record_of(v, r)), EXCERPT_MAX);
	sl_buf_addc(out, '\n');
}

static void add_counts_text(const struct preview *v, struct sl_buf *out)
{
	const struct sl_batch *b = &v->batch;

	sl_buf_addf(out, "records %zu: kept %zu, duplicates %zu, filtered %zu, rejected %zu%s\n",
		    b->rows, sl_batch_count(b, SL_ROW_KEPT), sl_batch_count(b, SL_ROW_DUP),
		    sl_batch_count(b, SL_ROW_FILTERED), sl_batch_count(b, SL_ROW_REJECTED),
		    v->peek.last ? ", the whole input" : "; --limit reads more");
}

static void add_text(const struct preview *v, const struct sl_output *rows, struct sl_buf *out)
{
	sl_buf_addf(out, "%s, source %s, %s \"", v->run->p->name, v->source->name,
		    v->fresh ? "new input" : "nothing new; input");
	sl_buf_add_escaped(out, sl_str_trim(sl_buf_str(&v->peek.input)), EXCERPT_MAX);
	sl_buf_adds(out, "\"\n");
	sl_buf_addstr(out, sl_buf_str(&rows->text));
	for (size_t i = 0; i < v->batch.n_rejects; i++)
		add_reject_text(v, &v->batch.rejects[i], out);
	if (v->absent.n)
		sl_buf_addf(out, "the header lacks columns, all their values are NULL: %s\n",
			    sl_buf_z(&v->absent));
	if (v->unread.n)
		sl_buf_addf(out, "the header has columns that nothing reads: %s\n",
			    sl_buf_z(&v->unread));
	add_counts_text(v, out);
}

static void add_key(struct sl_buf *out, const char *key, struct sl_str value)
{
	sl_buf_addf(out, ",\"%s\":", key);
	sl_buf_add_json(out, value);
}

static void add_reject_json(const struct preview *v, const struct sl_reject *r, struct sl_buf *out)
{
	sl_cleanup(sl_buf_release) struct sl_buf excerpt = SL_BUF_INIT;
	const struct sl_pos *pos = &v->batch.pos[r->row];

	sl_buf_add_escaped(&excerpt, sl_str_trim(record_of(v, r)), EXCERPT_MAX);
	sl_buf_addf(out, "{\"record\":%" PRIu32 ",\"offset\":%" PRIu64 ",\"length\":%" PRIu32,
		    r->row + 1, v->peek.offset + pos->offset, pos->length);
	add_key(out, "field", sl_str_of(r->field));
	add_key(out, "rule", sl_str_of(r->rule));
	add_key(out, "reason", sl_str_of(r->reason));
	add_key(out, "excerpt", sl_buf_str(&excerpt));
	sl_buf_addc(out, '}');
}

static void add_json(const struct preview *v, const struct sl_output *rows, struct sl_buf *out)
{
	const struct sl_batch *b = &v->batch;

	sl_buf_adds(out, "{\"pipeline\":");
	sl_buf_add_json(out, sl_str_of(v->run->p->name));
	add_key(out, "source", sl_str_of(v->source->name));
	add_key(out, "input", sl_buf_str(&v->peek.input));
	if (v->absent.n)
		add_key(out, "absent", sl_buf_str(&v->absent));
	if (v->unread.n)
		add_key(out, "unread", sl_buf_str(&v->unread));
	sl_buf_addf(out,
		    ",\"new\":%s,\"whole\":%s,\"records\":%zu,\"kept\":%zu,\"dup\":%zu,"
		    "\"filtered\":%zu,\"rejected\":%zu,\"rows\":",
		    v->fresh ? "true" : "false", v->peek.last ? "true" : "false", b->rows,
		    sl_batch_count(b, SL_ROW_KEPT), sl_batch_count(b, SL_ROW_DUP),
		    sl_batch_count(b, SL_ROW_FILTERED), sl_batch_count(b, SL_ROW_REJECTED));
	sl_buf_addstr(out, sl_str_trim(sl_buf_str(&rows->text)));
	sl_buf_adds(out, ",\n\"rejects\":[");
	for (size_t i = 0; i < b->n_rejects; i++) {
		sl_buf_adds(out, i ? ",\n" : "\n");
		add_reject_json(v, &b->rejects[i], out);
	}
	sl_buf_adds(out, "]}\n");
}

static bool show(struct preview *v, bool json, struct sl_err *err)
{
	sl_cleanup(sl_output_release) struct sl_output rows = {
		.format = json ? SL_OUTPUT_JSON : SL_OUTPUT_TABLE,
	};
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;

	if (!lay_out_rows(v, &rows, err))
		return false;
	if (json)
		add_json(v, &rows, &out);
	else
		add_text(v, &rows, &out);
	return sl_stdout(sl_buf_str(&out), err);
}

static void tell(struct preview *v)
{
	struct sl_result *r = &v->run->result;

	r->n_in = v->batch.rows;
	r->kept = sl_batch_count(&v->batch, SL_ROW_KEPT);
	r->dup = sl_batch_count(&v->batch, SL_ROW_DUP);
	r->filtered = sl_batch_count(&v->batch, SL_ROW_FILTERED);
	r->rejected = sl_batch_count(&v->batch, SL_ROW_REJECTED);
}

static void release(struct preview *v)
{
	sl_peek_release(&v->peek);
	sl_buf_release(&v->absent);
	sl_buf_release(&v->unread);
	sl_batch_release(&v->batch);
}

static bool run_preview(struct sl_run *run, const void *params, struct sl_err *err)
{
	const struct params *p = params;
	sl_cleanup(release) struct preview v = {.run = run};

	if (!find_input(&v, (size_t)p->limit, err) || !make_rows(&v, err))
		return false;
	tell(&v);
	return show(&v, p->format == 1, err);
}

const struct sl_stage sl_cmd_preview = {
	.name = "preview",
	.summary = "shows what would become of the first records, and writes nothing",
	.usage = "NAME|FILE [--source S] [--limit N] [--format table|json] [OPTION]…",
	.description =
		"Reads the first records of the first input that is new (or of the first one, if "
		"none is)\n"
		"through codec, rules and contract: kept rows as they would be stored, then every "
		"reject\n"
		"with field, reason, rule and the record's begin, unmasked. Nothing is collected, "
		"stored\n"
		"or recorded. It ends with 0 also when records are rejected.\n",
	.examples = "sluice preview orders\nsluice preview orders --limit 100 --format json\n"
		    "sluice preview orders --set drop.path='/data/new/*.csv'\n",
	.needs = SL_NEEDS_PIPELINE | SL_PIPELINE_ARG | SL_FINDS_HOME | SL_TAKES_INTERVAL |
		 SL_QUIET_RESULT,
	.params = fields,
	.params_size = sizeof(struct params),
	.run = run_preview,
};
