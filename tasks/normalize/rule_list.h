/* One line a rule: X(name) declares sl_rule_<name> and puts it into the table. */
X(coalesce)
X(extract)
X(map)
X(money)
X(number)
