// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/container_names.h"

#define ID          "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID_AND_MORE "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0"
#define ID2         "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define SECOND      1000000000ULL

#define DOCKER     "/var/lib/docker/containers"
#define CONTAINERD "/run/containerd/io.containerd.runtime.v2.task/k8s.io"
#define STORAGE    "/run/containers/storage/overlay-containers"
#define PODMAN     "/var/lib/containers/storage/overlay-containers"

static char root[64];

static int make_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/grain-names-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *stat, int type, struct FTW *at)
{
    (void)stat;
    (void)type;
    (void)at;
    return remove(path);
}

static int remove_root(void **state)
{
    (void)state;
    return nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* With all folders above it. */
static const char *path_of(const char *name)
{
    static char path[512];

    (void)snprintf(path, sizeof(path), "%s%s", root, name);
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        assert_true(!mkdir(path, 0755) || errno == EEXIST);
        *slash = '/';
    }
    return path;
}

static void write_bytes(const char *name, const void *bytes, size_t length)
{
    FILE *out = fopen(path_of(name), "w");

    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, length, out), length);
    assert_int_equal(fclose(out), 0);
}

static void write_file(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text));
}

static struct grain_container_names *names_of(size_t most, uint32_t looks)
{
    const struct grain_container_names_options options = {
        .most = most, .root = root, .looks = looks};
    struct grain_container_names *names;

    assert_int_equal(grain_container_names_new(&names, &options), 0);
    return names;
}

static struct grain_container container(const char *id, const char *runtime)
{
    struct grain_container out = {.runtime = runtime};

    (void)snprintf(out.id, sizeof(out.id), "%s", id);
    return out;
}

/* Asked for once, of an object that knows nothing yet. */
static struct grain_container_name ask(const char *id)
{
    struct grain_container_names *names = names_of(0, 0);
    const struct grain_container asked = container(id, "");
    struct grain_container_name found = *grain_container_names_of(names, &asked, SECOND);

    grain_container_names_free(names);
    return found;
}

static void assert_name(const char *id, const char *name, const char *pod, const char *namespace,
                        const char *image)
{
    const struct grain_container_name found = ask(id);

    assert_string_equal(found.name, name);
    assert_string_equal(found.pod, pod);
    assert_string_equal(found.namespace, namespace);
    assert_string_equal(found.image, image);
}

static void assert_nothing(const char *id)
{
    assert_name(id, "", "", "", "");
}

static void docker_has_a_name_and_an_image(void **state)
{
    (void)state;
    write_file(DOCKER "/" ID "/config.v2.json",
               "{\"ID\":\"" ID "\",\"Image\":\"sha256:12\",\"Name\":\"/web\",\"Config\":"
               "{\"Image\":\"nginx:1.25\",\"Labels\":{\"a\":\"b\"}}}");
    assert_name(ID, "web", "", "", "nginx:1.25");
}

static void docker_under_kubernetes_has_labels(void **state)
{
    (void)state;
    write_file(DOCKER "/" ID "/config.v2.json",
               "{\"Name\":\"/k8s_app_shop-0_prod_uid_0\",\"Config\":{\"Image\":\"sha256:34\","
               "\"Labels\":{\"io.kubernetes.container.name\":\"app\",\"io.kubernetes.pod.name\":"
               "\"shop-0\",\"io.kubernetes.pod.namespace\":\"prod\"}}}");
    assert_name(ID, "app", "shop-0", "prod", "sha256:34");
}

static void containerd_has_annotations(void **state)
{
    (void)state;
    write_file(CONTAINERD "/" ID "/config.json",
               "{\"ociVersion\":\"1.1.0\",\"annotations\":{\"io.kubernetes.cri.container-name\":"
               "\"app\",\"io.kubernetes.cri.container-type\":\"container\","
               "\"io.kubernetes.cri.image-name\":\"images.example/app:2\","
               "\"io.kubernetes.cri.sandbox-id\":\"" ID2 "\",\"io.kubernetes.cri.sandbox-name\":"
               "\"shop-0\",\"io.kubernetes.cri.sandbox-namespace\":\"prod\"}}");
    assert_name(ID, "app", "shop-0", "prod", "images.example/app:2");
}

static void a_pods_own_container_has_no_name(void **state)
{
    (void)state;
    write_file(CONTAINERD "/" ID "/config.json",
               "{\"annotations\":{\"io.kubernetes.cri.container-type\":\"sandbox\","
               "\"io.kubernetes.cri.sandbox-name\":\"shop-0\","
               "\"io.kubernetes.cri.sandbox-namespace\":\"prod\"}}");
    assert_name(ID, "", "shop-0", "prod", "");
}

