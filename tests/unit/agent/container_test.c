// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/container.h"
#include "guard.h"

#define ID   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID2  "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define UID  "1b4ff1e7-3ba5-4d0c-9d49-5a1a2d8e4f33"
#define UID_ "1b4ff1e7_3ba5_4d0c_9d49_5a1a2d8e4f33"
#define BARE "1b4ff1e73ba54d0c9d495a1a2d8e4f33"

static const struct shape {
    const char *path, *runtime, *id, *pod;
} shapes[] = {
    /* none */
    {"", "", "", ""},
    {"/", "", "", ""},
    {"/init.scope", "", "", ""},
    {"/system.slice/docker.service", "", "", ""},
    {"/system.slice/docker.socket", "", "", ""},
    {"/system.slice/containerd.service", "", "", ""},
    {"/system.slice/crio.service", "", "", ""},
    {"/user.slice/user-1000.slice/session-2.scope", "", "", ""},
    {"/user.slice/user-1000.slice/user@1000.service/app.slice/docker-desktop.service", "", "", ""},
    {"/machine.slice", "", "", ""},
    {"/kubepods.slice", "", "", ""},
    {"/docker", "", "", ""},
    {"/docker/"
     "0123456789abcdef",
     "", "", ""},
    {"/docker/" ID "0", "", "", ""},
    {"/system.slice/docker-0123.scope", "", "", ""},
    {"/machine.slice/machine-qemu\\x2d1\\x2ddebian.scope/libvirt/emulator", "", "", ""},
    {"/machine.slice/libpod-conmon-" ID ".scope", "", "", ""},
    {"/kubepods.slice/crio-conmon-" ID ".scope", "", "", ""},
    {"/lxc.monitor.web", "", "", ""},
    {"/lxc.monitor/web", "", "", ""},
    /* docker */
    {"/docker/" ID, "docker", ID, ""},
    {"/docker/" ID "/init.scope", "docker", ID, ""},
    {"/system.slice/docker-" ID ".scope", "docker", ID, ""},
    {"/system.slice/docker-" ID ".scope/system.slice/cron.service", "docker", ID, ""},
    {"/docker/" ID "/docker/" ID2, "docker", ID2, ""},
    {"/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" ID ".scope", "docker", ID,
     ""},
    {"/ecs/" BARE "/" BARE "-1234567890", "", "", ""},
    {"/ecs/" BARE "-1234567890", "docker", BARE "-1234567890", ""},
    {"/ecs/" UID "/" ID, "", ID, ""},
    /* containerd */
    {"/default/" ID, "containerd", ID, ""},
    {"/system.slice/nerdctl-" ID ".scope", "containerd", ID, ""},
    {"/k8s.io/" ID, "containerd", ID, ""},
    /* podman */
    {"/machine.slice/libpod-" ID ".scope", "podman", ID, ""},
    {"/machine.slice/libpod-" ID ".scope/container", "podman", ID, ""},
    {"/libpod_parent/libpod-" ID, "podman", ID, ""},
    {"/libpod_parent/" ID2 "/libpod-" ID, "podman", ID, ""},
    {"/machine.slice/machine-libpod_pod_" ID2 ".slice/libpod-" ID ".scope/container", "podman", ID,
     ""},
    {"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope", "podman", ID,
     ""},
    /* kubernetes */
    {"/kubepods/besteffort/pod" UID "/" ID, "", ID, UID},
    {"/kubepods/pod" UID "/" ID, "", ID, UID},
    {"/kubepods/burstable/pod" BARE "/" ID, "", ID, BARE},
    {"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_
     ".slice/cri-containerd-" ID ".scope",
     "containerd", ID, UID},
    {"/kubepods.slice/kubepods-pod" UID_ ".slice/crio-" ID ".scope", "cri-o", ID, UID},
    {"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UID_ ".slice/docker-" ID
     ".scope",
     "docker", ID, UID},
    {"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" UID_ ".slice/cri-containerd-" ID
     ".scope",
     "containerd", ID, UID},
    {"/system.slice/containerd.service/kubepods-burstable-pod" UID_ ".slice:cri-containerd:" ID,
     "containerd", ID, UID},
    {"/kubepods/pod" UID "/crio-" ID, "cri-o", ID, UID},
    /* systemd-nspawn */
    {"/machine.slice/machine-debian.scope", "systemd-nspawn", "debian", ""},
    {"/machine.slice/machine-my\\x2dbox.scope/payload", "systemd-nspawn", "my-box", ""},
    {"/machine.slice/systemd-nspawn@debian.service/payload/system.slice/ssh.service",
     "systemd-nspawn", "debian", ""},
    /* lxc */
    {"/lxc/web", "lxc", "web", ""},
    {"/lxc/web/system.slice/cron.service", "lxc", "web", ""},
    {"/lxc.payload/web", "lxc", "web", ""},
    {"/lxc.payload.web", "lxc", "web", ""},
    {"/lxc.payload.web/init.scope", "lxc", "web", ""},
    {"/machine.slice/machine-lxc\\x2d42\\x2dweb.scope", "lxc", "42-web", ""},
};

