//! Training by Faaslets.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::Bytes;
use faasm_testkit::{Server, Signal};
use reqwest::Method;
use tempfile::TempDir;

use super::memory::Sampler;
use super::processes::Examples;
use super::{Cost, EPOCHS, EXAMPLES, FEATURES, Measure, WORKERS, processor};

/// A server with the examples.
pub struct Trainer {
    server: Server,
    data: TempDir,
}

impl Trainer {
    /// Makes the examples.
    pub async fn prepare() -> anyhow::Result<Self> {
        let data = tempfile::tempdir()?;
        let server = Server::builder().data_dir(data.path()).start().await;
        let guest = concat!(env!("CARGO_MANIFEST_DIR"), "/src/state/sgd/guest.cpp");
        server
            .put("demo/sgd", faasm_testkit::build(&[guest.as_ref()]))
            .await;
        let trainer = Self { server, data };
        trainer.call("generate").await?;
        Ok(trainer)
    }

    pub async fn examples(&self) -> anyhow::Result<Examples> {
        Ok(Examples {
            entries: self.state(Method::GET, "sgd.entries", Bytes::new()).await?,
            labels: self.state(Method::GET, "sgd.labels", Bytes::new()).await?,
        })
    }

    /// Makes the weights zero and starts the server anew: all is then in the global tier
    /// only.
    pub async fn begin_anew(&mut self) -> anyhow::Result<()> {
        self.set_weights(vec![0; FEATURES as usize * 4]).await?;
        self.server.signal(Signal::TERM);
        let code = self.server.exit_code(Duration::from_secs(30)).await;
        ensure!(code == Some(0), "the server ended with {code:?}");
        let server = Server::builder().data_dir(self.data.path());
        self.server = server.start().await;
        Ok(())
    }

    pub async fn train(&self, measure: Measure) -> anyhow::Result<Cost> {
        let pid = self.server.pid();
        let (moved, processor) = (self.moved().await, processor::time(pid)?);
        let memory = Sampler::start_for(measure, [pid]);
        let begun = Instant::now();
        self.call("train").await?;
        Ok(Cost {
            time: begun.elapsed(),
            processor: processor::time(pid)? - processor,
            moved: (self.moved().await - moved) as u64,
            peak_memory: memory.map(Sampler::peak),
        })
    }

    /// The mean loss of the weights on the examples that were not trained on.
    pub async fn loss(&self) -> anyhow::Result<f64> {
        let text = self.call("judge").await?;
        text.trim().parse().with_context(|| text.clone())
    }

    pub async fn set_weights(&self, weights: Vec<u8>) -> anyhow::Result<()> {
        self.state(Method::PUT, "sgd.weights", weights.into())
            .await?;
        Ok(())
    }

    async fn call(&self, phase: &str) -> anyhow::Result<String> {
        let input = format!("{phase} {EXAMPLES} {FEATURES} {WORKERS} {EPOCHS}");
        let answer = self.server.call("demo/sgd", input).await;
        ensure!(answer.status == 200, "{phase}: {}", answer.text());
        Ok(answer.text())
    }

    async fn state(&self, method: Method, key: &str, body: Bytes) -> anyhow::Result<Bytes> {
        let path = format!("/s/demo/{key}");
        let answer = self.server.stored(method, &path, body).await;
        ensure!(answer.status.is_success(), "{path}: {}", answer.text());
        Ok(answer.body)
    }

    /// Bytes between the tiers so far.
    async fn moved(&self) -> f64 {
        let pulled = self.server.metric("faasm_state_pulled_bytes_total", "");
        let pushed = self.server.metric("faasm_state_pushed_bytes_total", "");
        pulled.await + pushed.await
    }
}
