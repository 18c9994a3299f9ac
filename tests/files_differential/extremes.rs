//! What no random script comes to: very many files, and very often.

use faasm_testkit::Server;

use crate::memory_budget::settles;
use crate::wasi::{passes, program};

#[tokio::test]
async fn a_million_files_opened_and_closed_leave_nothing() {
    let server = Server::start().await;
    let code = program(
        r#"int main(void)
        {
            int lowest = open("/tmp/a", O_CREAT | O_RDWR, 0644);
            CHECK(write(lowest, "0123456789", 10) == 10 && close(lowest) == 0);
            for (int i = 0; i < 1000000; i++) {
                if (i % 16 == 0) {
                    FILE *file = fopen("/tmp/stream", "w");
                    CHECK(file && fileno(file) == lowest && fputs("text", file) >= 0 && fclose(file) == 0);
                    DIR *dir = opendir("/tmp");
                    CHECK(dir && readdir(dir) && closedir(dir) == 0);
                    CHECK(unlink("/tmp/stream") == 0);
                } else {
                    int fd = open("/tmp/a", i % 2 ? O_RDONLY : O_RDWR);
                    CHECK(fd == lowest);
                    if (i % 16 == 1) {
                        int copy = dup(fd);
                        CHECK(copy == fd + 1 && close(copy) == 0);
                    }
                    CHECK(close(fd) == 0);
                }
            }
            return 0;
        }"#,
    );
    server.put("demo/f", code).await;
    let open_files = || {
        let fds = std::fs::read_dir(format!("/proc/{}/fd", server.pid()));
        fds.unwrap().count()
    };
    assert_eq!(server.call("demo/f", "").await.expect(200).text(), "");
    settles(&server).await;
    let (files, memory) = (open_files(), server.rss());
    assert_eq!(server.call("demo/f", "").await.expect(200).text(), "");
    settles(&server).await;
    assert!(open_files() <= files, "{files} files were open");
    assert!(
        server.rss() < memory + (16 << 20),
        "{memory} bytes were used"
    );
}

#[tokio::test]
async fn as_many_files_as_are_open_at_once_keep_their_data_apart() {
    passes(
        r#"
        static int fds[5000];
        int main(void)
        {
            char path[32], text[8];
            int count = 0;
            CHECK(mkdir("/many", 0755) == 0);
            for (; count < 5000; count++) {
                sprintf(path, "/many/%d", count);
                fds[count] = open(path, O_CREAT | O_EXCL | O_RDWR, 0644);
                if (fds[count] < 0) break;
                CHECK(pwrite(fds[count], &count, sizeof count, (off_t)count << 24) == sizeof count);
                CHECK(count % 2 || unlink(path) == 0);
            }
            CHECK(errno == EMFILE && count > 1000);
            /* What could not be opened was not made, either. */
            struct stat info;
            FAILS(stat(path, &info), ENOENT);
            CHECK(fopen("/many/1", "r") == NULL && errno == EMFILE);
            CHECK(opendir("/many") == NULL && errno == EMFILE);
            for (int i = count - 1; i >= 0; i--) {
                int found = -1;
                off_t size = ((off_t)i << 24) + (off_t)sizeof found;
                CHECK(fstat(fds[i], &info) == 0 && info.st_size == size && info.st_nlink == (unsigned)i % 2);
                CHECK(pread(fds[i], &found, sizeof found, (off_t)i << 24) == sizeof found && found == i);
                CHECK(i == 0 || (pread(fds[i], text, 8, 1 << 20) == 8 && !memcmp(text, "\0\0\0\0\0\0\0", 8)));
                CHECK(close(fds[i]) == 0);
            }
            FILE *file = fopen("/many/1", "r");
            CHECK(file && fileno(file) == fds[0] && fseeko(file, 1 << 24, SEEK_SET) == 0 && fgetc(file) == 1);
            return 0;
        }"#,
    )
    .await;
}
