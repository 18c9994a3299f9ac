//! Files and directories.

use faasm_testkit::Server;

use super::{passes, program};

#[tokio::test]
async fn files_are_written_anywhere_and_gone_in_the_next_call() {
    passes(
        r#"int main(void)
        {
            FAILS(open("/tmp/a", O_RDONLY), ENOENT);
            FAILS(open("/etc/my.conf", O_RDONLY), ENOENT);
            put("/tmp/a", "text");
            CHECK(strcmp(get("/tmp/a"), "text") == 0);
            put("relative", "here");
            CHECK(strcmp(get("/relative"), "here") == 0);
            CHECK(mkdir("/etc", 0755) == 0 && mkdir("/etc/deep", 0755) == 0);
            put("/etc/my.conf", "conf");
            CHECK(rename("/tmp/a", "/etc/deep/b") == 0);
            FAILS(open("/tmp/a", O_RDONLY), ENOENT);
            CHECK(strcmp(get("/etc/deep/b"), "text") == 0);
            CHECK(strcmp(get("/etc/deep/../deep/./b"), "text") == 0);
            CHECK(unlink("/etc/deep/b") == 0);
            CHECK(rmdir("/etc/deep") == 0);
            FAILS(rmdir("/etc"), ENOTEMPTY);
            FILE *file = fopen("/tmp/stdio", "w+");
            CHECK(file && fprintf(file, "%d %s\n", 42, "lines") == 9);
            rewind(file);
            int number;
            char word[16];
            CHECK(fscanf(file, "%d %15s", &number, word) == 2 && number == 42);
            CHECK(fclose(file) == 0);
            return 0;
        }"#,
    )
    .await;
}

#[tokio::test]
async fn files_are_sought_appended_to_and_truncated() {
    passes(
        r#"int main(void)
        {
            char text[16] = {0};
            int fd = open("/tmp/a", O_CREAT | O_RDWR | O_EXCL, 0644);
            FAILS(open("/tmp/a", O_CREAT | O_RDWR | O_EXCL, 0644), EEXIST);
            CHECK(write(fd, "0123456789", 10) == 10);
            CHECK(lseek(fd, 3, SEEK_SET) == 3 && read(fd, text, 2) == 2 && !memcmp(text, "34", 2));
            CHECK(lseek(fd, 0, SEEK_CUR) == 5 && lseek(fd, -1, SEEK_END) == 9);
            FAILS(lseek(fd, -1, SEEK_SET), EINVAL);
            CHECK(pread(fd, text, 16, 8) == 2 && pwrite(fd, "xy", 2, 1) == 2);
            CHECK(lseek(fd, 0, SEEK_CUR) == 9);
            int more = open("/tmp/a", O_WRONLY | O_APPEND);
            CHECK(more > fd && write(more, "end", 3) == 3);
            CHECK(strcmp(get("/tmp/a"), "0xy3456789end") == 0);
            CHECK(ftruncate(fd, 3) == 0 && strcmp(get("/tmp/a"), "0xy") == 0);
            CHECK(ftruncate(fd, 5) == 0 && pread(fd, text, 16, 0) == 5 && !memcmp(text, "0xy\0\0", 5));

            /* Holes cost nothing, however far one goes. */
            off_t far = 900LL << 30;
            CHECK(pwrite(fd, "!", 1, far) == 1);
            struct stat info;
            CHECK(fstat(fd, &info) == 0 && info.st_size == far + 1);
            CHECK(pread(fd, text, 16, far - 2) == 3 && !memcmp(text, "\0\0!", 3));
            CHECK(lseek(fd, 5LL << 40, SEEK_SET) == 5LL << 40 && read(fd, text, 1) == 0);
            FAILS(pwrite(fd, "!", 1, 2LL << 40), EFBIG);

            /* What is open stays readable when its name goes. */
            CHECK(unlink("/tmp/a") == 0 && pread(fd, text, 3, 0) == 3 && !memcmp(text, "0xy", 3));
            CHECK(close(fd) == 0 && close(more) == 0);
            return 0;
        }"#,
    )
    .await;
}

