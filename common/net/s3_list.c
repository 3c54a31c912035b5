/*
 * Listing, page by page: keys, and uploads in parts that nobody finished. Names come
 * percent-encoded, so that any byte in them survives XML.
 */
#include "base/mem.h"
#include "base/num.h"
#include "net/s3_private.h"
#include "net/s3_xml.h"

static void release_call(struct sl_s3_call *c)
{
	sl_s3_call_release(c);
}

/* "a%20b+c" → "a b c" (a plus is a blank in this encoding, a plus itself %2B). */
static void decode(struct sl_str s, struct sl_buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '%' && i + 2 < s.n && sl_hex_digit(s.p[i + 1]) >= 0 &&
		    sl_hex_digit(s.p[i + 2]) >= 0) {
			sl_buf_addc(out, (char)(sl_hex_digit(s.p[i + 1]) * 16 +
						sl_hex_digit(s.p[i + 2])));
			i += 2;
		} else {
			sl_buf_addc(out, s.p[i] == '+' ? ' ' : s.p[i]);
		}
	}
}

/* An element's text; names are decoded where the answer says that they are encoded. */
static void name_of(struct sl_str doc, const char *tag, bool encoded, struct sl_buf *out)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;

	sl_s3_text(doc, tag, &text);
	sl_buf_clear(out);
	if (encoded)
		decode(sl_buf_str(&text), out);
	else
		sl_buf_addstr(out, sl_buf_str(&text));
}

static sl_time time_of(struct sl_str doc, const char *tag)
{
	const struct sl_str text = sl_xml_first(doc, tag);
	sl_time t = 0;

	return text.p && sl_time_parse(text, NULL, &t) == SL_TIME_OK ? t : 0;
}

void sl_s3_listing_release(struct sl_s3_listing *l)
{
	sl_buf_release(&l->name);
	sl_buf_release(&l->token);
}

/* The key below base; NULL for one that is not ours (a store that lists more than was asked for). */
static const char *below_base(const struct sl_s3_listing *l)
{
	const size_t n = strlen(l->s->base);

	return sl_str_starts(sl_buf_str(&l->name), l->prefix) ? sl_buf_z(&l->name) + n : NULL;
}

static void tell(struct sl_s3_listing *l, bool is_dir, sl_time changed)
{
	struct sl_s3_item item = {.is_dir = is_dir, .changed = changed};

	if (is_dir && l->name.n && l->name.p[l->name.n - 1] == '/')
		l->name.p[--l->name.n] = '\0';
	item.key = below_base(l);
	if (item.key && item.key[0])
		l->stopped = l->stopped || !l->fn(l->ctx, &item);
}

/* Keys and directories stand in two lists, each sorted; who needs one order sorts. */
static void tell_page(struct sl_s3_listing *l, struct sl_str doc)
{
	const bool encoded = sl_str_eqz(sl_xml_first(doc, "EncodingType"), "url");
	struct sl_str rest = doc, one;

	while (!l->stopped && sl_xml_next(&rest, "Contents", &one)) {
		name_of(one, "Key", encoded, &l->name);
		tell(l, false, time_of(one, "LastModified"));
	}
	rest = doc;
	while (!l->stopped && sl_xml_next(&rest, "CommonPrefixes", &one)) {
		name_of(one, "Prefix", encoded, &l->name);
		tell(l, true, 0);
	}
}

bool sl_s3_take_page(struct sl_s3_listing *l, struct sl_str doc, bool *ret_more, struct sl_err *err)
{
	const struct sl_str truncated = sl_xml_first(doc, "IsTruncated");
	sl_cleanup(sl_buf_release) struct sl_buf next = SL_BUF_INIT;

	if (!truncated.p)
		return sl_err_set(err, SL_ERR_PROTOCOL, "\"%s\" does not list as S3 does",
				  l->s->host);
	tell_page(l, doc);
	sl_s3_text(doc, "NextContinuationToken", &next);
	*ret_more = sl_str_eqz(truncated, "true") && next.n;
	if (*ret_more && sl_str_eq(sl_buf_str(&next), sl_buf_str(&l->token)))
		return sl_err_set(err, SL_ERR_PROTOCOL, "\"%s\" lists one page again and again",
				  l->s->host);
	sl_buf_clear(&l->token);
	sl_buf_addstr(&l->token, sl_buf_str(&next));
	return true;
}

