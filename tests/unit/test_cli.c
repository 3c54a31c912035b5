/*
 * Command lines: what is read, what is refused, and which of flag, environment and default counts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "run/cli.h"

struct own {
	bool json;
	int64_t limit;
	const char *output;
	struct sl_texts param;
	const char *hidden;
};

static const struct sl_field own_fields[] = {
	SL_F_BOOL(struct own, json, SL_F_FLAG, "false", "as JSON"),
	SL_F_INT(struct own, limit, SL_F_FLAG, "5", 0, 100, "most rows"),
	SL_F_TEXT(struct own, output, SL_F_FLAG, NULL, "file"),
	SL_F_TEXTS(struct own, param, SL_F_FLAG, "K=V"),
	SL_F_TEXT(struct own, hidden, 0, NULL, "only in the file"),
	SL_F_END,
};

static const struct sl_stage plain = {
	.name = "test",
	.needs = SL_NEEDS_PIPELINE | SL_NEEDS_RUN | SL_NEEDS_HOME,
	.params = own_fields,
	.params_size = sizeof(struct own),
};

static const struct sl_stage driver = {
	.name = "run",
	.needs = SL_NEEDS_PIPELINE | SL_NEEDS_RUN | SL_PIPELINE_ARG | SL_TAKES_ARGS,
};

struct fixture {
	struct sl_arena arena;
	struct sl_cli cli;
	struct own own;
	struct sl_err err;
};

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	unsetenv("SLUICE_BACKEND");
	unsetenv("SLUICE_RUN_ID");
	unsetenv("SLUICE_TEST_LIMIT");
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sl_arena_release(&f->arena);
	free(f);
	return 0;
}

/* words: NULL-terminated, without the program's name. */
static bool parse(struct fixture *f, const struct sl_stage *stage, const char *const *words)
{
	char *argv[32] = {(char *)(uintptr_t)"x"};
	int argc = 1;

	for (; words[argc - 1]; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc - 1];
	sl_err_clear(&f->err);
	f->own = (struct own){.limit = 5};
	return sl_cli_parse(stage, argc, argv, &f->arena, &f->own, &f->cli, &f->err);
}

#define PARSE(f, stage, ...) parse(f, stage, (const char *const[]){__VA_ARGS__, NULL})

static void test_value_stands_behind_blank_or_equals_sign_or_short_flag(void **state)
{
	struct fixture *f = *state;

	assert_true(PARSE(f, &plain, "--pipeline", "a"));
	assert_string_equal(f->cli.pipeline, "a");
	assert_true(PARSE(f, &plain, "--pipeline=b=c"));
	assert_string_equal(f->cli.pipeline, "b=c");
	assert_true(PARSE(f, &plain, "-p", "c", "-sone"));
	assert_string_equal(f->cli.pipeline, "c");
	assert_string_equal(f->cli.source, "one");
}

static void test_own_fields_are_flags_and_are_checked(void **state)
{
	struct fixture *f = *state;

	assert_true(PARSE(f, &plain, "--json", "--limit=7", "-o", "x", "--param", "a=1",
			  "--param=b=2"));
	assert_true(f->own.json);
	assert_int_equal(f->own.limit, 7);
	assert_string_equal(f->own.output, "x");
	assert_int_equal(f->own.param.n, 2);
	assert_string_equal(f->own.param.v[1], "b=2");
	assert_false(PARSE(f, &plain, "--limit=101"));
	assert_int_equal(f->err.kind, SL_ERR_USAGE);
	assert_false(PARSE(f, &plain, "--hidden=1"));
}

