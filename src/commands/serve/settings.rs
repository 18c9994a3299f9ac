//! What an operator can set: on the command line, in the environment, in a file.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use faasm_model::{Name, WorldSize};
use serde::{Deserialize, Serialize};

use super::python::Choice;
use super::users::UserSettings;
use crate::exit::Usage;
use crate::units::{parse_duration, parse_size};

/// Settings of `faasm serve`. On the command line they are options, in the environment
/// `FAASM_…`, in the file the same words; the first of these that sets one counts.
#[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Where everything is kept [default: faasm-data]
    #[arg(long, env = "FAASM_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Where functions, state and files are stored; port 0 picks a free one [default: 127.0.0.1:8002]
    #[arg(long, env = "FAASM_UPLOAD_ADDR", value_name = "ADDR")]
    pub upload_addr: Option<SocketAddr>,

    /// Where functions are called [default: 127.0.0.1:8080]
    #[arg(long, env = "FAASM_INVOKE_ADDR", value_name = "ADDR")]
    pub invoke_addr: Option<SocketAddr>,

    /// What this server does [default: upload,worker]
    #[arg(long, env = "FAASM_ROLE", value_enum, value_delimiter = ',')]
    pub role: Option<Vec<Role>>,

    /// The Redis by which servers are one cluster [default: none, the server is alone]
    #[arg(long, env = "FAASM_REDIS", hide_env_values = true, value_name = "URL")]
    pub redis: Option<String>,

    /// What all keys of this cluster in the Redis begin with [default: faasm]
    #[arg(long, env = "FAASM_REDIS_PREFIX", value_name = "WORD")]
    pub redis_prefix: Option<String>,

    /// Where functions and files are: `file`, `s3://bucket[/prefix]`, or another server's upload address as `http://host:port` [default: file, in the data directory]
    #[arg(long, env = "FAASM_STORAGE", value_name = "URL")]
    pub storage: Option<String>,

    /// Disk space for what is fetched from there [default: 10GiB]
    #[arg(long, env = "FAASM_STORAGE_CACHE", value_name = "SIZE")]
    pub storage_cache: Option<Size>,

    /// The secret by which the servers of a cluster know each other, 32 characters or more
    #[arg(
        long,
        env = "FAASM_CLUSTER_KEY",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    pub cluster_key: Option<String>,

    /// Where other servers of the cluster connect to this one [default: 127.0.0.1:8003]
    #[arg(long, env = "FAASM_LINK_ADDR", value_name = "ADDR")]
    pub link_addr: Option<SocketAddr>,

    /// How they reach that address [default: as it is; if that is all addresses, the one by which this server reaches the Redis]
    #[arg(long, env = "FAASM_ADVERTISE", value_name = "HOST:PORT")]
    pub advertise: Option<String>,

    /// Encrypt what the servers of a cluster send each other: all of them, or none
    #[arg(long, env = "FAASM_CLUSTER_TLS", num_args = 0..=1, default_missing_value = "true")]
    pub cluster_tls: Option<bool>,

    /// Who is let in: anybody, or who has a token [default: off]
    #[arg(long, env = "FAASM_AUTH", value_enum)]
    pub auth: Option<Auth>,

    /// A token that may do everything, faasm_ID_SECRET; else the server makes one
    #[arg(
        long,
        env = "FAASM_ADMIN_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN"
    )]
    pub admin_token: Option<String>,

    /// The certificate of both listeners, in PEM, which then speak HTTPS
    #[arg(long, env = "FAASM_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,

    /// Its private key
    #[arg(long, env = "FAASM_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,

    /// Show /metrics to who has no token
    #[arg(long, env = "FAASM_OPEN_METRICS", num_args = 0..=1, default_missing_value = "true")]
    pub open_metrics: Option<bool>,

    /// Accept that anybody who reaches a non-loopback address may do anything
    #[arg(long, env = "FAASM_INSECURE_NO_AUTH", num_args = 0..=1, default_missing_value = "true")]
    pub insecure_no_auth: Option<bool>,

    /// Time for running calls to end at shutdown [default: 10s]
    #[arg(long, env = "FAASM_SHUTDOWN_GRACE", value_name = "TIME")]
    pub shutdown_grace: Option<Time>,

    /// Memory for everything that guests make grow [default: 75 % of RAM or of the cgroup]
    #[arg(long, env = "FAASM_MEMORY_BUDGET", value_name = "SIZE")]
    pub memory_budget: Option<Size>,

    /// Linear memory of a call, unless its function has a limit of its own [default: 512MiB]
    #[arg(long, env = "FAASM_MAX_MEMORY", value_name = "SIZE")]
    pub max_memory: Option<Size>,

    /// Wall-clock time of a call, likewise [default: 60s]
    #[arg(long, env = "FAASM_MAX_TIME", value_name = "TIME")]
    pub max_time: Option<Time>,

    /// Time of a function's initialiser, which runs after the upload [default: 30s]
    #[arg(long, env = "FAASM_MAX_INIT_TIME", value_name = "TIME")]
    pub max_init_time: Option<Time>,

    /// Table elements of a call, likewise [default: 65536]
    #[arg(long, env = "FAASM_MAX_TABLE_ELEMENTS", value_name = "N")]
    pub max_table_elements: Option<u64>,

    /// stdout, stderr and output data of a call together, likewise [default: 16MiB]
    #[arg(long, env = "FAASM_MAX_OUTPUT", value_name = "SIZE")]
    pub max_output: Option<Size>,

    /// Native stack of a call, for all functions [default: 4MiB]
    #[arg(long, env = "FAASM_MAX_STACK", value_name = "SIZE")]
    pub max_stack: Option<Size>,

    /// The Python runtime's directory, or `none` [default: the installed one]
    #[arg(long, env = "FAASM_PYTHON", value_name = "DIR")]
    pub python: Option<Choice>,

    /// Input of a call [default: 16MiB]
    #[arg(long, env = "FAASM_MAX_INPUT", value_name = "SIZE")]
    pub max_input: Option<Size>,

    /// An uploaded function [default: 128MiB]
    #[arg(long, env = "FAASM_MAX_FUNCTION", value_name = "SIZE")]
    pub max_function: Option<Size>,

    /// A state value that is set from outside [default: 2147483647 bytes, the most]
    #[arg(long, env = "FAASM_MAX_STATE_VALUE", value_name = "SIZE")]
    pub max_state_value: Option<Size>,

    /// Stored state of a user: values and appended elements [default: 16GiB]
    #[arg(long, env = "FAASM_MAX_STATE_BYTES", value_name = "SIZE")]
    pub max_state_bytes: Option<Size>,

    /// Keys of a user's stored state [default: 1000000]
    #[arg(long, env = "FAASM_MAX_STATE_KEYS", value_name = "N")]
    pub max_state_keys: Option<u64>,

    /// A user's state in this server's memory [default: half of --memory-budget]
    #[arg(long, env = "FAASM_MAX_LOCAL_STATE", value_name = "SIZE")]
    pub max_local_state: Option<Size>,

    /// State that a call has mapped [default: 2GiB]
    #[arg(long, env = "FAASM_MAX_MAPPED_STATE", value_name = "SIZE")]
    pub max_mapped_state: Option<Size>,

    /// Files of a call's own, in memory and on disk [default: 1GiB]
    #[arg(long, env = "FAASM_MAX_SCRATCH", value_name = "SIZE")]
    pub max_scratch: Option<Size>,

    /// Those in memory; what is more goes to disk [default: 16MiB]
    #[arg(long, env = "FAASM_MAX_SCRATCH_MEMORY", value_name = "SIZE")]
    pub max_scratch_memory: Option<Size>,

    /// A shared file, whoever stores it [default: 16GiB]
    #[arg(long, env = "FAASM_MAX_FILE", value_name = "SIZE")]
    pub max_file: Option<Size>,

    /// All shared files together [default: 1TiB]
    #[arg(long, env = "FAASM_MAX_FILE_BYTES", value_name = "SIZE")]
    pub max_file_bytes: Option<Size>,

    /// Shared files, and directories of them that functions made [default: 1000000]
    #[arg(long, env = "FAASM_MAX_FILES", value_name = "N")]
    pub max_files: Option<u64>,

    /// Faaslets alive at a time, running or waiting [default: 8192]
    #[arg(long, env = "FAASM_MAX_FAASLETS", value_name = "N")]
    pub max_faaslets: Option<u32>,

    /// Calls in motion at a time [default: a quarter of --max-faaslets]
    #[arg(long, env = "FAASM_MAX_RUNNING", value_name = "N")]
    pub max_running: Option<u32>,

    /// Waiting calls of a user, synchronous and asynchronous ones apart [default: 10000]
    #[arg(long, env = "FAASM_MAX_QUEUED", value_name = "N")]
    pub max_queued: Option<usize>,

    /// Calls of a user in a second, from outside [default: no limit]
    #[arg(long, env = "FAASM_USER_MAX_CALLS_PER_SECOND", value_name = "N")]
    pub user_max_calls_per_second: Option<NonZeroU32>,

    /// Synchronous calls of a user that are not answered yet [default: no limit]
    #[arg(long, env = "FAASM_USER_MAX_CONCURRENT_CALLS", value_name = "N")]
    pub user_max_concurrent_calls: Option<NonZeroU32>,

    /// Memory that all running calls of a user take together [default: no limit]
    #[arg(long, env = "FAASM_USER_MAX_MEMORY", value_name = "SIZE")]
    pub user_max_memory: Option<Size>,

    /// Stored functions of a user [default: no limit]
    #[arg(long, env = "FAASM_USER_MAX_STORAGE", value_name = "SIZE")]
    pub user_max_storage: Option<Size>,

    /// Nesting of chained calls below a root call [default: 64]
    #[arg(long, env = "FAASM_MAX_CHAIN_DEPTH", value_name = "N")]
    pub max_chain_depth: Option<u32>,

    /// Chained calls below a root call [default: 100000]
    #[arg(long, env = "FAASM_MAX_CHAINED_CALLS", value_name = "N")]
    pub max_chained_calls: Option<u64>,

    /// Ranks of an MPI world whose size a call does not say [default: 5]
    #[arg(long, env = "FAASM_MPI_DEFAULT_WORLD_SIZE", value_name = "N")]
    pub mpi_default_world_size: Option<WorldSize>,

    /// How often an asynchronous call is begun before it counts as failed [default: 3]
    #[arg(long, env = "FAASM_MAX_ATTEMPTS", value_name = "N")]
    pub max_attempts: Option<u32>,

    /// How long results of asynchronous calls are kept [default: 24h]
    #[arg(long, env = "FAASM_RESULT_TTL", value_name = "TIME")]
    pub result_ttl: Option<Time>,

    /// Let web pages of this origin call the API, or of any with `*` [default: none]
    #[arg(long, env = "FAASM_CORS_ORIGIN", value_name = "ORIGIN")]
    pub cors_origin: Option<String>,

    /// How logs look, on stderr [default: text]
    #[arg(long, env = "FAASM_LOG_FORMAT", value_enum)]
    pub log_format: Option<LogFormat>,

    /// What is logged: error, warn, info, debug, or per part [default: info]
    #[arg(long, env = "FAASM_LOG", value_name = "FILTER")]
    pub log: Option<String>,

    /// Environment variables of functions; only in the file
    #[arg(skip)]
    pub env: Option<BTreeMap<String, String>>,

    /// Answers of `__faasm_conf_flag`; only in the file
    #[arg(skip)]
    pub flags: Option<BTreeMap<String, u32>>,

    /// What single users may have instead; only in the file
    #[arg(skip)]
    pub users: Option<BTreeMap<Name, UserSettings>>,
}