static void paths_of_real_managers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        const struct shape *shape = &shapes[i];
        struct grain_container found;
        bool in = grain_container_of(&found, shape->path, strlen(shape->path));

        if (in != (*shape->id != 0) || strcmp(found.id, shape->id) ||
            strcmp(found.runtime, shape->runtime) || (in && strcmp(found.pod, shape->pod)))
            fail_msg("%s: %d \"%s\" \"%s\" \"%s\"", shape->path, in, found.runtime, found.id,
                     found.pod);
    }
}

static void every_truncation_stays_inside(void **state)
{
    struct guard guard;

    (void)state;
    assert_int_equal(guard_open(&guard, 4096), 0);
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        for (size_t length = 0; length <= strlen(shapes[i].path); length++) {
            const char *path = (const char *)guard_put_last(&guard, shapes[i].path, length);
            struct grain_container found;
            const char *at;
            size_t size;

            (void)grain_container_of(&found, path, length);
            assert_true(strlen(found.id) < sizeof(found.id));
            (void)grain_container_of_lines(&found, path, length, &at, &size);
        }
    guard_close(&guard);
}

static void expect_lines(const char *lines, const char *id, const char *path)
{
    struct grain_container found;
    const char *at;
    size_t length;

    assert_int_equal(grain_container_of_lines(&found, lines, strlen(lines), &at, &length),
                     *id != 0);
    assert_string_equal(found.id, id);
    assert_int_equal(length, strlen(path));
    if (length)
        assert_memory_equal(at, path, length);
}

static void lines_of_both_versions(void **state)
{
    (void)state;
    expect_lines("0::/system.slice/docker-" ID ".scope\n", ID, "/system.slice/docker-" ID ".scope");
    expect_lines("12:cpu,cpuacct:/docker/" ID "\n1:name=systemd:/docker/" ID "\n0::/\n", ID,
                 "/docker/" ID);
    expect_lines("12:cpu,cpuacct:/user.slice\n0::/user.slice/session-1.scope\n", "",
                 "/user.slice/session-1.scope");
    expect_lines("4:memory:/a:b/c\n", "", "/a:b/c");
    expect_lines("", "", "");
    expect_lines("nonsense\n::\n", "", "");
    expect_lines("2:freezer:/docker/" ID "\n0::/docker/" ID2, ID2, "/docker/" ID2);
}

static void long_names_are_no_names(void **state)
{
    char path[4096] = "/lxc/";
    struct grain_container found;

    (void)state;
    memset(path + 5, 'a', 200);
    assert_false(grain_container_of(&found, path, 205));
    assert_string_equal(found.id, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_of_real_managers),
        cmocka_unit_test(every_truncation_stays_inside),
        cmocka_unit_test(lines_of_both_versions),
        cmocka_unit_test(long_names_are_no_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