static void test_what_is_wrong_is_a_usage_error(void **state)
{
	static const struct {
		const char *words[4], *says;
	} cases[] = {
		{{"--pipelin", "x"}, "did you mean \"--pipeline\"?"},
		{{"--run_id=x"}, "unknown flag \"--run_id\""},
		{{"-z"}, "unknown flag \"-z\""},
		{{"--pipeline"}, "--pipeline needs a value"},
		{{"word"}, "unexpected argument \"word\""},
		{{"--set", "nokey"}, "is not KEY=VALUE"},
		{{"--set", "=v"}, "is not KEY=VALUE"},
		{{"--partition=1/2"}, "--partition is not for this command"},
		{{"--log-level=loud"}, "is not one of debug, info, warning, error"},
		{{"--log-format=xml"}, "is not one of text, json"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		assert_false(parse(f, &plain, cases[i].words));
		assert_int_equal(f->err.kind, SL_ERR_USAGE);
		if (!strstr(f->err.msg, cases[i].says))
			fail_msg("case %zu: \"%s\" does not say \"%s\"", i, f->err.msg,
				 cases[i].says);
	}
}

static void test_secrets_on_the_command_line_are_refused(void **state)
{
	static const char *const words[][3] = {
		{"--pipeline=postgres://me:hush@db/x"},
		{"--set", "a.b=postgres://me:hush@db:5432/x"},
		{"--set", "drop.password=hush"},
		{"--set=drop.token=hush"},
		{"--output", "{\"conn_type\":\"http\",\"password\":\"hush\"}"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < SL_ARRAY_LEN(words); i++) {
		if (parse(f, &plain, words[i]) || !strstr(f->err.msg, "secret"))
			fail_msg("case %zu passes: \"%s\"", i, f->err.msg);
		assert_int_equal(f->err.kind, SL_ERR_USAGE);
		assert_null(strstr(f->err.msg, "hush"));
		assert_null(strstr(f->err.hint, "hush"));
	}
}

static void test_texts_without_a_password_are_no_secrets(void **state)
{
	static const char *const texts[] = {"postgres://me@db/x", "https://site/a:b@c", "a@b:c",
					    "2026-11-25T00:00:00Z", "http://h:80/p?q=a@b"};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(texts); i++) {
		if (sl_cli_looks_secret(texts[i]))
			fail_msg("case %zu is taken for a secret: %s", i, texts[i]);
	}
}

static void test_flag_goes_before_environment(void **state)
{
	struct fixture *f = *state;

	setenv("SLUICE_BACKEND", "from_env", 1);
	setenv("SLUICE_TEST_LIMIT", "9", 1);
	assert_true(PARSE(f, &plain, "--pipeline=a"));
	assert_string_equal(f->cli.backend, "from_env");
	assert_string_equal(f->cli.backend_from, "SLUICE_BACKEND");
	assert_int_equal(f->own.limit, 9);
	assert_true(PARSE(f, &plain, "--backend=from_flag", "--limit=8"));
	assert_string_equal(f->cli.backend, "from_flag");
	assert_string_equal(f->cli.backend_from, "--backend");
	assert_int_equal(f->own.limit, 8);
	setenv("SLUICE_TEST_LIMIT", "many", 1);
	assert_false(PARSE(f, &plain, "--pipeline=a"));
}

static void test_driver_takes_the_pipeline_as_its_first_argument(void **state)
{
	struct fixture *f = *state;

	assert_true(PARSE(f, &driver, "orders", "rest"));
	assert_string_equal(f->cli.pipeline, "orders");
	assert_int_equal(f->cli.args.n, 1);
	assert_string_equal(f->cli.args.v[0], "rest");
	assert_true(PARSE(f, &driver, "--pipeline=orders", "rest"));
	assert_string_equal(f->cli.args.v[0], "rest");
	assert_true(PARSE(f, &driver, "--", "-odd"));
	assert_string_equal(f->cli.pipeline, "-odd");
}

static void test_children_get_what_was_typed_and_what_the_environment_said(void **state)
{
	struct fixture *f = *state;

	setenv("SLUICE_BACKEND", "local", 1);
	assert_true(PARSE(f, &plain, "-p", "a", "--set", "x.y=1", "--set=x.z=2", "--run-id=r"));
	assert_int_equal(f->cli.n_passed, 4);
	assert_string_equal(f->cli.passed[0], "--pipeline=a");
	assert_string_equal(f->cli.passed[1], "--backend=local");
	assert_string_equal(f->cli.passed[2], "--set=x.y=1");
	assert_string_equal(f->cli.passed[3], "--set=x.z=2");
	assert_int_equal(f->cli.n_overrides, 2);
	assert_string_equal(f->cli.overrides[1].path, "x.z");
	assert_string_equal(f->cli.overrides[1].value, "2");
}

static void test_partition_is_k_of_n(void **state)
{
	static const char *const wrong[] = {"",	  "1",	  "0/2",   "3/2",     "a/2",  "1/",
					    "/2", "-1/2", "1/2/3", "1/99999", "1 /2", "1/0"};
	struct fixture *f = *state;
	uint32_t k = 0;
	uint32_t n = 0;

	assert_true(sl_cli_partition("2/8", &k, &n, &f->err));
	assert_int_equal(k, 2);
	assert_int_equal(n, 8);
	for (size_t i = 0; i < SL_ARRAY_LEN(wrong); i++) {
		if (sl_cli_partition(wrong[i], &k, &n, &f->err))
			fail_msg("case %zu passes: \"%s\"", i, wrong[i]);
		assert_int_equal(f->err.kind, SL_ERR_USAGE);
	}
}

static void test_interval_is_half_open_and_has_a_length(void **state)
{
	static const struct {
		const char *start, *end, *says;
	} wrong[] = {
		{"2026-11-25T00:00:00Z", NULL, "without --interval-end"},
		{NULL, "2026-11-25T00:00:00Z", "without --interval-start"},
		{"2026-11-25T00:00:00", "2026-11-26T00:00:00Z", "--interval-start"},
		{"2026-11-25", "2026-11-26", "--interval-start"},
		{"2026-11-26T00:00:00Z", "2026-11-25T00:00:00Z", "before it starts"},
		{"2026-11-25T00:00:00Z", "2026-11-25T01:00:00+01:00", "has no length"},
	};
	struct fixture *f = *state;
	struct sl_run run = {0};

	for (size_t i = 0; i < SL_ARRAY_LEN(wrong); i++) {
		const struct sl_cli cli = {.interval_start = wrong[i].start,
					   .interval_end = wrong[i].end};

		if (sl_cli_interval(&cli, &run, &f->err) || !strstr(f->err.msg, wrong[i].says))
			fail_msg("case %zu: \"%s\"", i, f->err.msg);
		assert_int_equal(f->err.kind, SL_ERR_USAGE);
		assert_false(run.has_interval);
	}
	assert_non_null(strstr(f->err.hint, "CronDataIntervalTimetable"));

	const struct sl_cli good = {.interval_start = "2026-11-25T00:00:00Z",
				    .interval_end = "2026-11-26T00:00:00+01:00"};

	assert_true(sl_cli_interval(&good, &run, &f->err));
	assert_true(run.has_interval);
	assert_int_equal(run.interval_end - run.interval_start, 23 * 3600 * SL_SECOND);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_value_stands_behind_blank_or_equals_sign_or_short_flag),
		T(test_own_fields_are_flags_and_are_checked),
		T(test_what_is_wrong_is_a_usage_error),
		T(test_secrets_on_the_command_line_are_refused),
		T(test_texts_without_a_password_are_no_secrets),
		T(test_flag_goes_before_environment),
		T(test_driver_takes_the_pipeline_as_its_first_argument),
		T(test_children_get_what_was_typed_and_what_the_environment_said),
		T(test_partition_is_k_of_n),
		T(test_interval_is_half_open_and_has_a_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
