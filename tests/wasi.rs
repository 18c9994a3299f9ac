//! What a function sees of the world through WASI: its own files, and nothing of the
//! host.

mod files;

use faasm_testkit::{Server, c};
use serde_json::json;

/// A program whose checks end it where one fails, with its line and errno.
pub(crate) fn program(body: &str) -> bytes::Bytes {
    c(&format!(
        r#"
        #include <dirent.h>
        #include <errno.h>
        #include <fcntl.h>
        #include <faasm/faasm.h>
        #include <poll.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/random.h>
        #include <sys/select.h>
        #include <sys/socket.h>
        #include <sys/stat.h>
        #include <sys/time.h>
        #include <time.h>
        #include <unistd.h>
        #include <wasi/api.h>
        #define CHECK(what) do {{ if (!(what)) {{ \
            printf("%s (line %d, errno %d)\n", #what, __LINE__, errno); exit(1); }} }} while (0)
        #define FAILS(what, error) do {{ errno = 0; CHECK((long)(what) == -1); CHECK(errno == (error)); }} while (0)
        static void put(const char *path, const char *text)
        {{
            int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);
            CHECK(fd >= 0);
            CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
            CHECK(close(fd) == 0);
        }}
        static const char *get(const char *path)
        {{
            static char text[256];
            int fd = open(path, O_RDONLY);
            CHECK(fd >= 0);
            ssize_t size = read(fd, text, sizeof text - 1);
            CHECK(size >= 0);
            text[size] = 0;
            CHECK(close(fd) == 0);
            return text;
        }}
        {body}"#
    ))
}

/// Runs a program whose checks must all hold.
#[track_caller]
pub(crate) fn passes(body: &str) -> impl Future<Output = ()> {
    let code = program(body);
    async move {
        let server = Server::start().await;
        server.put("demo/f", code).await;
        // Twice: the second call must find the world as the first one did.
        for _ in 0..2 {
            assert_eq!(server.call("demo/f", "").await.expect(200).text(), "");
        }
    }
}

#[tokio::test]
async fn errors_have_the_numbers_of_posix() {
    passes(
        r#"int main(void)
        {
            char text[8];
            put("/tmp/a", "text");
            CHECK(mkdir("/tmp/dir", 0755) == 0);
            FAILS(mkdir("/tmp/dir", 0755), EEXIST);
            FAILS(mkdir("/no/dir", 0755), ENOENT);
            FAILS(open("/tmp/a/b", O_RDONLY), ENOTDIR);
            FAILS(open("/tmp/dir", O_WRONLY), EISDIR);
            FAILS(open("/tmp/a", O_RDONLY | O_DIRECTORY), ENOTDIR);
            FAILS(unlink("/tmp/none"), ENOENT);
            FAILS(rmdir("/tmp/a"), ENOTDIR);
            FAILS(rename("/tmp/none", "/tmp/b"), ENOENT);
            FAILS(rename("/tmp/dir", "/tmp/dir/inside"), EINVAL);
            FAILS(readlink("/tmp/a", text, 8), EINVAL);
            FAILS(link("/tmp/a", "/tmp/dir"), EEXIST);
            CHECK(symlink("loop", "/tmp/loop") == 0);
            FAILS(open("/tmp/loop", O_RDONLY), ELOOP);
            FAILS(read(77, text, 1), EBADF);
            FAILS(close(77), EBADF);
            FAILS(write(0, text, 1), EBADF);
            int fd = open("/tmp/a", O_RDONLY);
            FAILS(write(fd, text, 1), EBADF);
            FAILS(lseek(fd, 0, 99), EINVAL);
            FAILS(lseek(1, 0, SEEK_SET), ESPIPE);
            char name[300];
            memset(name, 'n', sizeof name);
            name[299] = 0;
            FAILS(open(name, O_CREAT | O_RDWR, 0644), ENAMETOOLONG);
            __wasi_fd_t opened;
            CHECK(__wasi_path_open(3, 0, "", 0, 0, 0, 0, &opened) == __WASI_ERRNO_NOENT);
            FAILS(recv(fd, text, 1, 0), ENOTSOCK);
            FAILS(send(1, text, 1, 0), ENOTSOCK);
            FAILS(shutdown(0, SHUT_RD), ENOTSOCK);
            FAILS(recv(77, text, 1, 0), EBADF);
            return 0;
        }"#,
    )
    .await;
}

