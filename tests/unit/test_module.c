/* Engine modules: base/module.h. The modules opened here are made by the C compiler on the spot. */
#include "base_support.h"

#include <errno.h>

#include "base/file.h"
#include "base/module.h"

static char module_path[600];

static const char *path_of(const char *name)
{
	snprintf(module_path, sizeof(module_path), "%s/libsluice-%s.so", sl_exe_dir(), name);
	return module_path;
}

/* False when there is no compiler. */
static bool compile(const char *name, const char *code)
{
	const char *library = path_of(name);
	char source[700];
	struct sl_err err = SL_ERR_INIT;
	int status;
	pid_t pid;

	snprintf(source, sizeof(source), "%s.c", library);
	assert_ok(err, sl_file_replace(source, code, strlen(code), &err));
	pid = fork();
	if (pid == 0) {
		execlp("cc", "cc", "-shared", "-fPIC", "-o", library, source, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	unlink(source);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void test_module_exe_dir_is_where_this_program_lies(void **state)
{
	char path[600];

	(void)state;
	assert_int_equal(sl_exe_dir()[0], '/');
	assert_int_not_equal(sl_exe_dir()[strlen(sl_exe_dir()) - 1], '/');
	snprintf(path, sizeof(path), "%s/%s", sl_exe_dir(), program_invocation_short_name);
	assert_int_equal(access(path, X_OK), 0);
}

static void test_module_gives_the_descriptor_that_its_symbol_points_to(void **state)
{
	const void *descriptor = NULL, *again = NULL;
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	if (!compile("unittest", "static const int d = 4711;\n"
				 "const void *const sl_module_unittest = &d;\n"))
		skip();
	assert_ok(err, sl_module_open("unittest", &descriptor, &err));
	assert_int_equal(*(const int *)descriptor, 4711);
	assert_ok(err, sl_module_open("unittest", &again, &err));
	assert_ptr_equal(again, descriptor);
	unlink(path_of("unittest"));
}

static void test_module_without_its_symbol_is_refused(void **state)
{
	const void *descriptor = NULL;
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	if (!compile("unitempty", "int nothing;\n"))
		skip();
	assert_false(sl_module_open("unitempty", &descriptor, &err));
	assert_int_equal(err.kind, SL_ERR_CONFIG);
	assert_non_null(strstr(err.msg, "sl_module_unitempty"));
	assert_null(descriptor);
	unlink(path_of("unitempty"));
}

static void test_module_missing_is_a_configuration_error_that_names_the_file(void **state)
{
	const void *descriptor = NULL;
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	assert_false(sl_module_open("nosuchengine", &descriptor, &err));
	assert_int_equal(err.kind, SL_ERR_CONFIG);
	assert_non_null(strstr(err.msg, "libsluice-nosuchengine.so"));
	assert_non_null(strstr(err.hint, sl_exe_dir()));
}

static void test_module_that_does_not_load_gives_the_loaders_reason(void **state)
{
	const void *descriptor = NULL;
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	assert_ok(err, sl_file_replace(path_of("unitbroken"), "no library", 10, &err));
	assert_false(sl_module_open("unitbroken", &descriptor, &err));
	unlink(path_of("unitbroken"));
	assert_int_equal(err.kind, SL_ERR_CONFIG);
	assert_non_null(strstr(err.msg, "\"unitbroken\": "));
	assert_non_null(strstr(err.msg, "libsluice-unitbroken.so"));
}

static void test_module_name_cannot_lead_elsewhere(void **state)
{
	static const char *const names[] = {"", "../x", "a/b", "A", "x.so"};
	const void *descriptor = NULL;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(names); i++) {
		struct sl_err err = SL_ERR_INIT;

		assert_case(i, names[i], !sl_module_open(names[i], &descriptor, &err));
		assert_case(i, names[i], err.kind == SL_ERR_CONFIG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_module_exe_dir_is_where_this_program_lies),
		cmocka_unit_test(test_module_gives_the_descriptor_that_its_symbol_points_to),
		cmocka_unit_test(test_module_without_its_symbol_is_refused),
		cmocka_unit_test(test_module_missing_is_a_configuration_error_that_names_the_file),
		cmocka_unit_test(test_module_that_does_not_load_gives_the_loaders_reason),
		cmocka_unit_test(test_module_name_cannot_lead_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