static bool list_page(struct sl_s3_listing *l, const char *after, bool *ret_more,
		      struct sl_err *err)
{
	sl_cleanup(release_call) struct sl_s3_call c = SL_S3_CALL("GET", "list", NULL);

	sl_s3_param(&c, "list-type", "2");
	sl_s3_param(&c, "encoding-type", "url");
	sl_s3_param(&c, "prefix", l->prefix);
	if (l->dirs)
		sl_s3_param(&c, "delimiter", "/");
	if (l->token.n)
		sl_s3_param(&c, "continuation-token", sl_buf_z(&l->token));
	else if (after)
		sl_s3_param(&c, "start-after", after);
	if (!sl_s3_call(l->s, &c, err))
		return false;
	return sl_s3_take_page(l, sl_buf_str(&c.answer.body), ret_more, err);
}

bool sl_s3_list(struct sl_s3 *s, const char *prefix, const char *after, bool dirs, sl_s3_item_fn fn,
		void *ctx, struct sl_err *err)
{
	sl_cleanup(sl_freep) char *whole = sl_xasprintf("%s%s", s->base, prefix);
	sl_cleanup(sl_freep) char *from = after ? sl_xasprintf("%s%s", s->base, after) : NULL;
	sl_cleanup(sl_s3_listing_release) struct sl_s3_listing l = {
		.s = s, .prefix = whole, .dirs = dirs, .fn = fn, .ctx = ctx};

	for (bool more = true; more && !l.stopped;)
		if (!list_page(&l, from, &more, err))
			return false;
	return true;
}

/* --- uploads in parts --- */

static bool give_up(struct sl_s3 *s, const char *key, const char *id, struct sl_err *err)
{
	sl_cleanup(release_call) struct sl_s3_call c = SL_S3_CALL("DELETE", "give up", key);

	sl_s3_param(&c, "uploadId", id);
	return sl_s3_do(s, &c, err) && (c.answer.status == 404 || sl_s3_expect(s, &c, err));
}

static bool sweep_page(struct sl_s3_listing *l, sl_time before, struct sl_str doc, size_t *ret_n,
		       struct sl_err *err)
{
	const bool encoded = sl_str_eqz(sl_xml_first(doc, "EncodingType"), "url");
	sl_cleanup(sl_buf_release) struct sl_buf id = SL_BUF_INIT;
	struct sl_str one;

	while (sl_xml_next(&doc, "Upload", &one)) {
		const sl_time begun = time_of(one, "Initiated");

		name_of(one, "Key", encoded, &l->name);
		if (!begun || begun >= before || !below_base(l))
			continue;
		sl_s3_text(one, "UploadId", &id);
		if (!give_up(l->s, below_base(l), sl_buf_z(&id), err))
			return false;
		(*ret_n)++;
	}
	return true;
}

/* The first page at a time: what is given up is gone from the next one. */
bool sl_s3_sweep(struct sl_s3 *s, sl_time before, size_t *ret_n, struct sl_err *err)
{
	sl_cleanup(sl_s3_listing_release) struct sl_s3_listing l = {.s = s, .prefix = s->base};

	for (;;) {
		sl_cleanup(release_call) struct sl_s3_call c = SL_S3_CALL("GET", "list", NULL);
		const size_t swept = *ret_n;

		sl_s3_param(&c, "uploads", "");
		sl_s3_param(&c, "encoding-type", "url");
		sl_s3_param(&c, "prefix", s->base);
		if (!sl_s3_call(s, &c, err))
			return false;
		const struct sl_str doc = sl_buf_str(&c.answer.body);
		if (!sweep_page(&l, before, doc, ret_n, err))
			return false;
		if (*ret_n == swept || !sl_str_eqz(sl_xml_first(doc, "IsTruncated"), "true"))
			return true;
	}
}