#[tokio::test]
async fn files_are_described_linked_and_listed() {
    passes(
        r#"int main(void)
        {
            struct stat info, other;
            put("/tmp/a", "12345");
            CHECK(stat("/tmp/a", &info) == 0 && S_ISREG(info.st_mode) && info.st_size == 5);
            CHECK(info.st_nlink == 1 && info.st_mtim.tv_sec > 1700000000);
            CHECK(stat("/tmp", &info) == 0 && S_ISDIR(info.st_mode));
            CHECK(link("/tmp/a", "/tmp/hard") == 0);
            CHECK(stat("/tmp/hard", &other) == 0 && other.st_nlink == 2);
            CHECK(symlink("a", "/tmp/soft") == 0);
            CHECK(lstat("/tmp/soft", &info) == 0 && S_ISLNK(info.st_mode));
            CHECK(stat("/tmp/soft", &info) == 0 && info.st_ino == other.st_ino);
            char target[8] = {0};
            CHECK(readlink("/tmp/soft", target, 8) == 1 && target[0] == 'a');
            struct timespec times[2] = {{1000, 5}, {2000, 7}};
            CHECK(utimensat(AT_FDCWD, "/tmp/a", times, 0) == 0 && stat("/tmp/a", &info) == 0);
            CHECK(info.st_atim.tv_sec == 1000 && info.st_mtim.tv_sec == 2000 && info.st_mtim.tv_nsec == 7);

            CHECK(mkdir("/many", 0755) == 0);
            for (int i = 0; i < 300; i++) {
                char path[32];
                sprintf(path, "/many/file-number-%d", i);
                put(path, "");
            }
            char seen[300] = {0};
            int count = 0;
            DIR *dir = opendir("/many");
            CHECK(dir != NULL);
            for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
                int number = -1;
                if (entry->d_name[0] == '.') continue;
                CHECK(sscanf(entry->d_name, "file-number-%d", &number) == 1);
                CHECK(number >= 0 && number < 300 && !seen[number] && entry->d_type == DT_REG);
                seen[number] = 1;
                count++;
            }
            CHECK(count == 300 && closedir(dir) == 0);
            return 0;
        }"#,
    )
    .await;
}

#[tokio::test]
async fn nothing_of_the_host_is_visible() {
    passes(
        r#"int main(void)
        {
            const char *paths[] = {
                "/etc/passwd", "/proc/self/maps", "/proc/self/environ", "/dev/null", "/dev/zero",
                "/sys/kernel", "/root", "/home", "/usr/bin/env", "/../etc/passwd", "../../../etc/passwd",
                "/tmp/../../etc/passwd", "faasm://etc/passwd", "faasm://../../etc/passwd", "//etc//passwd",
            };
            for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++) {
                struct stat info;
                FAILS(open(paths[i], O_RDONLY), ENOENT);
                FAILS(stat(paths[i], &info), ENOENT);
            }
            /* Links lead to where they would within this world. */
            CHECK(symlink("/etc/passwd", "/tmp/absolute") == 0);
            CHECK(symlink("../../../../etc/passwd", "/tmp/relative") == 0);
            CHECK(symlink("/", "/tmp/root") == 0 && symlink("/..", "/tmp/above") == 0);
            FAILS(open("/tmp/absolute", O_RDONLY), ENOENT);
            FAILS(open("/tmp/relative", O_RDONLY), ENOENT);
            FAILS(open("/tmp/root/etc/passwd", O_RDONLY), ENOENT);
            FAILS(open("/tmp/above/../etc/passwd", O_RDONLY), ENOENT);
            put("/marker", "mine");
            CHECK(strcmp(get("/../../marker"), "mine") == 0 && strcmp(get("/tmp/above/marker"), "mine") == 0);
            DIR *dir = opendir("/");
            int count = 0;
            for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
                if (entry->d_name[0] != '.') count++;
            CHECK(count == 2); /* tmp and marker */
            CHECK(getenv("PATH") == NULL && getenv("HOME") == NULL && getenv("USER") == NULL);
            return 0;
        }"#,
    )
    .await;
}

