//! From settings to what the parts of the server are given.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use faasm_auth::Token;
use faasm_cluster::RedisOptions;
use faasm_http::Tls;
use faasm_model::{ClusterKey, LimitOverrides, Limits};
use faasm_state::tier::{EmbeddedOptions, MAX_VALUE_BYTES};
use faasm_storage::{FilesOptions, StorageOptions};

use super::cluster::ClusterPlan;
use super::python::Choice;
use super::settings::{Auth, LogFormat, Role, Settings, Size, Time};
use super::tokens::First;
use super::users;
use crate::exit::Usage;

/// Everything decided: what to serve, where, and within which bounds.
#[derive(Debug)]
pub struct Plan {
    pub data_dir: PathBuf,
    pub upload_addr: Option<SocketAddr>,
    pub invoke_addr: Option<SocketAddr>,
    pub auth: Auth,
    pub first_token: First,
    pub shutdown_grace: Duration,
    pub log_format: LogFormat,
    pub log: String,
    pub faaslets: faasm_faaslet::Options,
    pub python: Choice,
    pub calls: faasm_calls::Options,
    pub state: faasm_state::Options,
    pub tier: EmbeddedOptions,
    pub cluster: Option<ClusterPlan>,
    pub storage: StorageOptions,
    pub http: faasm_http::HttpOptions,
}

/// Least memory budget with which a server is of use.
const MIN_BUDGET: u64 = 64 << 20;

/// Where other servers of a cluster connect, unless told.
const LINK_ADDR: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8003);

/// Keys of a user's state, unless told.
const MAX_STATE_KEYS: u64 = 1_000_000;

/// Stack that is enough for a function, and that a fiber can have.
const STACKS: std::ops::RangeInclusive<u64> = (64 << 10)..=(64 << 20);

impl Plan {
    /// Fills in the defaults and checks that the settings go together.
    pub fn new(settings: Settings) -> anyhow::Result<Self> {
        let roles = settings.role.clone();
        let roles = roles.unwrap_or_else(|| vec![Role::Upload, Role::Worker]);
        let addr = |role, given: Option<SocketAddr>, port| {
            let default = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
            roles.contains(&role).then(|| given.unwrap_or(default))
        };
        let faaslets = faaslets(&settings)?;
        let key = cluster_key(&settings)?;
        let plan = Self {
            data_dir: settings
                .data_dir
                .clone()
                .unwrap_or_else(|| "faasm-data".into()),
            upload_addr: addr(Role::Upload, settings.upload_addr, 8002),
            invoke_addr: addr(Role::Worker, settings.invoke_addr, 8080),
            auth: settings.auth.unwrap_or_default(),
            first_token: first_token(&settings, roles.contains(&Role::Upload))?,
            shutdown_grace: time(settings.shutdown_grace, Duration::from_secs(10)),
            log_format: settings.log_format.unwrap_or_default(),
            log: settings.log.clone().unwrap_or_else(|| "info".into()),
            state: state(&settings, faaslets.memory_budget),
            tier: tier(&settings),
            cluster: cluster(&settings, key.clone(), roles.contains(&Role::Worker))?,
            storage: storage(&settings, key.clone())?,
            faaslets,
            python: settings.python.clone().unwrap_or_default(),
            calls: calls(&settings),
            http: http(&settings, key)?,
        };
        plan.check_exposure(settings.insecure_no_auth.unwrap_or(false))?;
        Ok(plan)
    }

    /// Whether what goes to and from other machines is not encrypted here.
    pub fn is_eavesdropped(&self) -> bool {
        self.http.tls.is_none() && self.exposed().is_some()
    }

    /// An address that other machines can reach.
    fn exposed(&self) -> Option<SocketAddr> {
        let mut addrs = [self.upload_addr, self.invoke_addr].into_iter().flatten();
        addrs.find(|addr| !addr.ip().is_loopback())
    }

    /// Without tokens, whoever reaches the server may do anything.
    fn check_exposure(&self, accepted: bool) -> Result<(), Usage> {
        if self.auth == Auth::Tokens {
            let both = "--auth tokens and --insecure-no-auth contradict each other: leave out one";
            return match accepted {
                true => Err(Usage(both.into())),
                false => Ok(()),
            };
        }
        match self.exposed() {
            Some(addr) if !accepted => Err(Usage(format!(
                "{addr} can be reached from other machines, and anybody who does could run code here: ask for tokens with --auth tokens, or accept that with --insecure-no-auth, or use a loopback address such as 127.0.0.1"
            ))),
            _ => Ok(()),
        }
    }
}

