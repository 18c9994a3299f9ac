//! `faasm doctor`

mod machine;
mod python;
mod redis;
mod server;
mod toolchain;

use clap::ValueEnum;
use serde::Serialize;
use serde_json::json;

use crate::cli::Context;
use crate::exit::Local;
use crate::output::Colour;

const EXAMPLES: &str = "\
Examples:
  faasm doctor
  faasm doctor machine toolchain     without a server
  faasm doctor redis --redis redis://10.0.0.5:6379";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
#[command(after_help = "\
machine: the kernel and its limits. toolchain: the compiler of `faasm build`. python: the
runtime of Python functions. redis: the Redis of a cluster, if one is named. server: both
addresses of the server.

ok: as it should be. warn: it works, with a cost. fail: something does not work, and
the exit code is 5.")]
pub struct Args {
    /// What to check, if not everything
    #[arg(value_enum, value_name = "AREA")]
    areas: Vec<Area>,

    /// The Redis of the cluster, as in `faasm serve`
    #[arg(long, env = "FAASM_REDIS", hide_env_values = true, value_name = "URL")]
    redis: Option<String>,

    /// What all keys of the cluster begin with
    #[arg(long, env = "FAASM_REDIS_PREFIX", value_name = "WORD")]
    #[arg(default_value = "faasm")]
    redis_prefix: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Area {
    Machine,
    Toolchain,
    Python,
    Redis,
    Server,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

/// One line of the diagnosis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Check {
    name: &'static str,
    verdict: Verdict,
    found: String,
    todo: Option<String>,
}

impl Args {
    pub async fn run(self, context: &Context) -> anyhow::Result<()> {
        let wanted = |area| self.areas.is_empty() || self.areas.contains(&area);
        let mut checks = Vec::new();
        if wanted(Area::Machine) {
            checks.extend(machine::checks());
        }
        if wanted(Area::Toolchain) {
            checks.push(toolchain::check());
        }
        if wanted(Area::Python) {
            checks.push(python::check());
        }
        if let Some(url) = self.redis.as_deref().filter(|_| wanted(Area::Redis)) {
            checks.extend(redis::checks(url, &self.redis_prefix).await);
        } else if self.areas.contains(&Area::Redis) {
            checks.push(redis::unnamed());
        }
        if wanted(Area::Server) {
            checks.extend(server::checks(&context.client()?).await);
        }
        if context.out.is_json() {
            context.out.json(&json!({ "checks": checks }))?;
        } else {
            for check in &checks {
                print(context, check)?;
            }
        }
        match checks
            .iter()
            .filter(|check| check.verdict == Verdict::Fail)
            .count()
        {
            0 => Ok(()),
            failed => Err(Local {
                code: "doctor",
                message: format!("{failed} of {} checks failed", checks.len()),
                hint: "do what the lines below `fail` say, then run `faasm doctor` again".into(),
            }
            .into()),
        }
    }
}

fn print(context: &Context, check: &Check) -> std::io::Result<()> {
    let (word, colour) = match check.verdict {
        Verdict::Ok => ("ok", Colour::Green),
        Verdict::Warn => ("warn", Colour::Yellow),
        Verdict::Fail => ("fail", Colour::Red),
    };
    context
        .out
        .verdict(word, colour, &format!("{}: {}", check.name, check.found))?;
    for line in check.todo.iter().flat_map(|todo| todo.lines()) {
        context.out.line(format_args!("      {line}"))?;
    }
    Ok(())
}

impl Check {
    fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self {
            name,
            verdict: Verdict::Ok,
            found: found.into(),
            todo: None,
        }
    }

    fn warn(name: &'static str, found: impl Into<String>, todo: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Warn,
            todo: Some(todo.into()),
            ..Self::ok(name, found)
        }
    }

    fn fail(name: &'static str, found: impl Into<String>, todo: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Fail,
            ..Self::warn(name, found, todo)
        }
    }
}
