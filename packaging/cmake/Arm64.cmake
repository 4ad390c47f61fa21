# SPDX-License-Identifier: GPL-2.0-only
# Toolchain file: Debian's gcc-aarch64-linux-gnu with a sysroot, which is $GRAIN_SYSROOT (tests/vm/fetch-kernels.sh makes one).
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_SYSROOT $ENV{GRAIN_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)

set(grain_libraries ${CMAKE_SYSROOT}/usr/lib/aarch64-linux-gnu)
set(CMAKE_C_FLAGS_INIT "-isystem ${CMAKE_SYSROOT}/usr/include/aarch64-linux-gnu")
# What the libraries themselves need.
set(CMAKE_EXE_LINKER_FLAGS_INIT "-Wl,-rpath-link,${grain_libraries}:${CMAKE_SYSROOT}/lib/aarch64-linux-gnu")
set(CMAKE_SHARED_LINKER_FLAGS_INIT ${CMAKE_EXE_LINKER_FLAGS_INIT})
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${CMAKE_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR} ${grain_libraries}/pkgconfig:${CMAKE_SYSROOT}/usr/share/pkgconfig)
