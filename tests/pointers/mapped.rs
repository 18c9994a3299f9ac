//! Buffers, structures and strings that lie in mapped state, which no access has opened yet:
//! to every import they are memory like any other.

use faasm_testkit::{Server, c};
use reqwest::Method;

/// Does what its input names with memory of the value `large`, and prints what came of it.
const USES: &str = r#"
    #include <faasm/faasm.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    #include <wasi/api.h>

    /* Memory that nobody has touched, at a border of pages and of chunks. */
    static uint8_t *untouched(long length)
    {
        static long next;
        long offset = 61440 * ++next - 7;
        next += length / 61440 + 1;
        return faasmReadStateOffsetPtr("large", 64 << 20, offset, length);
    }

    static char *text(const char *value) /* in state, written by the host */
    {
        long length = strlen(value) + 1;
        uint8_t *copy = untouched(length);
        faasmWriteState("source", value, length);
        faasmReadState("source", copy, length);
        return (char *)copy;
    }

    static int child(void)
    {
        char input[8] = {0};
        faasmGetInput(input, 7);
        faasmSetOutput(input, 7);
        return 3;
    }

    static void files(void)
    {
        __wasi_fd_t fd;
        __wasi_size_t moved = 0, *in_state = (__wasi_size_t *)untouched(4);
        __wasi_fd_t *fd_in_state = (__wasi_fd_t *)untouched(4);
        char *path = text("file");
        if (__wasi_path_open(3, 0, path, __WASI_OFLAGS_CREAT, -1ULL, -1ULL, 0, fd_in_state)) puts("open");
        fd = *fd_in_state;
        /* Zeros out of state, and the structure that says where they are in state, too. */
        __wasi_ciovec_t *out = (__wasi_ciovec_t *)untouched(16);
        uint8_t *first = untouched(100000), *second = (uint8_t *)text("text");
        out[0] = (__wasi_ciovec_t){first, 100000};
        out[1] = (__wasi_ciovec_t){second, 4};
        if (__wasi_fd_write(fd, out, 2, in_state) || *in_state != 100004) puts("write");
        uint8_t *back = untouched(100004);
        __wasi_iovec_t in = {back, 100004};
        if (__wasi_fd_pread(fd, &in, 1, 0, &moved) || moved != 100004) puts("pread");
        if (memcmp(back + 100000, "text", 4) || back[99999]) puts("content");
        __wasi_iovec_t *parts = (__wasi_iovec_t *)untouched(16);
        parts[0] = (__wasi_iovec_t){untouched(3), 3};
        parts[1] = (__wasi_iovec_t){untouched(70000), 70000};
        __wasi_filesize_t *position = (__wasi_filesize_t *)untouched(8);
        if (__wasi_fd_seek(fd, 99999, __WASI_WHENCE_SET, position) || *position != 99999) puts("seek");
        if (__wasi_fd_read(fd, parts, 2, in_state) || *in_state != 5) puts("read");
        if (memcmp(parts[0].buf, "\0te", 3) || memcmp(parts[1].buf, "xt", 2)) puts("read content");
        __wasi_filestat_t *stat = (__wasi_filestat_t *)untouched(sizeof *stat);
        if (__wasi_path_filestat_get(3, 0, path, stat) || stat->size != 100004) puts("stat");
        if (__wasi_fd_readdir(3, untouched(1000), 1000, 0, in_state)) puts("readdir");
        if (__wasi_path_rename(3, path, 3, text("other"))) puts("rename");
        if (__wasi_path_symlink(text("other"), 3, text("link"))) puts("symlink");
        if (__wasi_path_readlink(3, text("link"), untouched(70000), 70000, in_state) || *in_state != 5) puts("readlink");
        if (__wasi_path_unlink_file(3, text("other"))) puts("unlink");
        printf("files\n");
    }

    static void about(void)
    {
        __wasi_timestamp_t *now = (__wasi_timestamp_t *)untouched(8);
        if (__wasi_clock_time_get(0, 1, now) || !*now) puts("clock");
        uint8_t *random = untouched(130000);
        if (__wasi_random_get(random, 130000)) puts("random");
        int zeros = 0;
        for (int i = 0; i < 130000; i++) zeros += random[i] == 0;
        if (zeros > 2000) puts("no chance");
        __wasi_size_t *count = (__wasi_size_t *)untouched(4), *size = (__wasi_size_t *)untouched(4);
        if (__wasi_args_sizes_get(count, size) || *count != 1) puts("sizes");
        if (__wasi_args_get((uint8_t **)untouched(4), untouched(100))) puts("args");
        if (__wasi_environ_sizes_get(count, size) || __wasi_environ_get((uint8_t **)untouched(*count * 4), untouched(*size))) puts("environ");
        if (__wasi_fd_prestat_dir_name(3, untouched(1), 1)) puts("prestat");
        __wasi_subscription_t *wish = (__wasi_subscription_t *)untouched(sizeof *wish);
        __wasi_event_t *event = (__wasi_event_t *)untouched(sizeof *event);
        wish->u.tag = __WASI_EVENTTYPE_CLOCK;
        wish->u.u.clock.timeout = 3000000;
        if (__wasi_poll_oneoff(wish, event, 1, count) || *count != 1) puts("poll");
        printf("about\n");
    }

    static void calls(void)
    {
        uint8_t *input = untouched(70000);
        faasmGetInput(input, 70000);
        if (memcmp(input, "calls", 5) || input[5]) puts("input");
        uint8_t *own = (uint8_t *)text("secret");
        char **out = (char **)untouched(4);
        int *length = (int *)untouched(4);
        unsigned int call = faasmChain(child, own, 7);
        if (faasmAwaitCallOutput(call, out, length) != 3 || *length != 7) puts("await");
        if (strcmp(*out, "secret")) puts("output");
        call = faasmChainNamed(text("nothing"), untouched(70000), 70000);
        if (faasmAwaitCall(call) != -1) puts("chain");
        if (faasmConfFlag(text("flag")) != 0) puts("flag");
        printf("calls\n");
        fflush(stdout);
        uint8_t *output = untouched(130000);
        output[129999] = '!';
        faasmSetOutput(output, 130000);
    }

    static void state(void)
    {
        /* Keys, paths, sources and targets. */
        char *key = text("small");
        faasmClearAppendedState(text("list"));
        faasmWriteState(key, untouched(70000), 70000);
        if (faasmReadState(key, untouched(70000), 70000) != 70000) puts("size");
        faasmWriteStateOffset(key, 70000, 69996, text("last"), 4);
        uint8_t *last = untouched(4);
        faasmReadStateOffset(text("small"), 70000, 69996, last, 4);
        if (memcmp(last, "last", 4)) puts("offset");
        faasmAppendState(text("list"), text("element"), 7);
        uint8_t *list = untouched(70000);
        faasmReadAppendedState(text("list"), list, 70000, 9);
        if (memcmp(list, "element", 8)) puts("list");
        FILE *file = fopen("/value", "w");
        fputs("from a file", file);
        fclose(file);
        if (faasmWriteStateFromFile(text("filed"), text("/value")) != 11) puts("file");
        faasmLockStateWrite(text("lock"));
        faasmUnlockStateWrite(text("lock"));
        faasmPushState(text("small"));
        /* A value out of, and into, itself. */
        uint8_t *self = faasmReadStatePtr("self", 200000);
        faasmWriteState("self", self, 200000);
        self[199999] = 'x';
        faasmWriteStateOffset("self", 200000, 1, self + 199990, 10);
        if (self[10] != 'x') puts("self");
        faasmReadStateOffset("self", 200000, 1, self + 2, 100000);
        if (self[11] != 'x') puts("overlap");
        faasmWriteState("self", self, 100000);
        if (faasmReadStateSize("self") != 100000) puts("shorter");
        self[150000] = 'y';
        faasmReadState("self", self, 200000);
        if (self[11] != 'x' || self[150000]) puts("into the old one");
        printf("state\n");
    }

    int main(void)
    {
        char mode[8] = {0};
        faasmGetInput(mode, 7);
        if (mode[0] == 'f') files();
        if (mode[0] == 'a') about();
        if (mode[0] == 'c') calls();
        if (mode[0] == 's') state();
        return 0;
    }"#;

#[tokio::test]
async fn every_import_reads_and_writes_state_that_is_mapped_and_was_never_touched() {
    let server = Server::start().await;
    server.put("demo/f", c(USES)).await;
    for there in ["nothing", "zeros", "a shorter value"] {
        for mode in ["files", "about", "calls", "state"] {
            // In the global tier only, or nowhere.
            let _ = server.stored(Method::DELETE, "/s/demo/large", "").await;
            match there {
                "zeros" => put(&server, vec![0; 64 << 20]).await,
                "a shorter value" => put(&server, vec![0; 100_000]).await,
                _ => {}
            }
            let call = server.call_json("demo/f", mode).await;
            assert_eq!(call["stdout"], format!("{mode}\n"), "{there}: {call}");
            assert_eq!(call["status"], "SUCCESS", "{there}: {call}");
            let printed = call["output_data"].as_str();
            if mode == "calls" {
                let output = printed.unwrap_or_default();
                assert_eq!((output.len(), output.ends_with("\0!")), (130_000, true));
            }
        }
    }
}

async fn put(server: &Server, value: Vec<u8>) {
    let _ = server
        .stored(Method::PUT, "/s/demo/large", value)
        .await
        .expect(200);
}