static void crio_has_annotations(void **state)
{
    (void)state;
    write_file(STORAGE "/" ID "/userdata/config.json",
               "{\"annotations\":{\"io.kubernetes.container.name\":\"app\","
               "\"io.kubernetes.cri-o.ContainerName\":\"k8s_app_shop-0_prod_uid_0\","
               "\"io.kubernetes.cri-o.ImageName\":\"images.example/app:2\","
               "\"io.kubernetes.pod.name\":\"shop-0\",\"io.kubernetes.pod.namespace\":\"prod\"}}");
    assert_name(ID, "app", "shop-0", "prod", "images.example/app:2");
}

static void podman_has_lists(void **state)
{
    (void)state;
    /* Podman's own file for the runtime says nothing of it. */
    write_file(PODMAN "/" ID "/userdata/config.json",
               "{\"annotations\":{\"io.container.manager\":\"libpod\"}}");
    write_file(PODMAN "/containers.json",
               "[{\"id\":\"" ID2 "\",\"names\":[\"other\"],\"metadata\":\"\"},{\"id\":\"" ID
               "\",\"names\":[\"we-b\"],\"image\":\"56\",\"metadata\":"
               "\"{\\\"image-name\\\":\\\"docker.io/library/alpine:3\\\",\\\"name\\\":"
               "\\\"we-b\\\"}\"}]");
    assert_name(ID, "we-b", "", "", "docker.io/library/alpine:3");
    assert_name(ID2, "other", "", "", "");
    write_file(PODMAN "/containers.json", "[]");
    write_file(PODMAN "/volatile-containers.json",
               "[{\"id\":\"" ID "\",\"names\":[\"gone-soon\"]}]");
    assert_name(ID, "gone-soon", "", "", "");
}

static void an_id_that_is_none_is_no_path(void **state)
{
    static const char *const ids[] = {"..",
                                      "../0123456789abcdef",
                                      "0123456789abcde/",
                                      "0123456789abcdeF",
                                      "0123456789a",
                                      ID_AND_MORE,
                                      "0123456789ab/../0123456789ab",
                                      "0123456789ab\n",
                                      ".0123456789ab"};

    (void)state;
    write_file(DOCKER "/config.v2.json", "{\"Name\":\"/wrong\"}");
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        assert_false(grain_container_id_sound(ids[i]));
        assert_nothing(ids[i]);
    }
    assert_true(grain_container_id_sound(ID));
    assert_true(grain_container_id_sound("0123456789ab"));
}

static void what_is_no_plain_file_is_not_read(void **state)
{
    (void)state;
    write_file("/elsewhere/config.v2.json", "{\"Name\":\"/wrong\"}");
    /* The file is a link, a directory, a pipe. */
    (void)path_of(DOCKER "/" ID "/config.v2.json");
    assert_int_equal(symlink("../../../../../elsewhere/config.v2.json",
                             path_of(DOCKER "/" ID "/config.v2.json")),
                     0);
    assert_int_equal(access(path_of(DOCKER "/" ID "/config.v2.json"), R_OK), 0);
    assert_nothing(ID);
    assert_int_equal(unlink(path_of(DOCKER "/" ID "/config.v2.json")), 0);
    assert_int_equal(mkdir(path_of(DOCKER "/" ID "/config.v2.json"), 0755), 0);
    assert_nothing(ID);
    assert_int_equal(rmdir(path_of(DOCKER "/" ID "/config.v2.json")), 0);
    assert_int_equal(mkfifo(path_of(DOCKER "/" ID "/config.v2.json"), 0644), 0);
    assert_nothing(ID);
    /* The container's folder is a link. */
    assert_int_equal(symlink("../../../../elsewhere", path_of(DOCKER "/" ID2)), 0);
    assert_int_equal(access(path_of(DOCKER "/" ID2 "/config.v2.json"), R_OK), 0);
    assert_nothing(ID2);
}

static void what_is_no_json_is_not_known(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "{\"Name\":\"/web\",\"Config\":{\"Image\":\"ngi",
        "[\"Name\"]",
        "\"Name\"",
        "{\"Name\":7,\"Config\":[]}",
        "{\"Name\":{\"Name\":\"web\"},\"Config\":{\"Image\":null,\"Labels\":\"x\"}}",
        "{\"Name\":\"/\\u0000web\"}",
        "{\"Name\":\"/\xff\"}",
        "{\"Name\":\"\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        write_file(DOCKER "/" ID "/config.v2.json", texts[i]);
        assert_nothing(ID);
    }
    write_file(DOCKER "/" ID "/config.v2.json", "{\"Name\":\"/web\"}");
    write_file(PODMAN "/containers.json", "{\"id\":[1,{}],\"names\":\"a\"}");
    assert_name(ID, "web", "", "", "");
    assert_nothing(ID2);
    write_file(PODMAN "/containers.json",
               "[7,{\"id\":7},{\"id\":\"" ID2 "\",\"names\":{},\"metadata\":\"{\"}]");
    assert_nothing(ID2);
}

