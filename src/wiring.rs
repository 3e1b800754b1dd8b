//! Every channel, task and the order of shutdown, on one screen.
//!
//! ```text
//! listener   task            places                 when full     holds
//! tcp        accept loop     tcp.connections_max    kernel queue  ingest, Q1 sender
//! ingest     accept loop     http.connections_max   kernel queue  ingest, Q1 sender, store
//! query      accept loop     query.connections_max  kernel queue  engine, store
//! each connection            one task, ended by its loop
//!
//! queue      bound                    full means              made in
//! Q1         store.handoff_max bytes  TCP waits, HTTP 429     here (model::handoff)
//! Q2         index_queue_batches      the WAL thread waits    Store::open
//! live       64 batches a reader      the reader misses some  Store::open
//!
//! thread     ends when
//! wal        Q1 has no sender and is empty; syncs a last time
//! indexer    the WAL thread dropped Q2; commits a last time
//! maintenance told by Store::close
//! upkeep     task, `stop`
//! ```
//!
//! Shutdown (SIGTERM, SIGINT): `stop` -> loops stop accepting -> connections drain, at most
//! `server.drain_timeout` -> the loops drop ingest and with it every Q1 sender -> the WAL thread
//! writes and syncs what Q1 holds -> the indexer commits -> exit 0. A second signal exits at
//! once: what was acked is in the WAL.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::http::StatusCode;
use metrics_exporter_prometheus::PrometheusHandle;
use tierlog_ingest::{Ingest, Redactor};
use tierlog_model::{Clock, HandoffReceiver, Pseudonyms, SystemClock, handoff};
use tierlog_query::{Engine, QueryState};
use tierlog_store::Store;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;

use crate::addresses::Addresses;
use crate::config::{Config, HttpSection};
use crate::health::{HealthState, health_router};
use crate::host_guard::with_host_guard;
use crate::http::{HttpDeadlines, serve_http_connection, with_body_deadline};
use crate::keys;
use crate::listener::Listener;
use crate::maintenance::http::{MaintenanceState, maintenance_router};
use crate::metrics_http::{MetricsState, metrics_router};
use crate::problem::problem;
use crate::signals::StopSignals;
use crate::{openapi, settings};

/// How often recorded histogram values are folded into buckets: bounds their memory.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Runs the server until a signal asks it to stop. `ready` is told the bound addresses.
pub(crate) async fn serve(
    config: Config,
    recorder: PrometheusHandle,
    ready: impl FnOnce(&Addresses) -> Result<()>,
) -> Result<()> {
    let mut signals = StopSignals::new()?;
    let listeners = Listeners::bind(&config).await?;
    let addresses = listeners.addresses()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ingest_config = settings::ingest_config(&config)?;
    keys::make_private_directory(&config.data_dir).context("make the data directory")?;
    let pseudonyms = open_keys(&config)?;

    let (sender, receiver) = handoff(config.store.handoff_max);
    let metrics = |store: &Store| MetricsState {
        recorder: recorder.clone(),
        store: store.clone(),
        handoff: sender.gauge(),
    };
    let store = open_store(&config, Arc::clone(&clock), receiver).await?;
    let operations = Router::new()
        .merge(health_router(Arc::new(HealthState::new(store.clone()))))
        .merge(metrics_router(Arc::new(metrics(&store))));
    let redactor = Redactor::new(&settings::redaction_settings(&config), pseudonyms.clone());
    let ingest =
        Arc::new(Ingest::new(ingest_config, Arc::new(redactor), sender, Arc::clone(&clock)));
    let query = query_state(&config, &store, pseudonyms, Arc::clone(&clock));
    let query_stop = query.stop_token();
    let routes = Routes {
        ingest: ingest_routes(&ingest, operations.clone()),
        query: tierlog_query::http_router(Arc::new(query))
            .merge(maintenance_router(Arc::new(MaintenanceState::new(store.clone(), clock))))
            .merge(operations),
    };

    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    listeners.start(&config, ingest, routes, &stop, &mut tasks);
    tasks.spawn(upkeep(recorder, stop.clone()));
    ready(&addresses)?;

    let outcome = tokio::select! {
        () = signals.next() => Ok(()),
        // Never alive but deaf: a supervisor starts it anew.
        _ = tasks.join_next() => Err(anyhow::anyhow!("a listener has ended by itself")),
    };
    tracing::info!("stop accepting, drain connections; a second signal exits at once");
    signals.exit_on_next();
    // ORDER: connections before Q1 before the store, see the top of this file.
    stop.cancel();
    query_stop.cancel();
    while tasks.join_next().await.is_some() {}
    tokio::task::spawn_blocking(move || store.close()).await.context("close the store")?;
    tracing::info!("stopped");
    outcome
}