fn faaslets(settings: &Settings) -> Result<faasm_faaslet::Options, Usage> {
    let default = faasm_faaslet::Options::default();
    let max_stack = size(settings.max_stack, default.max_stack_bytes as u64);
    if !STACKS.contains(&max_stack) {
        return Err(Usage("--max-stack must be from 64KiB to 64MiB".into()));
    }
    let memory_budget = match settings.memory_budget {
        Some(Size(bytes)) => bytes,
        None => super::memory::available() / 4 * 3,
    };
    if memory_budget < MIN_BUDGET {
        return Err(Usage("--memory-budget must be at least 64MiB".into()));
    }
    Ok(faasm_faaslet::Options {
        max_faaslets: settings.max_faaslets.unwrap_or(default.max_faaslets).max(1),
        max_stack_bytes: usize::try_from(max_stack).unwrap_or(default.max_stack_bytes),
        memory_budget,
        max_user_memory: users::memory(settings),
        max_init_time: time(settings.max_init_time, default.max_init_time),
        max_scratch_bytes: size(settings.max_scratch, default.max_scratch_bytes),
        max_scratch_memory_bytes: size(
            settings.max_scratch_memory,
            default.max_scratch_memory_bytes,
        ),
        max_file_bytes: size(settings.max_file, default.max_file_bytes),
        limits: limits(settings)?,
        env: settings.env.clone().unwrap_or_default(),
        flags: settings.flags.clone().unwrap_or_default(),
        ..default
    })
}

/// The default limits of functions; what no function can have, the default cannot be.
fn limits(settings: &Settings) -> Result<Limits, Usage> {
    let millis = |Time(time): Time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let overrides = LimitOverrides {
        memory_bytes: settings.max_memory.map(|size| size.0),
        time_ms: settings.max_time.map(millis),
        table_elements: settings.max_table_elements,
        output_bytes: settings.max_output.map(|size| size.0),
    };
    overrides
        .check()
        .map_err(|error| Usage(error.to_string()))?;
    Ok(overrides.over(&Limits::default()))
}

fn calls(settings: &Settings) -> faasm_calls::Options {
    let default = faasm_calls::Options::default();
    let max_faaslets = settings.max_faaslets.unwrap_or(default.max_faaslets).max(1);
    faasm_calls::Options {
        max_running: settings.max_running.unwrap_or((max_faaslets / 4).max(1)),
        max_faaslets,
        max_queued: settings.max_queued.unwrap_or(default.max_queued),
        max_chain_depth: settings.max_chain_depth.unwrap_or(default.max_chain_depth),
        max_chained_calls: settings
            .max_chained_calls
            .unwrap_or(default.max_chained_calls),
        max_attempts: settings.max_attempts.unwrap_or(default.max_attempts).max(1),
        result_ttl: time(settings.result_ttl, default.result_ttl),
    }
}

/// What of state is in this server's memory.
fn state(settings: &Settings, memory_budget: u64) -> faasm_state::Options {
    let default = faasm_state::Options::default();
    faasm_state::Options {
        max_mapped_bytes: size(settings.max_mapped_state, default.max_mapped_bytes),
        max_local_bytes: size(settings.max_local_state, memory_budget / 2),
        ..default
    }
}

/// What of state is on its disk.
fn tier(settings: &Settings) -> EmbeddedOptions {
    EmbeddedOptions {
        max_user_bytes: users::state_bytes(settings),
        max_user_keys: settings.max_state_keys.unwrap_or(MAX_STATE_KEYS),
    }
}

/// How the operator gets the first token.
fn first_token(settings: &Settings, stores: bool) -> Result<First, Usage> {
    match &settings.admin_token {
        Some(_) if settings.auth != Some(Auth::Tokens) => Err(Usage(
            "--admin-token (FAASM_ADMIN_TOKEN) is for --auth tokens: without that anybody may do everything".into(),
        )),
        Some(text) => match Token::parse(text) {
            Ok(token) => Ok(First::Given(token)),
            Err(_) => Err(Usage(
                "--admin-token must be faasm_ID_SECRET, 12 and 32 random characters of a-z and 2-7. Make one with `s() { LC_ALL=C tr -dc a-z2-7 </dev/urandom | head -c $1; }; echo faasm_$(s 12)_$(s 32)`, or leave the option out: the server makes one and says where it is".into(),
            )),
        },
        // Of a cluster, those that only run calls have nobody who looks into their directories.
        None if settings.redis.is_some() && !stores => Ok(First::Elsewhere),
        None => Ok(First::Made),
    }
}

