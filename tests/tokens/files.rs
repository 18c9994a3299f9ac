//! What calls may do with shared files.

use reqwest::Method;

use super::Guarded;

/// Writes what it is given to a shared file, itself or, with an argument, by another call.
const WRITER: &str = r#"
#include <errno.h>
#include <faasm/faasm.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    if (argc > 1) {
        return faasmAwaitCall(faasmChainNamed("writer", NULL, 0));
    }
    FILE *file = fopen("faasm://shared.txt", "w");
    int is_refused = file == NULL && errno == EROFS;
    if (file != NULL) {
        fputs("written", file);
        fclose(file);
    }
    is_refused += mkdir("faasm://folder", 0700) != 0 && errno == EROFS;
    is_refused += unlink("faasm://there.txt") != 0 && errno == EROFS;
    return is_refused == 3 ? 33 : is_refused;
}"#;

#[tokio::test]
async fn calls_write_shared_files_if_their_token_may() {
    let guarded = Guarded::start().await;
    let module = faasm_testkit::c(WRITER);
    let url = format!("{}/f/demo/writer", guarded.server.upload);
    let header = format!("authorization: Bearer {}", guarded.admin);
    let put = guarded
        .server
        .request_with(Method::PUT, &url, &[&header], module)
        .await;
    let _ = put.expect(200);
    let there = format!("{}/file/there.txt", guarded.server.upload);
    let body = "there".to_owned();
    let _ = guarded
        .send(Method::PUT, &there, &guarded.admin, body)
        .await
        .expect(200);
    let only_invokes = guarded.token(&["invoke"], &["demo"]).await;
    let writes = guarded.token(&["invoke", "files"], &["demo"]).await;
    let shared = |token: &str| {
        let token = token.to_owned();
        let guarded = &guarded;
        async move {
            guarded
                .upload(Method::GET, "/file/shared.txt", &token)
                .await
        }
    };
    for query in ["", "?cmdline=chain"] {
        let path = format!("/invoke/demo/writer{query}");
        let refused = guarded.invoke(Method::POST, &path, &only_invokes).await;
        assert_eq!(refused.expect(500).header("faasm-return-value"), "33");
    }
    let path = "/invoke/demo/writer?async=true";
    let id = guarded.invoke(Method::POST, path, &only_invokes).await;
    let path = format!("/calls/{}?wait_ms=20000", id.expect(202).text());
    let ended = guarded.invoke(Method::GET, &path, &only_invokes).await;
    assert!(ended.text().starts_with("FAILED: "), "{}", ended.text());
    assert_eq!(shared(&guarded.admin).await.status, 404);
    let path = "/invoke/demo/writer?cmdline=chain";
    let _ = guarded
        .invoke(Method::POST, path, &writes)
        .await
        .expect(200);
    assert_eq!(shared(&guarded.admin).await.expect(200).text(), "written");
}
