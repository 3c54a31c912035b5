/* Files, directories, opening beneath a root, locks: base/file.h. */
#include "base_support.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/num.h"

static int setup(void **state)
{
	*state = support_dir();
	return chdir(*state);
}

static int teardown(void **state)
{
	if (chdir("/") != 0)
		return -1;
	support_remove(*state);
	return 0;
}

static void put(const char *path, const char *text)
{
	struct sl_err err = SL_ERR_INIT;

	assert_ok(err, sl_file_replace(path, text, strlen(text), &err));
}

static void assert_content(const char *path, const char *want)
{
	sl_cleanup(sl_buf_release) struct sl_buf got = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;

	assert_ok(err, sl_file_read(path, 1 << 20, &got, &err));
	assert_string_equal(sl_buf_z(&got), want);
}

static size_t count_entries(const char *dir)
{
	char name[300];
	size_t n;
	struct sl_names names;
	struct sl_err err = SL_ERR_INIT;

	assert_ok(err, sl_dir_list(dir, &names, &err));
	n = names.n;
	sl_names_release(&names);
	for (unsigned i = 0; i < 1000; i++) { /* the hidden ones, by their known names */
		snprintf(name, sizeof(name), "%s/.tmp-%ld-%u", dir, (long)getpid(), i);
		n += access(name, F_OK) == 0;
	}
	return n;
}

static void test_dir_make_creates_parents_and_accepts_what_is_there(void **state)
{
	struct sl_err err = SL_ERR_INIT;
	struct stat st;

	(void)state;
	assert_ok(err, sl_dir_make("a/b//c/", &err));
	assert_int_equal(stat("a/b/c", &st), 0);
	assert_ok(err, sl_dir_make("a/b/c", &err));
	put("a/file", "");
	assert_false(sl_dir_make("a/file", &err));
	assert_int_equal(err.kind, SL_ERR_CREATE);
	assert_false(sl_dir_make("a/file/x", &err));
	assert_int_equal(err.kind, SL_ERR_CREATE);
	assert_false(sl_dir_make("", &err));
}

static void test_file_read_respects_the_limit_exactly(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;

	(void)state;
	put("five", "12345");
	sl_buf_adds(&out, ">");
	assert_ok(err, sl_file_read("five", 5, &out, &err));
	assert_string_equal(out.p, ">12345");
	assert_false(sl_file_read("five", 4, &out, &err));
	assert_int_equal(err.kind, SL_ERR_DATA);
	assert_string_equal(out.p, ">12345");
}

static void test_file_read_what_is_no_plain_file_is_no_input(void **state)
{
	static const char *const names[] = {"missing", "dir", "fifo", "five/x", "/dev/zero"};
	sl_cleanup(sl_buf_release) struct sl_buf out = SL_BUF_INIT;

	(void)state;
	put("five", "12345");
	assert_int_equal(mkdir("dir", 0755), 0);
	assert_int_equal(mkfifo("fifo", 0644), 0); /* must not wait for a writer */
	for (size_t i = 0; i < SL_ARRAY_LEN(names); i++) {
		struct sl_err err = SL_ERR_INIT;

		assert_case(i, names[i], !sl_file_read(names[i], 100, &out, &err));
		assert_case(i, err.msg, err.kind == SL_ERR_NO_INPUT);
	}
}

static void test_tmpfile_is_invisible_until_renamed(void **state)
{
	sl_cleanup(sl_tmpfile_close) struct sl_tmpfile t = SL_TMPFILE_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct sl_names names;

	(void)state;
	assert_ok(err, sl_tmpfile_open(&t, "new/dir", &err));
	assert_ok(err, sl_fd_write_all(t.fd, "text", 4, "x", &err));
	assert_ok(err, sl_dir_list("new/dir", &names, &err));
	assert_int_equal(names.n, 0);
	sl_names_release(&names);
	assert_ok(err, sl_tmpfile_rename(&t, "new/dir/final", &err));
	assert_null(t.path);
	assert_content("new/dir/final", "text");
	assert_int_equal(count_entries("new/dir"), 1);
}

static void test_tmpfile_close_removes_what_was_not_published(void **state)
{
	struct sl_tmpfile t = {0, NULL}, zeroed = {0, NULL};
	struct sl_err err = SL_ERR_INIT;
	struct stat st;

	(void)state;
	assert_ok(err, sl_tmpfile_open(&t, "d", &err));
	assert_int_equal(count_entries("d"), 1);
	sl_tmpfile_close(&t);
	sl_tmpfile_close(&t);
	assert_int_equal(count_entries("d"), 0);
	sl_tmpfile_close(&zeroed);
	assert_int_equal(fstat(0, &st), 0); /* stdin was not closed for it */
}

