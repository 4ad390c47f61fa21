# SPDX-License-Identifier: GPL-2.0-only
# BPF objects and their skeletons.
find_program(GRAIN_CLANG NAMES clang-14 clang-19 clang REQUIRED)
find_program(GRAIN_BPFTOOL NAMES bpftool PATHS /usr/sbin REQUIRED)
# v3 loads on Linux 5.10 and is what clang 14 needs for 32-bit arithmetic.
set(GRAIN_BPF_CPU v3 CACHE STRING "BPF instruction set")

execute_process(COMMAND ${CMAKE_C_COMPILER} -print-multiarch
    OUTPUT_VARIABLE GRAIN_MULTIARCH OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT GRAIN_MULTIARCH)
    set(GRAIN_MULTIARCH ${CMAKE_SYSTEM_PROCESSOR}-linux-gnu)
endif()

# grain_bpf_object(NAME SOURCE [DEFINITIONS…]): NAME.bpf.o in the current build folder.
function(grain_bpf_object name source)
    set(object ${CMAKE_CURRENT_BINARY_DIR}/${name}.bpf.o)
    get_filename_component(path ${source} ABSOLUTE)
    add_custom_command(OUTPUT ${object}
        COMMAND ${GRAIN_CLANG} -O2 -g -target bpf -mcpu=${GRAIN_BPF_CPU} -std=gnu11
            -Wall -Wextra -Werror -Wno-unused-function ${ARGN}
            -I${PROJECT_SOURCE_DIR}/maps -I${PROJECT_SOURCE_DIR}/xdp
            -isystem ${CMAKE_SYSROOT}/usr/include/${GRAIN_MULTIARCH}
            -MD -MF ${object}.d -MT ${object} -c ${path} -o ${object}
        DEPENDS ${path} DEPFILE ${object}.d
        COMMENT "BPF ${name}" VERBATIM)
    set(${name}_OBJECT ${object} PARENT_SCOPE)
endfunction()

# grain_bpf_skeleton(NAME SOURCE [DEFINITIONS…]): also NAME.skel.h, and an interface target NAME_skeleton to link.
function(grain_bpf_skeleton name source)
    grain_bpf_object(${name} ${source} ${ARGN})
    set(header ${CMAKE_CURRENT_BINARY_DIR}/${name}.skel.h)
    add_custom_command(OUTPUT ${header}
        # Generated: what clang-tidy has to say of it is nothing for us to mend.
        COMMAND sh -c "{ echo '/* NOLINTBEGIN */' && \"$1\" gen skeleton \"$2\" name \"$3\" && echo '/* NOLINTEND */'$<SEMICOLON> } > \"$4.tmp\" && mv \"$4.tmp\" \"$4\""
            sh ${GRAIN_BPFTOOL} ${${name}_OBJECT} ${name} ${header}
        DEPENDS ${${name}_OBJECT} VERBATIM)
    add_custom_target(${name}_skeleton_file ALL DEPENDS ${header})
    add_library(${name}_skeleton INTERFACE)
    target_include_directories(${name}_skeleton INTERFACE ${CMAKE_CURRENT_BINARY_DIR})
    add_dependencies(${name}_skeleton ${name}_skeleton_file)
    set(${name}_OBJECT ${${name}_OBJECT} PARENT_SCOPE)
endfunction()
