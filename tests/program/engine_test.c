// SPDX-License-Identifier: GPL-2.0-only
/*
 * Engines from outside: settings that change while packets run, a program that does not let
 * packets pass as they are, and an engine that starts anew.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "maps.h"
#include "runner.h"

static struct runner engines[2];

/* One packet of each kind that a stage takes. */
static void build_mixture(struct script *s)
{
    struct envelope dns = {.destination_port = 53}, tls = {.destination_port = 443};
    struct bytes query = {0}, hello = {0}, quic = {0}, stream = {0};

    dns_query(&query, "www.example.test", DNS_A);
    dns_tcp(&stream, &query);
    tls_hello_record(&hello, &(struct hello){.sni = "www.example.test"});
    quic_initial(&quic, 1, 1200);
    script_init(s);
    script_udp(s, &dns, &query);
    script_tcp(s, &dns, stream.data, stream.length);
    script_tcp(s, &tls, hello.data, hello.length);
    script_udp(s, &tls, &quic);
}

static void check_mixture(struct runner *r, const char *expected)
{
    struct outcome outcome;
    struct script script;
    char text[1024];

    build_mixture(&script);
    runner_run(r, &script, &outcome);
    outcome_dispositions(&outcome, text, sizeof(text));
    assert_string_equal(text, expected);
    if (expected[0])
        outcome_check_sums(&outcome, script.count);
    outcome_free(&outcome);
    script_free(&script);
}

static void configure(void (*change)(struct grain_config *config, uint32_t value), uint32_t value)
{
    int map = program_map(grain_engine_program_fd(engines[0].engine), "grain_config_map");
    struct grain_config config;
    uint32_t zero = 0;

    assert_int_equal(bpf_map_lookup_elem(map, &zero, &config), 0);
    change(&config, value);
    assert_int_equal(bpf_map_update_elem(map, &zero, &config, BPF_ANY), 0);
    close(map);
}

static void set_stages(struct grain_config *config, uint32_t stages)
{
    config->stages = stages;
}

static void set_generation(struct grain_config *config, uint32_t generation)
{
    config->generation = generation;
}

static void stages_switch_off_and_on(void **state)
{
    static const struct {
        uint32_t stages;
        const char *expected;
    } rows[] = {
        {GRAIN_STAGE_ALL, "dns_query=2 tls_hello=1 quic_initial=1"},
        {GRAIN_STAGE_ALL & ~GRAIN_STAGE_DNS, "tcp_other=1 udp_other=1 tls_hello=1 quic_initial=1"},
        {GRAIN_STAGE_ALL & ~GRAIN_STAGE_TLS, "tcp_other=1 dns_query=2 quic_initial=1"},
        {GRAIN_STAGE_ALL & ~GRAIN_STAGE_QUIC, "udp_other=1 dns_query=2 tls_hello=1"},
        {GRAIN_STAGE_DNS, "tcp_other=1 udp_other=1 dns_query=2"},
        {GRAIN_STAGE_TLS, "tcp_other=1 udp_other=2 tls_hello=1"},
        {GRAIN_STAGE_QUIC, "tcp_other=2 udp_other=1 quic_initial=1"},
        {0, "tcp_other=2 udp_other=2"},
        {GRAIN_STAGE_ALL, "dns_query=2 tls_hello=1 quic_initial=1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        configure(set_stages, rows[i].stages);
        check_mixture(&engines[0], rows[i].expected);
    }
}

/* A program of another generation is dormant: packets pass, nothing moves. */
static void another_generation_counts_nothing(void **state)
{
    (void)state;
    configure(set_generation, 1);
    check_mixture(&engines[0], "");
    configure(set_generation, 0);
    check_mixture(&engines[0], "dns_query=2 tls_hello=1 quic_initial=1");
}

/* ---- verdict and bytes ---- */

static struct bpf_insn insn(uint8_t code, uint8_t to, uint8_t from, int16_t offset, int32_t value)
{
    return (struct bpf_insn){
        .code = code, .dst_reg = to, .src_reg = from, .off = offset, .imm = value};
}

/* An XDP program that returns `verdict`, and before that calls bpf_xdp_adjust_tail by `tail`, or
 * (mark) writes the first byte. */
static int fake_program(uint32_t verdict, int tail, bool mark)
{
    struct bpf_insn code[16];
    size_t n = 0;
    int fd;

    if (mark) {
        code[n++] = insn(BPF_LDX | BPF_MEM | BPF_W, 2, 1, 0, 0);
        code[n++] = insn(BPF_LDX | BPF_MEM | BPF_W, 3, 1, 4, 0);
        code[n++] = insn(BPF_ALU64 | BPF_MOV | BPF_X, 4, 2, 0, 0);
        code[n++] = insn(BPF_ALU64 | BPF_ADD | BPF_K, 4, 0, 0, 1);
        code[n++] = insn(BPF_JMP | BPF_JGT | BPF_X, 4, 3, 1, 0);
        code[n++] = insn(BPF_ST | BPF_MEM | BPF_B, 2, 0, 0, 0xff);
    }
    if (tail) {
        code[n++] = insn(BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, tail);
        code[n++] = insn(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_xdp_adjust_tail);
    }
    code[n++] = insn(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, (int)verdict);
    code[n++] = insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
    fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "fake", "GPL", code, n, NULL);
    assert_true(fd >= 0);
    return fd;
}

/* What the engine says when another program stands under its program's descriptor. */
static int run_in_place(int program)
{
    static struct bytes frame;
    struct envelope e = {.destination_port = 9};
    int own = grain_engine_program_fd(engines[0].engine), kept = dup(own), error;
    struct grain_frame input;

    frame_udp(&frame, &e, "payload", 7);
    input = (struct grain_frame){.data = frame.data,
                                 .captured_length = frame.length,
                                 .wire_length = frame.length,
                                 .number = 77};
    assert_true(kept >= 0);
    assert_int_equal(dup2(program, own), own);
    error = grain_engine_run(engines[0].engine, &input);
    assert_int_equal(dup2(kept, own), own);
    close(kept);
    close(program);
    return error;
}

