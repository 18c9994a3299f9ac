//! `mpi-apart`: ranks on two machines, which are network namespaces, beside Open MPI over TCP
//! between the same two.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};
use faasm_testkit::{Apart, Host, Network, build_mpi};
use tempfile::TempDir;

use super::native::Program;
use super::{TURNS, Times, figures, keep_best, source};
use crate::effort::Effort;
use crate::report::Report;

const MACHINES: u32 = 2;

/// Ranks altogether, and what of `micro` is measured with them.
const MEASURED: [(u32, &[&str]); 2] = [(2, &["latency", "bandwidth"]), (8, &["allreduce"])];

/// Far longer than a turn takes, in seconds.
const PATIENCE: &str = "900";

/// What Open MPI starts its servers with on other machines: the name of the host is the
/// namespace's, and each needs a name of its own, or all would be taken for one machine.
const AGENT: &str = r#"#!/bin/sh
host=$1
shift
exec ip netns exec "$host" unshare --uts sh -c 'hostname "$0"; exec sh -c "$*"' "$host" "$@"
"#;

pub async fn run(report: &mut Report, effort: Effort) -> anyhow::Result<()> {
    let source = source("micro");
    let program = report.found(Program::compile(&source)?);
    for (ranks, what) in MEASURED {
        let network = match Network::apart() {
            Ok(network) => network,
            Err(why) => {
                report.note(format!("not measured without network namespaces: {why}"));
                return Ok(());
            }
        };
        // With no more room on one, the ranks are on both.
        let room = (ranks / MACHINES).to_string();
        let options = ["--max-running", &room, "--max-time", "15m"];
        let apart = Apart::start(network, MACHINES as usize, |builder| builder.args(options));
        let apart = apart.await;
        apart.upload.put("demo/micro", build_mpi(&[&source])).await;
        let machines = Machines::new(&apart.hosts, ranks)?;
        let (mut ours, mut theirs) = (Times::new(), Times::new());
        for _ in 0..effort.count(TURNS) {
            keep_best(&mut ours, &call(&apart, ranks, what).await?)?;
            if let Some(program) = &program {
                let printed = program.run_by(machines.mpirun(program, ranks), what)?;
                keep_best(&mut theirs, &printed)?;
            }
        }
        figures::add_apart(report, ranks, &ours, &theirs)?;
    }
    report.note("Open MPI: --mca btl tcp,self, between the same network namespaces");
    Ok(())
}

/// What the function prints, with half of the ranks on each worker.
async fn call(apart: &Apart, ranks: u32, what: &[&str]) -> anyhow::Result<String> {
    let server = apart.servers.first().context("no workers")?;
    let words = what.join("%20");
    let name = format!("demo/micro?mpi={ranks}&cmdline={words}");
    let answer = server.call(&name, "").await;
    ensure!(answer.status == 200, "{ranks}: {}", answer.text());
    Ok(answer.text())
}

/// The machines as Open MPI is told of them.
struct Machines<'a> {
    first: &'a Host,
    name: &'a str,
    hosts: PathBuf,
    agent: PathBuf,
    _dir: TempDir,
}

impl<'a> Machines<'a> {
    fn new(all: &'a [Host], ranks: u32) -> anyhow::Result<Self> {
        let first = all.first().context("no machines")?;
        let dir = tempfile::tempdir()?;
        let (hosts, agent) = (dir.path().join("hosts"), dir.path().join("agent"));
        let slots = ranks / MACHINES;
        let names = all.iter().filter_map(Host::namespace);
        let lines = names.map(|name| format!("{name} slots={slots}\n"));
        std::fs::write(&hosts, lines.collect::<String>())?;
        std::fs::write(&agent, AGENT)?;
        std::fs::set_permissions(&agent, PermissionsExt::from_mode(0o755))?;
        Ok(Self {
            first,
            name: first.namespace().context("no namespace")?,
            hosts,
            agent,
            _dir: dir,
        })
    }

    /// Starts a program from the first of them.
    fn mpirun(&self, program: &Program, ranks: u32) -> Command {
        let interface = self.first.interface();
        let mut mpirun = self.first.command("timeout");
        mpirun.args([PATIENCE, "unshare", "--uts", "sh", "-c"]);
        mpirun.args([r#"hostname "$0"; exec "$@""#, self.name]);
        mpirun.arg(program.mpirun());
        mpirun.arg("--hostfile").arg(&self.hosts);
        mpirun.args(["--mca", "plm_rsh_agent"]).arg(&self.agent);
        mpirun.args(["--mca", "btl", "tcp,self"]);
        // Each machine would give its first rank the same processor as the other one.
        mpirun.args(["--bind-to", "none"]);
        for who in ["btl_tcp_if_include", "oob_tcp_if_include"] {
            mpirun.args(["--mca", who, interface]);
        }
        // As it does by itself where it knows that they share processors; it believes the slots.
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        if ranks as usize > processors {
            mpirun.args(["--mca", "mpi_yield_when_idle", "1"]);
        }
        mpirun.args(["--map-by", "slot", "-n", &ranks.to_string()]);
        mpirun
    }
}
