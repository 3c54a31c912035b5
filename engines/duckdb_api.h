/*
 * The part of DuckDB's C API that we call, declared from its documentation (duckdb.org/docs, "C
 * API"), so that nothing of DuckDB is needed to build. libduckdb.so is opened when the module is
 * first used and every function is looked up by name; one that is missing names itself. The
 * vendor's header can be put in place of the types here: SL_DUCKDB_VENDOR_HEADER does that for the
 * test that compares.
 */
#ifndef SL_ENGINES_DUCKDB_API_H
#define SL_ENGINES_DUCKDB_API_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/err.h"

#ifndef SL_DUCKDB_VENDOR_HEADER

typedef uint64_t idx_t;
typedef struct _duckdb_database {
	void *internal_ptr;
} *duckdb_database;
typedef struct _duckdb_connection {
	void *internal_ptr;
} *duckdb_connection;
typedef struct _duckdb_config {
	void *internal_ptr;
} *duckdb_config;
typedef struct _duckdb_prepared_statement {
	void *internal_ptr;
} *duckdb_prepared_statement;
typedef struct _duckdb_pending_result {
	void *internal_ptr;
} *duckdb_pending_result;
typedef struct _duckdb_data_chunk {
	void *internal_ptr;
} *duckdb_data_chunk;
typedef struct _duckdb_vector {
	void *internal_ptr;
} *duckdb_vector;
typedef struct _duckdb_logical_type {
	void *internal_ptr;
} *duckdb_logical_type;
typedef struct _duckdb_appender {
	void *internal_ptr;
} *duckdb_appender;

typedef enum duckdb_state { DuckDBSuccess = 0, DuckDBError = 1 } duckdb_state;

typedef enum DUCKDB_TYPE {
	DUCKDB_TYPE_INVALID = 0,
	DUCKDB_TYPE_BOOLEAN = 1,
	DUCKDB_TYPE_TINYINT = 2,
	DUCKDB_TYPE_SMALLINT = 3,
	DUCKDB_TYPE_INTEGER = 4,
	DUCKDB_TYPE_BIGINT = 5,
	DUCKDB_TYPE_UTINYINT = 6,
	DUCKDB_TYPE_USMALLINT = 7,
	DUCKDB_TYPE_UINTEGER = 8,
	DUCKDB_TYPE_UBIGINT = 9,
	DUCKDB_TYPE_FLOAT = 10,
	DUCKDB_TYPE_DOUBLE = 11,
	DUCKDB_TYPE_TIMESTAMP = 12,
	DUCKDB_TYPE_DATE = 13,
	DUCKDB_TYPE_HUGEINT = 16,
	DUCKDB_TYPE_VARCHAR = 17,
	DUCKDB_TYPE_DECIMAL = 19,
	DUCKDB_TYPE_LIST = 24,
	DUCKDB_TYPE_TIMESTAMP_TZ = 31,
} duckdb_type;

typedef enum duckdb_error_type {
	DUCKDB_ERROR_INVALID = 0,
	DUCKDB_ERROR_OUT_OF_RANGE = 1,
	DUCKDB_ERROR_CONVERSION = 2,
	DUCKDB_ERROR_DIVIDE_BY_ZERO = 6,
	DUCKDB_ERROR_TRANSACTION = 10,
	DUCKDB_ERROR_CONSTRAINT = 18,
	DUCKDB_ERROR_IO = 28,
	DUCKDB_ERROR_INTERRUPT = 29,
	DUCKDB_ERROR_FATAL = 30,
	DUCKDB_ERROR_INTERNAL = 31,
	DUCKDB_ERROR_OUT_OF_MEMORY = 33,
	DUCKDB_ERROR_PERMISSION = 34,
} duckdb_error_type;

typedef struct {
	idx_t deprecated_column_count;
	idx_t deprecated_row_count;
	idx_t deprecated_rows_changed;
	void *deprecated_columns;
	char *deprecated_error_message;
	void *internal_data;
} duckdb_result;

typedef struct {
	uint64_t lower;
	int64_t upper; /* value = upper × 2^64 + lower */
} duckdb_hugeint;

typedef struct {
	uint64_t offset;
	uint64_t length;
} duckdb_list_entry;

/* Texts of at most 12 bytes stand in the value itself. */
typedef struct {
	union {
		struct {
			uint32_t length;
			char prefix[4];
			char *ptr;
		} pointer;
		struct {
			uint32_t length;
			char inlined[12];
		} inlined;
	} value;
} duckdb_string_t;

#endif