async fn open_store(
    config: &Config,
    clock: Arc<dyn Clock>,
    receiver: HandoffReceiver,
) -> Result<Store> {
    let settings = settings::store_settings(config, &config.data_dir);
    let opening = tokio::task::spawn_blocking(move || Store::open(settings, clock, receiver));
    opening.await.context("open the store")?.context("open the store")
}

fn query_state(
    config: &Config,
    store: &Store,
    pseudonyms: Pseudonyms,
    clock: Arc<dyn Clock>,
) -> QueryState {
    let query_config = settings::query_config(config);
    let engine = Engine::new(store.clone(), Arc::new(pseudonyms), clock, query_config);
    QueryState::new(engine).with_contract(openapi::contract())
}

fn ingest_routes(ingest: &Arc<Ingest>, operations: Router) -> Router {
    tierlog_ingest::http_router(Arc::clone(ingest))
        .merge(operations)
        .fallback(async || {
            problem(StatusCode::NOT_FOUND, "not_found", "there is nothing under this path")
        })
        .method_not_allowed_fallback(async || {
            let detail = "this resource does not know the method";
            problem(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
        })
}

fn open_keys(config: &Config) -> Result<Pseudonyms> {
    let section = &config.redaction.pseudonyms;
    let pseudonyms = keys::open(&section.key_file, &config.data_dir, &section.fields)?;
    Ok(pseudonyms)
}

async fn upkeep(recorder: PrometheusHandle, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(UPKEEP_INTERVAL);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => recorder.run_upkeep(),
        }
    }
}

/// What the two HTTP listeners serve.
struct Routes {
    ingest: Router,
    query: Router,
}

/// The three bound sockets. Bound before the store is opened: a taken port is told before the
/// data is touched, and clients wait in the kernel's queue while the WAL is replayed.
struct Listeners {
    tcp: Listener,
    ingest: Listener,
    query: Listener,
}

impl Listeners {
    async fn bind(config: &Config) -> Result<Listeners> {
        let tcp = &config.ingest.tcp;
        let (http, query) = (&config.ingest.http, &config.query.http);
        let remote = config.remote;
        Ok(Listeners {
            tcp: Listener::bind("tcp", &tcp.listen, tcp.connections_max, remote).await?,
            ingest: Listener::bind("ingest", &http.listen, http.connections_max, remote).await?,
            query: Listener::bind("query", &query.listen, query.connections_max, remote).await?,
        })
    }

    fn addresses(&self) -> Result<Addresses> {
        Ok(Addresses {
            tcp: self.tcp.local_addr()?,
            ingest: self.ingest.local_addr()?,
            query: self.query.local_addr()?,
        })
    }

    fn start(
        self,
        config: &Config,
        ingest: Arc<Ingest>,
        routes: Routes,
        stop: &CancellationToken,
        tasks: &mut JoinSet<()>,
    ) {
        let drain = config.drain_timeout;
        let told = stop.clone();
        let serve_lines = move |stream, _peer| {
            let served =
                tierlog_ingest::serve_tcp_connection(Arc::clone(&ingest), stream, told.clone());
            async move {
                if let Err(error) = served.await {
                    tracing::debug!(%error, "tcp connection ended early");
                }
            }
        };
        tasks.spawn(self.tcp.run(serve_lines, stop.clone(), drain));
        for (listener, routes, section) in [
            (self.ingest, routes.ingest, &config.ingest.http),
            (self.query, routes.query, &config.query.http),
        ] {
            let routes = protect(routes, config, section);
            tasks.spawn(run_http(listener, routes, section, stop.clone(), drain));
        }
    }
}

/// Puts routes under what holds for all of them: the outermost first, a panic becomes 500, a
/// foreign host is turned away, a body must arrive in time.
fn protect(routes: Router, config: &Config, section: &HttpSection) -> Router {
    let routes = with_body_deadline(routes, section.body_timeout);
    let routes = with_host_guard(routes, config.remote, &config.hosts);
    // The panic itself is logged where it happens; its text stays here.
    routes.layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
        problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", "internal error")
    }))
}

/// Returns the accept loop of an HTTP listener.
fn run_http(
    listener: Listener,
    routes: Router,
    section: &HttpSection,
    stop: CancellationToken,
    drain: Duration,
) -> impl Future<Output = ()> + use<> {
    let deadlines = HttpDeadlines { header: section.header_timeout, write: section.write_timeout };
    let told = stop.clone();
    let serve =
        move |stream, _peer| serve_http_connection(stream, routes.clone(), deadlines, told.clone());
    listener.run(serve, stop, drain)
}