/// With whom the server is in a cluster.
fn cluster(
    settings: &Settings,
    key: Option<ClusterKey>,
    runs: bool,
) -> Result<Option<ClusterPlan>, Usage> {
    let tls = settings.cluster_tls.unwrap_or(false);
    let Some(redis) = redis(settings) else {
        return match (&settings.link_addr, &settings.advertise, tls) {
            (None, None, false) => Ok(None),
            _ => Err(Usage("--link-addr, --advertise and --cluster-tls are for servers of a cluster: name its Redis with --redis".into())),
        };
    };
    let link_addr = settings.link_addr.unwrap_or(LINK_ADDR);
    let advertise = settings.advertise.clone();
    let has_port = |address: &str| {
        let parts = address.rsplit_once(':');
        parts.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
    };
    if let Some(address) = advertise.as_deref().filter(|address| !has_port(address)) {
        return Err(Usage(format!(
            "--advertise must be HOST:PORT, not {address:?}"
        )));
    }
    let calls = calls(settings);
    Ok(Some(ClusterPlan {
        redis,
        auth: settings.auth.unwrap_or_default(),
        key,
        link_addr,
        advertise,
        tls,
        capacity: if runs { calls.max_running } else { 0 },
        max_queued: calls.max_queued,
    }))
}

fn redis(settings: &Settings) -> Option<RedisOptions> {
    let quotas = tier(settings);
    let default = RedisOptions::new(settings.redis.as_deref()?);
    Some(RedisOptions {
        prefix: settings.redis_prefix.clone().unwrap_or(default.prefix),
        max_user_bytes: quotas.max_user_bytes,
        max_user_keys: quotas.max_user_keys,
        ..default
    })
}

fn cluster_key(settings: &Settings) -> Result<Option<ClusterKey>, Usage> {
    let key = settings.cluster_key.as_deref().map(str::parse).transpose();
    key.map_err(|error| Usage(format!("--cluster-key: {error}")))
}

/// Where functions and files are, and what they may take.
fn storage(settings: &Settings, cluster_key: Option<ClusterKey>) -> Result<StorageOptions, Usage> {
    let default = StorageOptions::default();
    let location = settings.storage.as_deref().map(str::parse).transpose();
    let location = location.map_err(|error| Usage(format!("--storage: {error}")))?;
    Ok(StorageOptions {
        location: location.unwrap_or(default.location),
        cache_bytes: size(settings.storage_cache, default.cache_bytes),
        cluster_key,
        files: files(settings),
        ..default
    })
}

/// What shared files may take.
fn files(settings: &Settings) -> FilesOptions {
    let default = FilesOptions::default();
    FilesOptions {
        max_bytes: size(settings.max_file_bytes, default.max_bytes),
        max_files: settings.max_files.unwrap_or(default.max_files),
        ..default
    }
}

fn http(
    settings: &Settings,
    cluster_key: Option<ClusterKey>,
) -> Result<faasm_http::HttpOptions, Usage> {
    let default = faasm_http::HttpOptions::default();
    let max_state_value = size(settings.max_state_value, default.max_state_value_bytes);
    if max_state_value > MAX_VALUE_BYTES {
        return Err(Usage(format!(
            "--max-state-value must be at most {MAX_VALUE_BYTES} bytes: no value can be larger"
        )));
    }
    let origin = settings.cors_origin.as_deref().map(str::parse).transpose();
    Ok(faasm_http::HttpOptions {
        max_input_bytes: size(settings.max_input, default.max_input_bytes),
        max_function_bytes: size(settings.max_function, default.max_function_bytes),
        max_state_value_bytes: max_state_value,
        mpi_default_world_size: settings
            .mpi_default_world_size
            .unwrap_or(default.mpi_default_world_size),
        max_file_bytes: size(settings.max_file, default.max_file_bytes),
        tls: tls(settings)?,
        user_quotas: users::quotas(settings),
        cluster_key,
        open_metrics: settings.open_metrics.unwrap_or(default.open_metrics),
        cors_origin: origin.map_err(|error| Usage(format!("--cors-origin: {error}")))?,
        ..default
    })
}

fn tls(settings: &Settings) -> Result<Option<Tls>, Usage> {
    match (&settings.tls_cert, &settings.tls_key) {
        (None, None) => Ok(None),
        (Some(cert), Some(key)) => match Tls::load(cert, key) {
            Ok(tls) => Ok(Some(tls)),
            Err(error) => Err(Usage(error.to_string())),
        },
        _ => Err(Usage("--tls-cert and --tls-key go together".into())),
    }
}