/* X(result, name without "duckdb_", arguments) */
#define SL_DUCKDB_FUNCTIONS(X)                                                                     \
	X(const char *, library_version, (void))                                                   \
	X(void, free, (void *))                                                                    \
	X(duckdb_state, create_config, (duckdb_config *))                                          \
	X(duckdb_state, set_config, (duckdb_config, const char *, const char *))                   \
	X(void, destroy_config, (duckdb_config *))                                                 \
	X(duckdb_state, open_ext, (const char *, duckdb_database *, duckdb_config, char **))       \
	X(void, close, (duckdb_database *))                                                        \
	X(duckdb_state, connect, (duckdb_database, duckdb_connection *))                           \
	X(void, disconnect, (duckdb_connection *))                                                 \
	X(void, interrupt, (duckdb_connection))                                                    \
	X(duckdb_state, query, (duckdb_connection, const char *, duckdb_result *))                 \
	X(void, destroy_result, (duckdb_result *))                                                 \
	X(const char *, result_error, (duckdb_result *))                                           \
	X(duckdb_error_type, result_error_type, (duckdb_result *))                                 \
	X(idx_t, rows_changed, (duckdb_result *))                                                  \
	X(duckdb_state, prepare, (duckdb_connection, const char *, duckdb_prepared_statement *))   \
	X(void, destroy_prepare, (duckdb_prepared_statement *))                                    \
	X(const char *, prepare_error, (duckdb_prepared_statement))                                \
	X(idx_t, nparams, (duckdb_prepared_statement))                                             \
	X(duckdb_state, bind_varchar, (duckdb_prepared_statement, idx_t, const char *))            \
	X(duckdb_state, bind_null, (duckdb_prepared_statement, idx_t))                             \
	X(duckdb_state, execute_prepared, (duckdb_prepared_statement, duckdb_result *))            \
	X(duckdb_state, pending_prepared_streaming,                                                \
	  (duckdb_prepared_statement, duckdb_pending_result *))                                    \
	X(void, destroy_pending, (duckdb_pending_result *))                                        \
	X(const char *, pending_error, (duckdb_pending_result))                                    \
	X(duckdb_state, execute_pending, (duckdb_pending_result, duckdb_result *))                 \
	X(idx_t, column_count, (duckdb_result *))                                                  \
	X(const char *, column_name, (duckdb_result *, idx_t))                                     \
	X(duckdb_logical_type, column_logical_type, (duckdb_result *, idx_t))                      \
	X(duckdb_data_chunk, fetch_chunk, (duckdb_result))                                         \
	X(duckdb_data_chunk, create_data_chunk, (duckdb_logical_type *, idx_t))                    \
	X(void, destroy_data_chunk, (duckdb_data_chunk *))                                         \
	X(void, data_chunk_reset, (duckdb_data_chunk))                                             \
	X(idx_t, data_chunk_get_size, (duckdb_data_chunk))                                         \
	X(void, data_chunk_set_size, (duckdb_data_chunk, idx_t))                                   \
	X(duckdb_vector, data_chunk_get_vector, (duckdb_data_chunk, idx_t))                        \
	X(idx_t, vector_size, (void))                                                              \
	X(void *, vector_get_data, (duckdb_vector))                                                \
	X(uint64_t *, vector_get_validity, (duckdb_vector))                                        \
	X(void, vector_ensure_validity_writable, (duckdb_vector))                                  \
	X(void, vector_assign_string_element_len, (duckdb_vector, idx_t, const char *, idx_t))     \
	X(duckdb_vector, list_vector_get_child, (duckdb_vector))                                   \
	X(duckdb_state, list_vector_set_size, (duckdb_vector, idx_t))                              \
	X(duckdb_state, list_vector_reserve, (duckdb_vector, idx_t))                               \
	X(duckdb_logical_type, create_logical_type, (duckdb_type))                                 \
	X(duckdb_logical_type, create_list_type, (duckdb_logical_type))                            \
	X(duckdb_logical_type, create_decimal_type, (uint8_t, uint8_t))                            \
	X(void, destroy_logical_type, (duckdb_logical_type *))                                     \
	X(duckdb_type, get_type_id, (duckdb_logical_type))                                         \
	X(uint8_t, decimal_scale, (duckdb_logical_type))                                           \
	X(duckdb_type, decimal_internal_type, (duckdb_logical_type))                               \
	X(duckdb_logical_type, list_type_child_type, (duckdb_logical_type))                        \
	X(idx_t, prepared_statement_column_count, (duckdb_prepared_statement))                     \
	X(const char *, prepared_statement_column_name, (duckdb_prepared_statement, idx_t))        \
	X(duckdb_logical_type, prepared_statement_column_logical_type,                             \
	  (duckdb_prepared_statement, idx_t))                                                      \
	X(duckdb_state, appender_create_ext,                                                       \
	  (duckdb_connection, const char *, const char *, const char *, duckdb_appender *))        \
	X(duckdb_state, append_data_chunk, (duckdb_appender, duckdb_data_chunk))                   \
	X(duckdb_state, appender_add_column, (duckdb_appender, const char *))                      \
	X(duckdb_state, appender_close, (duckdb_appender))                                         \
	X(duckdb_state, appender_destroy, (duckdb_appender *))                                     \
	X(const char *, appender_error, (duckdb_appender))

struct sl_duckdb_api {
#define X(result, name, args) result(*name) args;
	SL_DUCKDB_FUNCTIONS(X)
#undef X
};

extern struct sl_duckdb_api sl_duck; /* filled by sl_duckdb_load */

/* Opens the library found beside the module, then in <exe>/../lib/sluice, once. SL_ERR_CONFIG names
 * the places looked at, or the function that the library lacks. */
SL_NODISCARD bool sl_duckdb_load(struct sl_err *err);

#endif
