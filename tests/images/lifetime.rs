//! How long images are kept, and what becomes of calls whose image is gone.

use std::time::Duration;

use faasm_testkit::{Server, c};
use reqwest::Method;

use super::{COUNTED, COUNTER, output, stored_images};

#[tokio::test]
async fn an_image_outlives_the_server_and_is_made_again_when_it_is_damaged_or_gone() {
    let dir = tempfile::tempdir().unwrap();
    let start = || Server::builder().data_dir(dir.path()).start();
    let mut server = start().await;
    server.put("demo/f", c(COUNTER)).await;
    let path = stored_images(&server).remove(0);
    for damage in ["none", "flip", "cut", "remove"] {
        server.kill();
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        match damage {
            "flip" => bytes[middle] ^= 1,
            "cut" => bytes.truncate(middle),
            _ => {}
        }
        match damage {
            "none" => {}
            "remove" => std::fs::remove_file(&path).unwrap(),
            _ => std::fs::write(&path, bytes).unwrap(),
        }
        server = start().await;
        assert_eq!(output(&server).await, COUNTED, "{damage}");
        assert!(path.exists());
    }
}

#[tokio::test]
async fn an_image_goes_with_its_function_though_others_have_the_same_code() {
    let server = Server::start().await;
    for name in ["demo/f", "other/g"] {
        server.put(name, c(COUNTER)).await;
    }
    assert_eq!(stored_images(&server).len(), 2);
    let url = format!("{}/f/other/g", server.upload);
    let _ = server.request(Method::DELETE, &url, "").await.expect(200);
    assert_eq!(stored_images(&server).len(), 1);
    // Limits are another record, of the same upload.
    let limits = serde_json::json!({"time_ms": 5_000});
    let _ = server.set_limits("demo/f", limits).await.expect(200);
    assert_eq!(stored_images(&server).len(), 1);
    server
        .put("demo/f", c("int main(void) { return 0; }"))
        .await;
    assert_eq!(stored_images(&server).len(), 0);
}

#[tokio::test]
async fn a_call_that_was_cancelled_while_its_image_was_made_again_does_not_begin() {
    let server = Server::start().await;
    let code = c(r#"#include <faasm/faasm.h>
        #include <stdio.h>
        #include <unistd.h>
        static int prepared;
        FAASM_ZYGOTE() { usleep(500000); prepared = 1; return 0; }
        int main(void) { fclose(fopen("faasm://ran", "w")); return prepared - 1; }"#);
    server.put("demo/f", code).await;
    for image in stored_images(&server) {
        std::fs::remove_file(image).unwrap();
    }
    let flush = format!("{}/flush", server.upload);
    let _ = server.request(Method::POST, &flush, "").await.expect(200);
    let id = server.submit("demo/f", "").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let url = format!("{}/calls/{id}", server.invoke);
    let _ = server.request(Method::DELETE, &url, "").await.expect(200);
    while stored_images(&server).is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let _ = server
        .stored(Method::GET, "/file/ran", "")
        .await
        .expect(404);
}

#[tokio::test]
async fn the_cache_can_be_removed_under_a_running_server() {
    let server = Server::start().await;
    server.put("demo/f", c(COUNTER)).await;
    std::fs::remove_dir_all(server.data_dir().join("cache")).unwrap();
    let flush = format!("{}/flush", server.upload);
    let _ = server.request(Method::POST, &flush, "").await.expect(200);
    let seen = output(&server).await;
    server.put("demo/f", c(COUNTER)).await;
    assert_eq!(output(&server).await, seen);
}
