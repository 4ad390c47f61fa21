// SPDX-License-Identifier: GPL-2.0-only
/* A DNS response: the addresses it gives to its question. */
#include "agent/answers.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct grain_answers answers;

    if (grain_answers_parse(&answers, data, size))
        return 0;
    fuzz_check(answers.count <= GRAIN_ANSWERS_MAX);
    fuzz_check(answers.record_count <= GRAIN_ANSWERS_RECORDS_MAX);
    fuzz_check(answers.question.length && answers.question.length <= 255);
    fuzz_check(answers.owner.length && answers.owner.length <= 255);
    fuzz_check(!answers.owner.bytes[answers.owner.length - 1]);
    for (uint32_t i = 0; i < answers.count; i++)
        fuzz_check(answers.list[i].family && answers.list[i].ttl <= 0x7fffffff);
    return 0;
}
