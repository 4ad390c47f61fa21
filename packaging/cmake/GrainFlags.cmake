# SPDX-License-Identifier: GPL-2.0-only
# Warnings are errors; sanitizers come from GRAIN_SANITIZE. Link grain_flags privately.
add_library(grain_flags INTERFACE)
target_compile_options(grain_flags INTERFACE
    -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith
    -Wwrite-strings -fno-common)
target_compile_definitions(grain_flags INTERFACE _GNU_SOURCE)
if(GRAIN_SANITIZE)
    target_compile_options(grain_flags INTERFACE
        -fsanitize=${GRAIN_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(grain_flags INTERFACE -fsanitize=${GRAIN_SANITIZE})
endif()