static void test_tmpfile_passes_over_names_that_killed_processes_left(void **state)
{
	struct sl_tmpfile first = SL_TMPFILE_INIT, second = SL_TMPFILE_INIT;
	struct sl_err err = SL_ERR_INIT;
	uint64_t number;
	char name[64];

	(void)state;
	put("left", "precious");
	assert_ok(err, sl_tmpfile_open(&first, ".", &err));
	assert_true(sl_num_u64(sl_str_of(strrchr(first.path, '-') + 1), UINT32_MAX, &number));
	snprintf(name, sizeof(name), ".tmp-%ld-%u", (long)getpid(), (unsigned)number + 1);
	assert_int_equal(link("left", name), 0);
	assert_ok(err, sl_tmpfile_open(&second, ".", &err));
	assert_string_not_equal(second.path + 2, name);
	assert_content("left", "precious");
	sl_tmpfile_close(&first);
	sl_tmpfile_close(&second);
}

static void test_file_link_the_first_version_wins(void **state)
{
	struct sl_err err = SL_ERR_INIT;
	bool won = false;

	(void)state;
	assert_ok(err, sl_file_link("d/n", "first", 5, &won, &err));
	assert_true(won);
	assert_ok(err, sl_file_link("d/n", "second", 6, &won, &err));
	assert_false(won);
	assert_content("d/n", "first");
	assert_int_equal(count_entries("d"), 1);
}

static void test_file_link_unsynced_the_first_version_wins_in_a_new_directory(void **state)
{
	struct sl_err err = SL_ERR_INIT;
	bool won = false;

	(void)state;
	assert_ok(err, sl_file_link_unsynced("e/f/n", "first", 5, &won, &err));
	assert_true(won);
	assert_ok(err, sl_file_link_unsynced("e/f/n", "second", 6, &won, &err));
	assert_false(won);
	assert_content("e/f/n", "first");
	assert_int_equal(count_entries("e/f"), 1);
}

static void test_file_replace_the_last_version_wins(void **state)
{
	(void)state;
	put("f", "first");
	put("f", "second");
	assert_content("f", "second");
	assert_int_equal(count_entries("."), 1);
}

/* A file-size limit stands for a full disk; SIGXFSZ is ignored as SIGPIPE would be. */
static void write_too_much(void *arg)
{
	static char text[8192];
	struct rlimit limit = {4096, 4096};
	struct sl_err err = SL_ERR_INIT;

	(void)arg;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	if (sl_file_replace("final", text, sizeof(text), &err) || err.kind != SL_ERR_IO)
		_exit(1);
	if (access("final", F_OK) == 0 || count_entries(".") != 0)
		_exit(2);
}

static void test_file_half_written_is_never_visible_and_removed(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;

	(void)state;
	assert_int_equal(support_child(write_too_much, NULL, &text), 0);
}

static void test_dir_list_is_sorted_by_bytes_and_a_missing_one_is_empty(void **state)
{
	struct sl_err err = SL_ERR_INIT;
	struct sl_names names;

	(void)state;
	put("d/b", "");
	put("d/B", "");
	put("d/é", "");
	put("d/.hidden", "");
	put("d/10", "");
	put("d/9", "");
	assert_ok(err, sl_dir_list("d", &names, &err));
	assert_int_equal(names.n, 6);
	assert_string_equal(names.v[0], ".hidden");
	assert_string_equal(names.v[1], "10");
	assert_string_equal(names.v[2], "9");
	assert_string_equal(names.v[3], "B");
	assert_string_equal(names.v[5], "é");
	sl_names_release(&names);
	assert_ok(err, sl_dir_list("missing", &names, &err));
	assert_int_equal(names.n, 0);
	sl_names_release(&names);
	assert_false(sl_dir_list("d/b", &names, &err));
	assert_int_equal(err.kind, SL_ERR_IO);
}

static void make_tree(void)
{
	put("outside", "secret");
	put("root/in/file", "text");
	assert_int_equal(mkfifo("root/fifo", 0644), 0);
	assert_int_equal(symlink("in/file", "root/link_inside"), 0);
	assert_int_equal(symlink("../outside", "root/link_out"), 0);
	assert_int_equal(symlink("..", "root/dir_out"), 0);
	assert_int_equal(symlink("/etc/passwd", "root/absolute"), 0);
	assert_int_equal(symlink("loop", "root/loop"), 0);
}

static const char *const refused[] = {
	"../outside", "link_out", "dir_out/outside",  "absolute",  "loop",
	"in",	      "fifo",	  "missing",	      "in/file/x", "/etc/passwd",
	"",	      ".",	  "in/../../outside",
};

static void read_first(int fd, char *ret)
{
	assert_int_equal(read(fd, ret, 4), 4);
	close(fd);
}