static void every_truncation_is_survived(void **state)
{
    static const char whole[] =
        "[{\"id\":\"" ID "\",\"names\":[\"web\"],\"metadata\":\"{\\\"image-name\\\":\\\"a\\\"}\"}]";

    (void)state;
    for (size_t length = 0; length < sizeof(whole) - 1; length++) {
        write_bytes(PODMAN "/containers.json", whole, length);
        assert_nothing(ID);
    }
    write_file(PODMAN "/containers.json", whole);
    assert_name(ID, "web", "", "", "a");
}

static void a_file_that_is_too_large_is_not_read(void **state)
{
    static const char begin[] = "{\"Name\":\"/web\",\"x\":\"", end[] = "\"}";
    char *text = malloc(GRAIN_CONTAINER_FILE_MAX + 1);

    (void)state;
    assert_non_null(text);
    memset(text, 'x', GRAIN_CONTAINER_FILE_MAX + 1);
    memcpy(text, begin, sizeof(begin) - 1);
    memcpy(text + GRAIN_CONTAINER_FILE_MAX - 2, end, 2);
    write_bytes(DOCKER "/" ID "/config.v2.json", text, GRAIN_CONTAINER_FILE_MAX);
    assert_name(ID, "web", "", "", "");
    text[GRAIN_CONTAINER_FILE_MAX - 2] = 'x';
    memcpy(text + GRAIN_CONTAINER_FILE_MAX - 1, end, 2);
    write_bytes(DOCKER "/" ID "/config.v2.json", text, GRAIN_CONTAINER_FILE_MAX + 1);
    assert_nothing(ID);
    free(text);
}

/* Bytes stay as they are: who shows them escapes them. Long ones end with a whole character. */
static void hostile_names_are_bytes(void **state)
{
    struct grain_container_name found;
    char text[4096], *to = text;

    (void)state;
    write_file(DOCKER "/" ID "/config.v2.json",
               "{\"Name\":\"/\\u001b]0;x\\u0007\\n../..\\\"\",\"Config\":{\"Image\":\"a\\\\b\"}}");
    assert_name(ID, "\033]0;x\a\n../..\"", "", "", "a\\b");
    to += sprintf(to, "{\"Name\":\"/x");
    for (int i = 0; i < 500; i++)
        to += sprintf(to, "\xc3\xa9");
    sprintf(to, "\"}");
    write_file(DOCKER "/" ID "/config.v2.json", text);
    found = ask(ID);
    assert_int_equal(strlen(found.name), 127);
    assert_int_equal((unsigned char)found.name[126], 0xa9);
    /* One byte later, a character would be cut in two. */
    memmove(text + 10, text + 11, strlen(text + 11) + 1);
    write_file(DOCKER "/" ID "/config.v2.json", text);
    found = ask(ID);
    assert_int_equal(strlen(found.name), 126);
}

static void one_that_is_gone_keeps_its_name(void **state)
{
    struct grain_container_names *names = names_of(0, 0);
    const struct grain_container asked = container(ID, "docker");

    (void)state;
    write_file(DOCKER "/" ID "/config.v2.json", "{\"Name\":\"/web\"}");
    assert_string_equal(grain_container_names_of(names, &asked, SECOND)->name, "web");
    write_file(DOCKER "/" ID "/config.v2.json", "{\"Name\":\"/renamed\"}");
    assert_string_equal(grain_container_names_of(names, &asked, 60 * SECOND)->name, "web");
    assert_string_equal(grain_container_names_of(names, &asked, 61 * SECOND)->name, "renamed");
    assert_int_equal(unlink(path_of(DOCKER "/" ID "/config.v2.json")), 0);
    assert_string_equal(grain_container_names_of(names, &asked, 500 * SECOND)->name, "renamed");
    grain_container_names_free(names);
}

static void one_that_nobody_knew_is_looked_for_again(void **state)
{
    struct grain_container_names *names = names_of(0, 0);
    const struct grain_container asked = container(ID, "docker");

    (void)state;
    assert_string_equal(grain_container_names_of(names, &asked, SECOND)->name, "");
    write_file(DOCKER "/" ID "/config.v2.json", "{\"Name\":\"/web\"}");
    assert_string_equal(grain_container_names_of(names, &asked, 5 * SECOND)->name, "");
    assert_string_equal(grain_container_names_of(names, &asked, 6 * SECOND)->name, "web");
    grain_container_names_free(names);
}

