#![allow(missing_docs)]
use faasm_calllog::EmbeddedLog;
use faasm_http::*;
use faasm_storage::{DataDirLock, Storage};
use std::sync::Arc;
#[tokio::main]
async fn main() {
    let dir = tempfile::tempdir().unwrap();
    let storage = Storage::open(DataDirLock::acquire(dir.path(), "x").unwrap())
        .await
        .unwrap();
    let faaslets = faasm_faaslet::Faaslets::new(Default::default(), storage.clone()).unwrap();
    let log = Arc::new(EmbeddedLog::open(&dir.path().join("calls")).unwrap());
    let calls = faasm_calls::Calls::start(Default::default(), faaslets.clone(), log)
        .await
        .unwrap();
    let metrics = install_metrics().unwrap();
    let mut w = storage.spool().create(1000);
    w.write(bytes::Bytes::from_static(
        br#"(module (memory (export "memory") 1) (func (export "_start")))"#,
    ))
    .await
    .unwrap();
    faaslets
        .publish(
            &faasm_model::FunctionName::new("demo", "noop").unwrap(),
            w.finish().await.unwrap(),
        )
        .await
        .unwrap();
    let o = HttpOptions::default();
    let api = Api::new(ApiParts {
        calls,
        storage,
        metrics,
        readiness: Readiness::default(),
        options: o.clone(),
    });
    let bare = axum::Router::new().route(
        "/",
        axum::routing::post(|b: bytes::Bytes| async move { format!("{}", b.len()) }),
    );
    let l1 = tokio::net::TcpListener::bind("127.0.0.1:18080")
        .await
        .unwrap();
    let l2 = tokio::net::TcpListener::bind("127.0.0.1:18081")
        .await
        .unwrap();
    let (o2, t) = (o.clone(), Default::default());
    tokio::spawn(async move { serve(l1, invoke_router(api), &o2, t).await });
    axum::serve(l2, bare).await.unwrap();
}
