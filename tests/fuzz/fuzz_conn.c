/*
 * Connections: what messages show of one holds no control character and never its password.
 */
#include "fuzz.h"
#include "net/conn.h"

#define SECRET "hunter2pass"

static void look(const char *value)
{
	sl_cleanup(sl_arena_release) struct sl_arena arena = SL_ARENA_INIT;
	struct sl_err err = SL_ERR_INIT;
	struct sl_conn c;

	FUZZ_MUST(setenv("SLUICE_CONN_FUZZ", value, 1) == 0);
	if (!sl_conn_get("fuzz", &arena, &c, &err)) {
		FUZZ_MUST(err.kind == SL_ERR_CONFIG);
		FUZZ_MUST(!strstr(err.msg, SECRET) && !strstr(err.hint, SECRET));
		return;
	}
	FUZZ_MUST(c.type && c.port >= 0 && c.port <= 65535);
	const char *safe = sl_conn_safe(&c, &arena);
	FUZZ_MUST(!strstr(safe, SECRET));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	sl_cleanup(sl_buf_release) struct sl_buf uri = SL_BUF_INIT;
	struct sl_str in = fuzz_input(data, size);
	const struct sl_str login = fuzz_part(&in), rest = fuzz_part(&in);

	if (memmem(login.p, login.n, "%", 1) || memmem(login.p, login.n, SECRET, strlen(SECRET)) ||
	    memmem(rest.p, rest.n, "%", 1) || memmem(rest.p, rest.n, SECRET, strlen(SECRET)))
		return 0; /* the secret may stand where none is looked for */
	char *z = sl_xstrndup(login.p, login.n);
	look(z);
	free(z);
	sl_buf_adds(&uri, "postgres://");
	sl_buf_addstr(&uri, login);
	sl_buf_adds(&uri, ":" SECRET "@");
	sl_buf_addstr(&uri, rest);
	look(sl_buf_z(&uri));
	return 0;
}
