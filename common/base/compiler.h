/*
 * Compiler attributes used everywhere: what gcc 12 and clang 19 both understand, under one name.
 * SL_NODISCARD marks every function whose failure must be looked at; sl_cleanup(f) runs f(&var)
 * when the variable leaves its scope, so that functions can return early without leaking.
 */
#ifndef SL_BASE_COMPILER_H
#define SL_BASE_COMPILER_H

#include "base/banned.h"

#define SL_NODISCARD __attribute__((warn_unused_result))
#define SL_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define SL_NORETURN __attribute__((noreturn))
#define SL_UNUSED __attribute__((unused))
#define SL_EXPORT __attribute__((visibility("default")))
#define sl_cleanup(f) __attribute__((cleanup(f)))

#define SL_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define SL_LIKELY(x) __builtin_expect(!!(x), 1)
#define SL_UNLIKELY(x) __builtin_expect(!!(x), 0)

#endif
