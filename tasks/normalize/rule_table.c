/* The table of rules, made from rule_list.h: where any executable looks a rule up by its name. */
#include "data/rule.h"

#define X(name) extern const struct sl_rule sl_rule_##name;
#include "tasks/normalize/rule_list.h"
#undef X

const struct sl_rule *const sl_rules[] = {
#define X(name) &sl_rule_##name,
#include "tasks/normalize/rule_list.h"
#undef X
	NULL,
};
