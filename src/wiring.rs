//! Every channel, task and the order of shutdown, on one screen.
//!
//! ```text
//! listener   task            places     when full               holds
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
use metrics_exporter_prometheus::PrometheusHandle;
use tierlog_ingest::{Ingest, Redactor};
use tierlog_model::{Clock, HandoffSender, Pseudonyms, SystemClock, handoff};
use tierlog_query::{Engine, QueryState};
use tierlog_store::Store;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::addresses::Addresses;
use crate::config::{Config, HttpSection};
use crate::health::{HealthState, health_router};
use crate::http::{HttpDeadlines, serve_http_connection, with_body_deadline};
use crate::keys;
use crate::listener::Listener;
use crate::maintenance::http::{MaintenanceState, maintenance_router};
use crate::metrics_http::{MetricsState, metrics_router};
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
    let pseudonyms = open_keys(&config)?;

    let (sender, receiver) = handoff(config.store.handoff_max);
    let gauge = sender.gauge();
    let store_settings = settings::store_settings(&config, &config.data_dir);
    let store_clock = Arc::clone(&clock);
    let opening =
        tokio::task::spawn_blocking(move || Store::open(store_settings, store_clock, receiver));
    let store = opening.await.context("open the store")?.context("open the store")?;

    let stop = CancellationToken::new();
    let ingest = new_ingest(&config, &pseudonyms, sender, Arc::clone(&clock))?;
    let engine = Engine::new(
        store.clone(),
        Arc::new(pseudonyms),
        Arc::clone(&clock),
        settings::query_config(&config),
    );
    let query = QueryState::new(engine).with_contract(openapi::contract());
    let query_stop = query.stop_token();
    let operations = Router::new()
        .merge(health_router(Arc::new(HealthState::new(store.clone()))))
        .merge(metrics_router(Arc::new(MetricsState {
            recorder: recorder.clone(),
            store: store.clone(),
            handoff: gauge,
        })));
    let maintenance =
        maintenance_router(Arc::new(MaintenanceState { store: store.clone(), clock }));
    let ingest_routes = tierlog_ingest::http_router(Arc::clone(&ingest)).merge(operations.clone());
    let query_routes =
        tierlog_query::http_router(Arc::new(query)).merge(maintenance).merge(operations);

    let mut tasks = JoinSet::new();
    listeners.start(&config, ingest, ingest_routes, query_routes, &stop, &mut tasks);
    tasks.spawn(upkeep(recorder, stop.clone()));
    ready(&addresses)?;

    signals.next().await;
    tracing::info!("stop accepting, drain connections; a second signal exits at once");
    signals.exit_on_next();
    // ORDER: connections before Q1 before the store, see the top of this file.
    stop.cancel();
    query_stop.cancel();
    while let Some(ended) = tasks.join_next().await {
        ended.context("listener task")?;
    }
    tokio::task::spawn_blocking(move || store.close()).await.context("close the store")?;
    tracing::info!("stopped");
    Ok(())
}

fn open_keys(config: &Config) -> Result<Pseudonyms> {
    let section = &config.redaction.pseudonyms;
    let pseudonyms = keys::open(&section.key_file, &config.data_dir, &section.fields)?;
    Ok(pseudonyms)
}

fn new_ingest(
    config: &Config,
    pseudonyms: &Pseudonyms,
    sender: HandoffSender,
    clock: Arc<dyn Clock>,
) -> Result<Arc<Ingest>> {
    let redactor = Redactor::new(&settings::redaction_settings(config), pseudonyms.clone());
    let ingest_config = settings::ingest_config(config)?;
    Ok(Arc::new(Ingest::new(ingest_config, Arc::new(redactor), sender, clock)))
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
        ingest_routes: Router,
        query_routes: Router,
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
            (self.ingest, ingest_routes, &config.ingest.http),
            (self.query, query_routes, &config.query.http),
        ] {
            tasks.spawn(run_http(listener, routes, section, stop.clone(), drain));
        }
    }
}

/// Returns the accept loop of an HTTP listener.
fn run_http(
    listener: Listener,
    routes: Router,
    section: &HttpSection,
    stop: CancellationToken,
    drain: Duration,
) -> impl Future<Output = ()> + use<> {
    let routes = with_body_deadline(routes, section.body_timeout);
    let deadlines = HttpDeadlines { header: section.header_timeout, write: section.write_timeout };
    let told = stop.clone();
    let serve =
        move |stream, _peer| serve_http_connection(stream, routes.clone(), deadlines, told.clone());
    listener.run(serve, stop, drain)
}