/// A part of the work that a server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Stores functions, state and files.
    Upload,
    /// Runs calls.
    Worker,
}

/// Who is let in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// Anybody.
    #[default]
    Off,
    /// Who has a token.
    Tokens,
}

/// How logs look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

/// A number of bytes, written with a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Quantity", into = "String")]
pub struct Size(pub u64);

/// A length of time, written with a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Time(pub Duration);

/// A size in the file: a plain number is bytes.
#[derive(Deserialize)]
#[serde(untagged)]
enum Quantity {
    Number(u64),
    Text(String),
}

impl Settings {
    /// These settings, and those of the file where these say nothing.
    pub fn over_file(self, path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the settings in {}", path.display()))?;
        // Read as settings first, so that an error names the line in the file.
        let file: Self = toml::from_str(&text).map_err(|error| {
            Usage(format!(
                "the settings in {} are wrong: {error}",
                path.display()
            ))
        })?;
        let mut merged = toml::Table::try_from(file)?;
        merged.extend(toml::Table::try_from(self)?);
        Ok(merged.try_into()?)
    }
}

impl FromStr for Size {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        parse_size(text).map(Self)
    }
}

impl TryFrom<Quantity> for Size {
    type Error = String;
    fn try_from(quantity: Quantity) -> Result<Self, String> {
        match quantity {
            Quantity::Number(bytes) => Ok(Self(bytes)),
            Quantity::Text(text) => text.parse(),
        }
    }
}