static void ids_that_are_made_up_cost_little(void **state)
{
    struct grain_container_names *names = names_of(8, 10);
    struct grain_container asked = container(ID, "docker");

    (void)state;
    write_file(DOCKER "/" ID "/config.v2.json", "{\"Name\":\"/web\"}");
    assert_string_equal(grain_container_names_of(names, &asked, SECOND)->name, "web");
    for (unsigned int i = 0; i < 100; i++) {
        struct grain_container other = container("", "docker");

        (void)snprintf(other.id, sizeof(other.id), "%064x", i);
        assert_string_equal(grain_container_names_of(names, &other, SECOND)->name, "");
        /* What is asked for stays, with no look. */
        assert_string_equal(grain_container_names_of(names, &asked, SECOND)->name, "web");
    }
    assert_int_equal(grain_container_names_put_off(names), 100 - 9);
    /* Those that nobody asks for give way. */
    for (unsigned int i = 0; i < 8; i++) {
        struct grain_container other = container("", "docker");

        (void)snprintf(other.id, sizeof(other.id), "%064x", i);
        (void)grain_container_names_of(names, &other, 2 * SECOND);
    }
    assert_int_equal(unlink(path_of(DOCKER "/" ID "/config.v2.json")), 0);
    assert_string_equal(grain_container_names_of(names, &asked, 2 * SECOND)->name, "");
    grain_container_names_free(names);
}

static void machines_are_known_by_their_names(void **state)
{
    struct grain_container_names *names = names_of(0, 0);
    const struct grain_container lxc = container("web", "lxc");
    const struct grain_container machine = container("../debian", "systemd-nspawn");

    (void)state;
    assert_string_equal(grain_container_names_of(names, &lxc, SECOND)->name, "web");
    assert_string_equal(grain_container_names_of(names, &machine, SECOND)->name, "../debian");
    grain_container_names_free(names);
}

static void ids_are_found_by_name_and_by_pod(void **state)
{
    char ids[2][GRAIN_CONTAINER_ID_MAX];
    struct grain_container_names *names = names_of(0, 0);

    (void)state;
    write_file(DOCKER "/" ID "/config.v2.json", "{\"Name\":\"/web\"}");
    write_file(DOCKER "/not-an-id/config.v2.json", "{\"Name\":\"/web\"}");
    write_file(CONTAINERD "/" ID2 "/config.json",
               "{\"annotations\":{\"io.kubernetes.cri.container-name\":\"app\","
               "\"io.kubernetes.cri.sandbox-name\":\"shop-0\"}}");
    /* A list tells of the same one. */
    write_file(PODMAN "/containers.json", "[{\"id\":\"" ID "\",\"names\":[\"web\"]},"
                                          "{\"id\":\"../x\",\"names\":[\"web\"]}]");
    assert_int_equal(grain_container_names_find(names, "web", ids, 2), 1);
    assert_string_equal(ids[0], ID);
    assert_int_equal(grain_container_names_find(names, "app", ids, 2), 1);
    assert_string_equal(ids[0], ID2);
    assert_int_equal(grain_container_names_find(names, "shop-0", ids, 2), 1);
    assert_string_equal(ids[0], ID2);
    assert_int_equal(grain_container_names_find(names, "we", ids, 2), 0);
    assert_int_equal(grain_container_names_find(names, "", ids, 2), 0);
    grain_container_names_free(names);
}

/* As somebody else than root, who may look everywhere. */
static void a_folder_that_is_shut_is_told(void **state)
{
    const struct grain_container asked = container(ID, "docker");
    struct grain_container_names *names = names_of(0, 0);
    bool is_root = !geteuid();

    (void)state;
    write_file(DOCKER "/" ID "/config.v2.json", "{\"Name\":\"/web\"}");
    assert_int_equal(chmod(root, 0755), 0);
    assert_int_equal(chmod(path_of(DOCKER "/" ID), 0), 0);
    assert_int_equal(is_root ? seteuid(65534) : 0, 0);
    assert_string_equal(grain_container_names_of(names, &asked, SECOND)->name, "");
    assert_int_equal(is_root ? seteuid(0) : 0, 0);
    assert_int_equal(chmod(path_of(DOCKER "/" ID), 0755), 0);
    assert_non_null(grain_container_names_denied(names));
    assert_string_equal(grain_container_names_denied(names), DOCKER);
    grain_container_names_free(names);
}

