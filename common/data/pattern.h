/*
 * Regular expressions: PCRE2 with UTF and UCP (\s also means U+00A0 and U+202F),
 * compiled to machine code. A pattern that needs more than SL_MATCH_LIMIT steps over one text gives
 * up instead of holding up the run. Where every match begins with the same few letters, these are
 * looked for first, several times as fast as the pattern itself.
 */
#ifndef SL_DATA_PATTERN_H
#define SL_DATA_PATTERN_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/buf.h"
#include "data/rule.h"

#define SL_MATCH_LIMIT 100000

struct sl_pattern {
	pcre2_code *code;
	pcre2_match_data *match;
	pcre2_match_context *context;
	pcre2_jit_stack *stack; /* NULL: the interpreter runs it */
	struct sl_buf prefix;	/* every match begins with these letters; "" when none are known */
};

/* SL_ERR_CONFIG with the character's place. */
SL_NODISCARD bool sl_pattern_make(struct sl_pattern *p, const char *text, bool ignore_case,
				  struct sl_err *err);
/* Field "pattern" of a rule; E1013 at its place. */
bool sl_pattern_compile(struct sl_pattern *p, const char *text, bool ignore_case,
			struct sl_rule_scope *s);

/*
 * The first match at or behind byte `from` of text: 1 + the number of its last group (places in
 * pcre2_get_ovector_pointer(p->match)), 0: none, below: PCRE2's code for why it gave up. options: 0
 * or PCRE2_NOTEMPTY_ATSTART. text must be UTF-8, as every text of a batch is.
 */
int sl_pattern_find(const struct sl_pattern *p, struct sl_str text, size_t from, uint32_t options);

/* The same from the begin: 1 when it matches, with the first group that took part, without groups
 * the whole match; 0 and below as above. *ret is a view into text. */
int sl_pattern_extract(const struct sl_pattern *p, struct sl_str text, struct sl_str *ret);

/* Rejects the row because the pattern gave up with code. */
void sl_pattern_reject(int code, struct sl_batch *b, size_t row, const char *field,
		       const char *rule);

void sl_pattern_release(struct sl_pattern *p);

#endif
