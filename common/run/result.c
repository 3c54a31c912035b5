/*
 * The result line. Every text is cut by its length as JSON, so that the whole stays under 8 KiB
 * whatever the names and the error hold.
 */
#include "run/result.h"

#include "base/file.h"
#include "base/num.h"

#define SHORT_MAX 512 /* bytes of a name, as JSON */
#define STATUS_MAX ((size_t)64 << 10)
#define LONG_MAX 3072 /* bytes of the error and of its hint, as JSON */

/* Cuts text at a letter's begin so that its JSON form has at most max bytes. */
static void add_text(struct sl_buf *out, const char *key, const char *text, size_t max)
{
	sl_cleanup(sl_buf_release) struct sl_buf json = SL_BUF_INIT;
	struct sl_str s = sl_str_of(text);

	if (!text || !text[0])
		return;
	if (s.n > max)
		s.n = max;
	for (;;) {
		while (s.n > 0 && s.n < strlen(text) && ((unsigned char)text[s.n] & 0xC0) == 0x80)
			s.n--;
		sl_buf_clear(&json);
		sl_buf_add_json(&json, s);
		if (json.n <= max)
			break;
		s.n = s.n * 3 / 4;
	}
	sl_buf_addf(out, "%s\"%s\":%s", out->p[out->n - 1] == '{' ? "" : ",", key, sl_buf_z(&json));
}

static void add_number(struct sl_buf *out, const char *key, uint64_t value)
{
	sl_buf_addf(out, ",\"%s\":%" PRIu64, key, value);
}

/* µs as seconds with three digits, without floating point. */
static void add_seconds(struct sl_buf *out, const char *key, int64_t us)
{
	sl_buf_addf(out, ",\"%s\":%" PRId64 ".%03" PRId64, key, us / 1000000, us % 1000000 / 1000);
}

static void add_counts(const struct sl_result *r, struct sl_buf *out)
{
	add_number(out, "entries", r->entries);
	add_number(out, "partitions", r->partitions);
	add_number(out, "n_in", r->n_in);
	add_number(out, "kept", r->kept);
	add_number(out, "dup", r->dup);
	add_number(out, "filtered", r->filtered);
	add_number(out, "rejected", r->rejected);
	add_number(out, "inserted", r->inserted);
	add_number(out, "updated", r->updated);
	add_number(out, "unchanged", r->unchanged);
	add_number(out, "stale", r->stale);
	add_number(out, "superseded", r->superseded);
	add_number(out, "removed", r->removed);
	add_number(out, "written", r->written);
	add_number(out, "pending", r->pending);
}

/* Of this program alone: getrusage() would go on with the peak of whoever executed it. */
static uint64_t peak_kib(void)
{
	static const char key[] = "VmHWM:";
	sl_cleanup(sl_buf_release) struct sl_buf status = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;
	uint64_t kib = 0;

	if (!sl_file_read("/proc/self/status", STATUS_MAX, &status, &err))
		return 0;

	const char *at = strstr(sl_buf_z(&status), key);
	struct sl_str rest = at ? sl_str_trim(sl_str_of(at + sizeof(key) - 1)) : SL_STR_NULL;
	struct sl_str digits = SL_STR_NULL;

	return sl_str_next(&rest, ' ', &digits) && sl_num_u64(digits, UINT64_MAX, &kib) ? kib : 0;
}

void sl_result_json(const struct sl_result *r, int exit_code, const struct sl_err *err,
		    int64_t wall_us, struct sl_buf *out)
{
	sl_buf_addc(out, '{');
	add_text(out, "stage", r->stage ? r->stage : "sluice", SHORT_MAX);
	add_text(out, "pipeline", r->pipeline, SHORT_MAX);
	add_text(out, "source", r->source, SHORT_MAX);
	add_text(out, "run", r->run, SHORT_MAX);
	sl_buf_addf(out, ",\"exit\":%d", exit_code);
	if (err && err->kind != SL_ERR_NONE) {
		add_text(out, "kind", sl_err_kind_name(err->kind), SHORT_MAX);
		add_text(out, "error", err->msg, LONG_MAX);
		add_text(out, "hint", err->hint, SHORT_MAX);
	}
	add_counts(r, out);
	if (r->retry_after_us > 0)
		add_seconds(out, "retry_after_s", r->retry_after_us);
	add_seconds(out, "seconds", wall_us);
	add_number(out, "peak_kib", peak_kib());
	add_text(out, "note", r->note, SHORT_MAX);
	sl_buf_addc(out, '}');
}