/* Messages of another process; what is not whole, or of no id, is left alone. */
static void what_is_told_needs_no_files(void **state)
{
    const struct grain_container_names_options options = {.root = root, .told = true};
    const struct grain_container asked = container(ID, ""), other = container(ID2, "");
    const struct grain_container machine = container("debian", "systemd-nspawn");
    struct grain_container_told told = {.id = ID, .name = {.name = "web", .pod = "shop-0"}};
    struct grain_container_names *names;
    int ends[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends), 0);
    assert_int_equal(grain_container_names_new(&names, &options), 0);
    write_file(DOCKER "/" ID "/config.v2.json", "{\"Name\":\"/of-the-file\"}");
    assert_string_equal(grain_container_names_of(names, &asked, SECOND)->name, "");
    assert_int_equal(send(ends[0], &told, sizeof(told) - 1, 0), sizeof(told) - 1);
    strcpy(told.id, "../../../etc");
    assert_int_equal(send(ends[0], &told, sizeof(told), 0), sizeof(told));
    grain_container_names_read(names, ends[1]);
    assert_string_equal(grain_container_names_of(names, &asked, SECOND)->name, "");
    memcpy(told.id, ID, sizeof(ID));
    assert_int_equal(send(ends[0], &told, sizeof(told), 0), sizeof(told));
    memset(&told.name, 'x', sizeof(told.name));
    memcpy(told.id, ID2, sizeof(ID2));
    assert_int_equal(send(ends[0], &told, sizeof(told), 0), sizeof(told));
    grain_container_names_read(names, ends[1]);
    assert_string_equal(grain_container_names_of(names, &asked, SECOND)->name, "web");
    assert_string_equal(grain_container_names_of(names, &asked, 500 * SECOND)->pod, "shop-0");
    assert_int_equal(strlen(grain_container_names_of(names, &other, SECOND)->name), 127);
    assert_string_equal(grain_container_names_of(names, &machine, SECOND)->name, "debian");
    close(ends[0]);
    grain_container_names_read(names, ends[1]);
    close(ends[1]);
    grain_container_names_free(names);
}

static void a_list_does_not_outdo_a_containers_own_file(void **state)
{
    char ids[2][GRAIN_CONTAINER_ID_MAX];
    struct grain_container_names *names = names_of(0, 0);

    (void)state;
    write_file(STORAGE "/" ID "/userdata/config.json",
               "{\"annotations\":{\"io.kubernetes.container.name\":\"app\"}}");
    write_file(PODMAN "/containers.json",
               "[{\"id\":\"" ID "\",\"names\":[\"k8s_app_shop-0_prod_uid_0\"]}]");
    assert_name(ID, "app", "", "", "");
    assert_int_equal(grain_container_names_find(names, "app", ids, 2), 1);
    assert_int_equal(grain_container_names_find(names, "k8s_app_shop-0_prod_uid_0", ids, 2), 0);
    grain_container_names_free(names);
}

static void the_stamp_tells_that_containers_came_or_went(void **state)
{
    uint64_t before = grain_container_files_stamp(root), after;

    (void)state;
    assert_int_equal(grain_container_files_stamp(root), before);
    write_file(DOCKER "/" ID "/config.v2.json", "{}");
    after = grain_container_files_stamp(root);
    assert_true(after != before);
    write_file(PODMAN "/volatile-containers.json", "[]");
    assert_true(grain_container_files_stamp(root) != after);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(docker_has_a_name_and_an_image),
        TEST(docker_under_kubernetes_has_labels),
        TEST(containerd_has_annotations),
        TEST(a_pods_own_container_has_no_name),
        TEST(crio_has_annotations),
        TEST(podman_has_lists),
        TEST(an_id_that_is_none_is_no_path),
        TEST(what_is_no_plain_file_is_not_read),
        TEST(what_is_no_json_is_not_known),
        TEST(every_truncation_is_survived),
        TEST(a_file_that_is_too_large_is_not_read),
        TEST(hostile_names_are_bytes),
        TEST(one_that_is_gone_keeps_its_name),
        TEST(one_that_nobody_knew_is_looked_for_again),
        TEST(ids_that_are_made_up_cost_little),
        TEST(machines_are_known_by_their_names),
        TEST(ids_are_found_by_name_and_by_pod),
        TEST(a_folder_that_is_shut_is_told),
        TEST(what_is_told_needs_no_files),
        TEST(a_list_does_not_outdo_a_containers_own_file),
        TEST(the_stamp_tells_that_containers_came_or_went),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