static void test_open_beneath_stays_inside(void **state)
{
	struct sl_err err = SL_ERR_INIT;
	char text[5] = "";
	int fd = -1;

	(void)state;
	make_tree();
	assert_ok(err, sl_open_beneath("root", "in/file", &fd, &err));
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	read_first(fd, text);
	assert_string_equal(text, "text");
	assert_ok(err, sl_open_beneath("root", "link_inside", &fd, &err));
	close(fd);
	for (size_t i = 0; i < SL_ARRAY_LEN(refused); i++) {
		fd = -1;
		assert_case(i, refused[i], !sl_open_beneath("root", refused[i], &fd, &err));
		assert_case(i, err.msg, err.kind == SL_ERR_NO_INPUT && fd == -1);
	}
	assert_false(sl_open_beneath("nowhere", "x", &fd, &err));
	assert_int_equal(err.kind, SL_ERR_NO_INPUT);
}

/* What an old kernel or a container's filter does. */
static void forbid_openat2(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {SL_ARRAY_LEN(code), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		_exit(77);
}

static void open_without_openat2(void *arg)
{
	struct sl_err err = SL_ERR_INIT;
	int fd = -1;

	(void)arg;
	forbid_openat2();
	if (!sl_open_beneath("root", "in/file", &fd, &err) || fd < 0)
		_exit(1);
	fd = -1;
	if (!sl_open_beneath("root", "in//file", &fd, &err))
		_exit(2);
	for (size_t i = 0; i < SL_ARRAY_LEN(refused); i++) {
		fd = -1;
		if (sl_open_beneath("root", refused[i], &fd, &err) || err.kind != SL_ERR_NO_INPUT)
			_exit(10 + (int)i);
	}
	if (sl_open_beneath("root", "link_inside", &fd, &err))
		_exit(3);
}

static void test_open_beneath_without_openat2_walks_and_refuses_every_link(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	int status;

	(void)state;
	make_tree();
	status = support_child(open_without_openat2, NULL, &text);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip(); /* no seccomp here */
	assert_int_equal(status, 0);
}

static void lock_must_be_held(void *arg)
{
	struct sl_err err = SL_ERR_INIT;
	int64_t start = sl_clock_monotonic(), took;
	char pid[32];
	int fd = -1;

	(void)arg;
	snprintf(pid, sizeof(pid), "process %ld holds it", (long)getppid());
	if (sl_lock_file("lock", 50000, false, &fd, &err) || err.kind != SL_ERR_AGAIN)
		_exit(1);
	took = sl_clock_monotonic() - start;
	if (took < 50000 || took > 5000000)
		_exit(2);
	if (!strstr(err.msg, pid))
		_exit(3);
}

static void test_lock_second_one_waits_then_names_the_holder(void **state)
{
	sl_cleanup(sl_buf_release) struct sl_buf text = SL_BUF_INIT;
	struct sl_err err = SL_ERR_INIT;
	int fd = -1, again = -1;

	(void)state;
	assert_ok(err, sl_lock_file("lock", 0, false, &fd, &err));
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(support_child(lock_must_be_held, NULL, &text), 0);
	close(fd);
	assert_ok(err, sl_lock_file("lock", 0, true, &again, &err));
	assert_false(fcntl(again, F_GETFD) & FD_CLOEXEC);
	close(again);
}

/* flock belongs to the open file, so a child that inherited it keeps it after its parent's end. */
static void test_lock_is_kept_by_the_child_that_inherited_it(void **state)
{
	struct sl_err err = SL_ERR_INIT;
	int fd = -1, other = -1, ends[2], status;
	pid_t pid;
	char c;

	(void)state;
	assert_ok(err, sl_lock_file("lock", 0, true, &fd, &err));
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		close(ends[1]);
		_exit(read(ends[0], &c, 1) == 0 ? 0 : 1); /* until the parent closes its end */
	}
	close(fd);
	assert_false(sl_lock_file("lock", 0, false, &other, &err));
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_ok(err, sl_lock_file("lock", 5000000, false, &other, &err));
	close(other);
}

#define file_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		file_test(test_dir_make_creates_parents_and_accepts_what_is_there),
		file_test(test_file_read_respects_the_limit_exactly),
		file_test(test_file_read_what_is_no_plain_file_is_no_input),
		file_test(test_tmpfile_is_invisible_until_renamed),
		file_test(test_tmpfile_close_removes_what_was_not_published),
		file_test(test_tmpfile_passes_over_names_that_killed_processes_left),
		file_test(test_file_link_the_first_version_wins),
		file_test(test_file_link_unsynced_the_first_version_wins_in_a_new_directory),
		file_test(test_file_replace_the_last_version_wins),
		file_test(test_file_half_written_is_never_visible_and_removed),
		file_test(test_dir_list_is_sorted_by_bytes_and_a_missing_one_is_empty),
		file_test(test_open_beneath_stays_inside),
		file_test(test_open_beneath_without_openat2_walks_and_refuses_every_link),
		file_test(test_lock_second_one_waits_then_names_the_holder),
		file_test(test_lock_is_kept_by_the_child_that_inherited_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
