/* Regular expressions: see pattern.h. */
#include "data/pattern.h"

#define JIT_STACK_START ((size_t)32 * 1024)
#define JIT_STACK_MAX ((size_t)1024 * 1024)
#define PREFIX_MIN 3  /* bytes: shorter ones PCRE2 finds as quickly */
#define PREFIX_MAX 32 /* bytes: a bound for texts made to be slow */

/*
 * Letters up to the first that means something else, without the last one, which may be repeated or
 * left out. Alternatives need not begin with them, and \\G asks where the search began.
 */
static struct sl_str find_prefix(const char *text)
{
	size_t n = strcspn(text, "\\^$.[|()?*+{");

	if (n == 0 || strchr(text, '|') || strstr(text, "\\G"))
		return SL_STR("");
	if (text[n])
		for (n--; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80;)
			n--;
	if (n < PREFIX_MIN)
		return SL_STR("");
	return (struct sl_str){text, n < PREFIX_MAX ? n : PREFIX_MAX};
}

bool sl_pattern_make(struct sl_pattern *p, const char *text, bool ignore_case, struct sl_err *err)
{
	uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C;
	int code;
	PCRE2_SIZE at;
	PCRE2_UCHAR why[160];

	if (ignore_case)
		options |= PCRE2_CASELESS;
	p->code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, options, &code, &at, NULL);
	if (!p->code) {
		pcre2_get_error_message(code, why, sizeof(why));
		return sl_err_set(err, SL_ERR_CONFIG, "pattern \"%s\": %s at character %zu", text,
				  (const char *)why, (size_t)at + 1);
	}
	if (!ignore_case)
		sl_buf_addstr(&p->prefix, find_prefix(text));
	p->match = pcre2_match_data_create_from_pattern(p->code, NULL);
	p->context = pcre2_match_context_create(NULL);
	if (!p->match || !p->context)
		SL_BUG("out of memory");
	pcre2_set_match_limit(p->context, SL_MATCH_LIMIT);
	/* Without JIT (a build that lacks it) the interpreter gives the same results. */
	if (pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE) == 0) {
		p->stack = pcre2_jit_stack_create(JIT_STACK_START, JIT_STACK_MAX, NULL);
		pcre2_jit_stack_assign(p->context, NULL, p->stack);
	}
	return true;
}

bool sl_pattern_compile(struct sl_pattern *p, const char *text, bool ignore_case,
			struct sl_rule_scope *s)
{
	struct sl_err err = SL_ERR_INIT;

	if (sl_pattern_make(p, text, ignore_case, &err))
		return true;
	sl_diag_add(s->diags, SL_E1013, sl_rule_place(s, "pattern"), "%s", err.msg);
	return false;
}

/* Moves *from to where the first match can begin; false: there is none. */
static bool skip_to_prefix(const struct sl_pattern *p, struct sl_str text, size_t *from)
{
	const char *at;

	if (p->prefix.n == 0)
		return true;
	at = sl_str_search(sl_str_sub(text, *from, text.n), sl_buf_str(&p->prefix));
	if (at)
		*from = (size_t)(at - text.p);
	return at != NULL;
}

int sl_pattern_find(const struct sl_pattern *p, struct sl_str text, size_t from, uint32_t options)
{
	PCRE2_SPTR subject;
	int rc;

	text.p = text.p ? text.p : "";
	subject = (PCRE2_SPTR)text.p;
	if (!skip_to_prefix(p, text, &from))
		return 0;
	/* Batches hold valid UTF-8 only, so neither of them checks it. */
	rc = p->stack ? pcre2_jit_match(p->code, subject, text.n, from, options, p->match,
					p->context)
		      : pcre2_match(p->code, subject, text.n, from, options | PCRE2_NO_UTF_CHECK,
				    p->match, p->context);

	return rc == PCRE2_ERROR_NOMATCH ? 0 : rc;
}

int sl_pattern_extract(const struct sl_pattern *p, struct sl_str text, struct sl_str *ret)
{
	const int groups = sl_pattern_find(p, text, 0, 0);
	const PCRE2_SIZE *v = pcre2_get_ovector_pointer(p->match);
	int g = 0;

	if (groups <= 0)
		return groups;
	for (int i = 1; i < groups && g == 0; i++)
		if (v[2 * i] != PCRE2_UNSET)
			g = i;
	/* \K can put the begin behind the end. */
	if (v[2 * g + 1] < v[2 * g])
		*ret = (struct sl_str){text.p, 0};
	else
		*ret = (struct sl_str){text.p + v[2 * g], v[2 * g + 1] - v[2 * g]};
	return 1;
}

void sl_pattern_reject(int code, struct sl_batch *b, size_t row, const char *field,
		       const char *rule)
{
	PCRE2_UCHAR why[120];

	pcre2_get_error_message(code, why, sizeof(why));
	sl_batch_reject(b, row, field, rule, "the pattern gave up: %s", (const char *)why);
}

void sl_pattern_release(struct sl_pattern *p)
{
	pcre2_code_free(p->code);
	pcre2_match_data_free(p->match);
	pcre2_match_context_free(p->context);
	pcre2_jit_stack_free(p->stack);
	sl_buf_release(&p->prefix);
	*p = (struct sl_pattern){.code = NULL};
}