fn size(given: Option<Size>, default: u64) -> u64 {
    given.map_or(default, |size| size.0)
}

fn time(given: Option<Time>, default: Duration) -> Duration {
    given.map_or(default, |time| time.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_address_needs_to_be_accepted() {
        let mut settings = Settings {
            invoke_addr: Some("0.0.0.0:8080".parse().unwrap()),
            ..Settings::default()
        };
        let error = Plan::new(settings.clone()).unwrap_err().to_string();
        assert!(error.contains("--insecure-no-auth"), "{error}");
        assert!(error.contains("--auth tokens"), "{error}");
        settings.auth = Some(Auth::Off);
        assert!(Plan::new(settings.clone()).is_err());
        settings.auth = Some(Auth::Tokens);
        assert!(Plan::new(settings.clone()).is_ok());
        settings.insecure_no_auth = Some(true);
        assert!(Plan::new(settings.clone()).is_err());
        settings.auth = None;
        assert!(Plan::new(settings).is_ok());
    }

    #[test]
    fn an_admins_token_means_that_tokens_are_asked_for() {
        let token = format!("faasm_{}_{}", "a".repeat(12), "b".repeat(32));
        let mut settings = Settings {
            admin_token: Some(token),
            ..Settings::default()
        };
        let error = Plan::new(settings.clone()).unwrap_err().to_string();
        assert!(error.contains("--auth tokens"), "{error}");
        settings.auth = Some(Auth::Tokens);
        let plan = Plan::new(settings.clone()).unwrap();
        assert!(matches!(plan.first_token, First::Given(_)));
        settings.admin_token = Some("garbage".into());
        assert!(Plan::new(settings).is_err());
    }

    #[test]
    fn others_are_told_a_host_and_a_port() {
        let mut settings = Settings {
            redis: Some("redis://h".into()),
            ..Settings::default()
        };
        for bad in ["garbage", ":1", "h:", "h:70000"] {
            settings.advertise = Some(bad.into());
            let error = Plan::new(settings.clone()).unwrap_err().to_string();
            assert!(error.contains("HOST:PORT"), "{error}");
        }
        settings.advertise = Some("[::1]:8003".into());
        assert!(Plan::new(settings).is_ok());
    }

    #[test]
    fn who_is_alone_has_nobody_to_encrypt_for() {
        let mut settings = Settings {
            cluster_tls: Some(true),
            ..Settings::default()
        };
        let error = Plan::new(settings.clone()).unwrap_err().to_string();
        assert!(error.contains("--redis"), "{error}");
        settings.redis = Some("redis://h".into());
        assert!(Plan::new(settings).unwrap().cluster.unwrap().tls);
    }

    #[test]
    fn a_role_that_is_off_has_no_address() {
        let settings = Settings {
            role: Some(vec![Role::Upload]),
            // Not served, so not a danger either.
            invoke_addr: Some("0.0.0.0:8080".parse().unwrap()),
            ..Settings::default()
        };
        let plan = Plan::new(settings).unwrap();
        assert!(plan.upload_addr.is_some() && plan.invoke_addr.is_none());
    }

    #[test]
    fn state_may_take_half_of_the_memory_unless_told() {
        let mut settings = Settings {
            memory_budget: Some(Size(1 << 30)),
            ..Settings::default()
        };
        let plan = Plan::new(settings.clone()).unwrap();
        assert_eq!(plan.state.max_local_bytes, 512 << 20);
        settings.max_local_state = Some(Size(1 << 20));
        settings.max_state_keys = Some(7);
        let plan = Plan::new(settings).unwrap();
        assert_eq!(
            (plan.state.max_local_bytes, plan.tier.max_user_keys),
            (1 << 20, 7)
        );
    }

    #[test]
    fn a_state_value_that_no_function_could_read_is_not_let_in() {
        let settings = Settings {
            max_state_value: Some(Size(2 << 30)),
            ..Settings::default()
        };
        let error = Plan::new(settings).unwrap_err().to_string();
        assert!(error.contains("2147483647"), "{error}");
    }

    #[test]
    fn a_default_that_no_call_could_have_is_refused() {
        let settings = Settings {
            max_memory: Some(Size(1 << 40)),
            ..Settings::default()
        };
        assert!(Plan::new(settings).is_err());
    }
}