#[tokio::test]
async fn descriptors_are_bounded_reused_and_renumbered() {
    passes(
        r#"int main(void)
        {
            put("/tmp/a", "text");
            int opened = 0, last = -1;
            for (; opened < 5000; opened++) {
                int fd = open("/tmp/a", O_RDONLY);
                if (fd < 0) break;
                last = fd;
            }
            CHECK(errno == EMFILE && opened == 1020 && last == 1023);
            CHECK(close(500) == 0 && close(7) == 0);
            CHECK(open("/tmp/a", O_RDONLY) == 7 && open("/tmp/a", O_RDONLY) == 500);
            FAILS(open("/tmp/a", O_RDONLY), EMFILE);
            return 0;
        }"#,
    )
    .await;
    passes(
        r#"int main(void)
        {
            char text[8] = {0};
            put("/tmp/a", "aaaa");
            put("/tmp/b", "bbbb");
            int a = open("/tmp/a", O_RDONLY), b = open("/tmp/b", O_RDONLY);
            CHECK(read(a, text, 1) == 1);
            CHECK(__wasi_fd_renumber(a, b) == 0);
            FAILS(read(a, text, 1), EBADF);
            CHECK(read(b, text, 8) == 3 && !memcmp(text, "aaa", 3));
            CHECK(__wasi_fd_renumber(b, b) == 0 && __wasi_fd_renumber(99, b) == __WASI_ERRNO_BADF);
            CHECK(__wasi_fd_renumber(b, 99) == __WASI_ERRNO_BADF);
            /* Output goes where a program sends it. */
            int log = open("/tmp/log", O_CREAT | O_RDWR, 0644);
            CHECK(__wasi_fd_renumber(log, 1) == 0);
            printf("not seen");
            fflush(stdout);
            CHECK(strcmp(get("/tmp/log"), "not seen") == 0);
            return 0;
        }"#,
    )
    .await;
}

#[tokio::test]
async fn scratch_files_are_bounded() {
    let limit = ["--max-scratch", "16MiB"];
    let server = Server::builder().args(limit).start().await;
    let code = program(
        r#"
        static char block[65536];
        int main(void)
        {
            memset(block, 'x', sizeof block);
            int fd = open("/tmp/full", O_CREAT | O_RDWR, 0644);
            long total = 0;
            for (ssize_t n; (n = write(fd, block, sizeof block)) > 0;) total += n;
            CHECK(errno == ENOSPC && total > (15 << 20) && total <= (16 << 20));
            FAILS(write(fd, block, sizeof block), ENOSPC);
            CHECK(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
            CHECK(write(fd, block, sizeof block) == sizeof block);
            CHECK(close(fd) == 0 && unlink("/tmp/full") == 0);
            /* So are names: a loop that makes files ends, too. */
            long made = 0;
            for (char path[32]; made < 1000000; made++) {
                sprintf(path, "/tmp/%ld", made);
                int file = open(path, O_CREAT | O_WRONLY, 0644);
                if (file < 0) break;
                close(file);
            }
            CHECK(errno == ENOSPC && made > 1000 && made <= 65536);
            return 0;
        }"#,
    );
    server.put("demo/f", code).await;
    assert_eq!(server.call("demo/f", "").await.expect(200).text(), "");
    assert_eq!(server.call("demo/f", "").await.expect(200).text(), "");
}

#[tokio::test]
async fn one_read_moves_a_bounded_number_of_bytes() {
    passes(
        r#"
        static char buffer[64 << 20];
        int main(void)
        {
            int fd = open("/tmp/holes", O_CREAT | O_RDWR, 0644);
            CHECK(ftruncate(fd, 900LL << 30) == 0);
            /* Together they are more than 32 bits can say. */
            static __wasi_iovec_t buffers[80];
            for (int i = 0; i < 80; i++) {
                buffers[i].buf = (uint8_t *)buffer;
                buffers[i].buf_len = sizeof buffer;
            }
            __wasi_size_t size = 0;
            CHECK(__wasi_fd_pread(fd, buffers, 80, 0, &size) == 0 && size == 0x7ffff000);
            return 0;
        }"#,
    )
    .await;
}