impl From<Size> for String {
    fn from(size: Size) -> Self {
        size.0.to_string()
    }
}

impl FromStr for Time {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        parse_duration(text).map(Self)
    }
}

impl TryFrom<String> for Time {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Time> for String {
    fn from(time: Time) -> Self {
        humantime::format_duration(time.0).to_string()
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Upload => "upload",
            Self::Worker => "worker",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> anyhow::Result<Settings> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), text)?;
        let given = Settings {
            max_queued: Some(7),
            ..Settings::default()
        };
        given.over_file(file.path())
    }

    #[test]
    fn what_is_given_wins_over_the_file_and_the_file_fills_the_rest() {
        let settings = file(
            "max-queued = 5\nmax-memory = \"1GiB\"\nmax-time = \"2m\"\nmax-output = 1024\nrole = [\"worker\"]\n[env]\nA = \"b\"\n",
        )
        .unwrap();
        assert_eq!(settings.max_queued, Some(7));
        assert_eq!(settings.max_memory, Some(Size(1 << 30)));
        assert_eq!(settings.max_output, Some(Size(1024)));
        assert_eq!(settings.max_time, Some(Time(Duration::from_secs(120))));
        assert_eq!(settings.role, Some(vec![Role::Worker]));
        assert_eq!(settings.env.unwrap()["A"], "b");
    }

    #[test]
    fn an_unknown_key_or_a_wrong_value_is_refused_by_name() {
        for (text, word) in [
            ("max-memroy = 1", "max-memroy"),
            ("max-time = \"soon\"", "max-time"),
            ("role = [\"boss\"]", "boss"),
        ] {
            let error = format!("{:#}", file(text).unwrap_err());
            assert!(error.contains(word), "{error}");
        }
    }
}