static void another_verdict_is_noticed(void **state)
{
    static const uint32_t verdicts[] = {XDP_ABORTED, XDP_DROP, XDP_TX, XDP_REDIRECT, 7};

    (void)state;
    assert_int_equal(run_in_place(fake_program(XDP_PASS, 0, false)), 0);
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        assert_int_equal(run_in_place(fake_program(verdicts[i], 0, false)), -EBADMSG);
        assert_non_null(strstr(grain_engine_error(engines[0].engine), "77"));
        assert_non_null(strstr(grain_engine_error(engines[0].engine), "verdict"));
    }
}

static void a_changed_frame_is_noticed(void **state)
{
    (void)state;
    assert_int_equal(run_in_place(fake_program(XDP_PASS, 0, true)), -EBADMSG);
    assert_int_equal(run_in_place(fake_program(XDP_PASS, -1, false)), -EBADMSG);
    assert_non_null(strstr(grain_engine_error(engines[0].engine), "changed"));
    check_mixture(&engines[0], "dns_query=2 tls_hello=1 quic_initial=1");
}

/* ---- reset ---- */

static void fill(struct runner *r, bool half_hello)
{
    struct envelope e = {.destination_port = 443};
    struct bytes hello = {0};
    struct outcome outcome;
    struct script script;

    tls_hello_record(&hello, &(struct hello){.sni = "split.example.test", .pad = 300});
    build_mixture(&script);
    if (half_hello)
        script_tcp(&script, &e, hello.data, 200);
    runner_run(r, &script, &outcome);
    outcome_free(&outcome);
    script_free(&script);
}

static int count_name(void *user, const struct grain_name_entry *entry)
{
    (void)entry;
    ++*(int *)user;
    return 0;
}

static void a_reset_engine_is_as_new(void **state)
{
    struct grain_engine_counts counts, nothing = {0};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct grain_engine *engine = engines[i].engine;
        int names = 0, error;

        fill(&engines[i], true);
        error = grain_engine_reset(engine);
        if (error == -EOPNOTSUPP) {
            printf("SKIPPED: this kernel writes no per-CPU arrays by batch\n");
            continue;
        }
        assert_int_equal(error, 0);
        assert_int_equal(grain_engine_counts(engine, &counts), 0);
        assert_memory_equal(&counts, &nothing, sizeof(counts));
        assert_int_equal(grain_engine_names(engine, count_name, &names), 0);
        assert_int_equal(names, 0);
        check_mixture(&engines[i], "dns_query=2 tls_hello=1 quic_initial=1");
    }
}

/* A hello that was under way is forgotten: its second part is nothing. */
static void a_reset_engine_awaits_no_second_part(void **state)
{
    struct envelope e = {.destination_port = 443};
    struct bytes hello = {0};

    (void)state;
    tls_hello_record(&hello, &(struct hello){.sni = "split.example.test", .pad = 300});
    for (int i = 0; i < 2; i++) {
        struct outcome outcome;
        struct script script;

        script_init(&script);
        script_segment(&script, &e, hello.data, 200);
        runner_run(&engines[i], &script, &outcome);
        outcome_free(&outcome);
        if (grain_engine_reset(engines[i].engine))
            continue;
        free(script.steps[0].data);
        script.count = 0;
        script_segment(&script, &e, hello.data + 200, hello.length - 200);
        runner_run(&engines[i], &script, &outcome);
        assert_int_equal(outcome.counts.totals.packets[GRAIN_DISPOSITION_TCP_OTHER], 1);
        assert_int_equal(outcome.record_count, 0);
        outcome_free(&outcome);
        script_free(&script);
    }
}

static void options_that_make_no_sense_are_refused(void **state)
{
    struct grain_engine *untouched = (struct grain_engine *)state, *engine = untouched;
    struct grain_engine_options options = {.size = sizeof(options), .kind = GRAIN_ENGINE_HOST};

    options.names = 3;
    assert_int_equal(grain_engine_new(&engine, &options), -EINVAL);
    assert_non_null(strstr(grain_engine_error(NULL), "names"));
    options.names = 0;
    options.flows = 1000;
    assert_int_equal(grain_engine_new(&engine, &options), -EINVAL);
    assert_non_null(strstr(grain_engine_error(NULL), "flows"));
    options.flows = 0;
    options.size = 8;
    assert_int_equal(grain_engine_new(&engine, &options), -EINVAL);
    assert_ptr_equal(engine, untouched);
    assert_int_equal(grain_engine_program_fd(engines[1].engine), -EOPNOTSUPP);
    grain_engine_free(NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(stages_switch_off_and_on),
        cmocka_unit_test(another_generation_counts_nothing),
        cmocka_unit_test(another_verdict_is_noticed),
        cmocka_unit_test(a_changed_frame_is_noticed),
        cmocka_unit_test(a_reset_engine_is_as_new),
        cmocka_unit_test(a_reset_engine_awaits_no_second_part),
        cmocka_unit_test(options_that_make_no_sense_are_refused),
    };
    int result = runner_open(&engines[0], GRAIN_ENGINE_BPF, true, 256, 64);

    if (!result)
        result = runner_open(&engines[1], GRAIN_ENGINE_HOST, true, 256, 64);
    if (result)
        return result;
    result = cmocka_run_group_tests_name("engines", tests, NULL, NULL);
    runner_close(&engines[0]);
    runner_close(&engines[1]);
    return result ? 1 : 0;
}
