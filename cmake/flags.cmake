# Compiler flags of every target: warnings, hardening, sanitizers. One interface target carries them.
add_library(sluice_flags INTERFACE)

target_compile_options(sluice_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wcast-qual -Wpointer-arith -Wvla -Wundef -Wformat=2
  -Wconversion -Wno-sign-conversion -Wimplicit-fallthrough -Wnull-dereference -Wdouble-promotion
  -fno-common -fvisibility=default
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes -Wold-style-definition -Wmissing-prototypes
    -Wmissing-declarations -Wwrite-strings>
  $<$<AND:$<COMPILE_LANGUAGE:C>,$<C_COMPILER_ID:GNU>>:-Wduplicated-cond -Wduplicated-branches
    -Wlogical-op -Wjump-misses-init>)
if(SLUICE_WERROR)
  target_compile_options(sluice_flags INTERFACE -Werror)
endif()

target_compile_options(sluice_flags INTERFACE -fPIC -fstack-protector-strong
  -fstack-clash-protection -fcf-protection)
target_link_options(sluice_flags INTERFACE -Wl,-z,relro,-z,now)

if(SLUICE_SANITIZE)
  target_compile_options(sluice_flags INTERFACE -fsanitize=address,undefined
    -fno-sanitize-recover=all -fno-omit-frame-pointer -O1)
  target_link_options(sluice_flags INTERFACE -fsanitize=address,undefined)
else()
  target_compile_options(sluice_flags INTERFACE -O2 -D_FORTIFY_SOURCE=3)
endif()

if(SLUICE_FUZZ)
  target_compile_options(sluice_flags INTERFACE -fsanitize=fuzzer-no-link
    $<$<COMPILE_LANGUAGE:CXX>:-fno-sanitize=vptr>) # needs a C++ runtime in the executable
endif()

if(SLUICE_COVERAGE)
  target_compile_options(sluice_flags INTERFACE --coverage -O1)
  target_link_options(sluice_flags INTERFACE --coverage)
endif()

if(SLUICE_FAULTS)
  target_compile_definitions(sluice_flags INTERFACE SL_FAULTS=1)
endif()