#[tokio::test]
async fn clocks_go_on_and_sleeps_take_their_time() {
    passes(
        r#"
        static long long now(clockid_t clock)
        {
            struct timespec time;
            CHECK(clock_gettime(clock, &time) == 0);
            return time.tv_sec * 1000000000LL + time.tv_nsec;
        }
        int main(void)
        {
            long long real = now(CLOCK_REALTIME), begun = now(CLOCK_MONOTONIC);
            CHECK(real > 1700000000LL * 1000000000 && begun > 0);
            CHECK(llabs(real / 1000000000 - time(NULL)) <= 1);
            struct timespec pause = {0, 20000000}, resolution;
            CHECK(nanosleep(&pause, NULL) == 0);
            CHECK(now(CLOCK_MONOTONIC) - begun >= 20000000 && now(CLOCK_REALTIME) > real);
            CHECK(clock_getres(CLOCK_MONOTONIC, &resolution) == 0 && resolution.tv_nsec < 1000000);

            begun = now(CLOCK_MONOTONIC);
            struct timespec until = {begun / 1000000000, begun % 1000000000};
            CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == 0);
            struct timeval timeout = {0, 20000};
            CHECK(select(0, NULL, NULL, NULL, &timeout) == 0);
            CHECK(now(CLOCK_MONOTONIC) - begun >= 20000000);
            struct pollfd fds[2] = {{0, POLLIN, 0}, {1, POLLOUT, 0}};
            CHECK(poll(fds, 2, 60000) == 2 && (fds[0].revents & POLLIN) && (fds[1].revents & POLLOUT));
            return 0;
        }"#,
    )
    .await;
}

#[tokio::test]
async fn a_function_knows_its_arguments_its_environment_and_its_input() {
    let server = Server::start().await;
    let code = program(
        r#"
        extern char **environ;
        int main(int argc, char **argv)
        {
            for (int i = 0; i < argc; i++) printf("[%s]", argv[i]);
            for (char **entry = environ; *entry; entry++) printf(" %s", *entry);
            char text[64];
            size_t size = fread(text, 1, sizeof text, stdin);
            printf(" %.*s", (int)size, text);
            /* A stream without an end to seek to, as a terminal: lines appear as they are written. */
            int file = open("/tmp/a", O_CREAT | O_RDWR, 0644);
            printf(" %d%d%d %d", isatty(0), isatty(1), isatty(2), isatty(file));
            return 0;
        }"#,
    );
    server.put("demo/f", code).await;
    let cmdline = r#"one 'two words' "" three\ 3"#;
    let call =
        json!({"user": "demo", "function": "f", "cmdline": cmdline, "input_data": "the input"});
    let answer = server.post(call).await.expect(200);
    let id = answer.header("faasm-call-id");
    assert_eq!(
        answer.text(),
        format!(
            "[function.wasm][one][two words][][three 3] FAASM_USER=demo FAASM_FUNCTION=f \
             FAASM_CALL_ID={id} the input 111 0"
        )
    );
}

#[tokio::test]
async fn random_bytes_differ_between_calls() {
    let server = Server::start().await;
    let code = program(
        r#"int main(void)
        {
            unsigned char bytes[32], zeros[32] = {0};
            CHECK(getentropy(bytes, 32) == 0 && memcmp(bytes, zeros, 32) != 0);
            for (int i = 0; i < 32; i++) printf("%02x", bytes[i]);
            unsigned char *many = malloc(1 << 20);
            CHECK(__wasi_random_get(many, 1 << 20) == 0);
            int counts[256] = {0};
            for (int i = 0; i < 1 << 20; i++) counts[many[i]]++;
            for (int i = 0; i < 256; i++) CHECK(counts[i] > 3000 && counts[i] < 5500);
            return 0;
        }"#,
    );
    server.put("demo/f", code).await;
    let first = server.call("demo/f", "").await.expect(200).text();
    let second = server.call("demo/f", "").await.expect(200).text();
    assert!(first.len() == 64 && first != second, "{first} {second}");
}

#[tokio::test]
async fn exit_codes_are_return_values() {
    let server = Server::start().await;
    let code = program(
        r#"
        static void last(void) { printf(" last"); }
        int main(void)
        {
            char mode[16] = {0};
            faasmGetInput(mode, 15);
            int code = atoi(mode + 1);
            atexit(last);
            printf("unflushed");
            if (mode[0] == 'e') exit(code);
            if (mode[0] == '_') _exit(code);
            if (mode[0] == 'a') abort();
            return code;
        }"#,
    );
    server.put("demo/f", code).await;
    for (mode, status, value, stdout) in [
        ("r0", 200, 0, "unflushed last"),
        ("r3", 500, 3, "unflushed last"),
        ("r-1", 500, -1, "unflushed last"),
        ("e0", 200, 0, "unflushed last"),
        ("e255", 500, 255, "unflushed last"),
        ("_0", 200, 0, ""),
        ("_9", 500, 9, ""),
    ] {
        let answer = server.call("demo/f", mode).await.expect(status);
        assert_eq!(
            answer.header("faasm-return-value"),
            value.to_string(),
            "{mode}"
        );
        assert!(
            answer.text().starts_with(stdout),
            "{mode}: {}",
            answer.text()
        );
        if value != 0 {
            let reason = format!("nonzero_return: the function returned {value}\n");
            assert!(answer.text().ends_with(&reason), "{}", answer.text());
        }
    }
    let answer = server.call("demo/f", "a").await.expect(500);
    assert!(answer.text().contains("trap: "), "{}", answer.text());
}
