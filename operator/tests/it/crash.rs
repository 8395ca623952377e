//! Somebody who spoils one write of a pass: over Kubernetes, the broker and the store together, counted in one row.
//!
//! ```text
//! let saboteur = Saboteur::idle();            // one pass that is not spoiled says how many writes there are
//! for at in 1..=saboteur.writes().len() {
//!     for fault in Fault::ALL {
//!         let saboteur = Saboteur::at(at, fault);
//!         // … a pass with saboteur.client(…), saboteur.store(…), then passes without: the end must be the same
//! ```

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use http::{Method, Request, Response};
use kube::{Client, client::Body};
use sendry_store::{OperatorStore, StoreError};
use tower::{BoxError, service_fn};

mod store;

/// What becomes of the write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It takes effect, and the process ends before it hears of it: nothing gets through any more, reads neither.
    Crash,
    /// The connection breaks before it arrives.
    ResetBefore,
    /// It takes effect, and the connection breaks before the answer arrives.
    ResetAfter,
    /// It is refused with this status and has no effect. To the store: it is unavailable.
    Answer(u16),
}

impl Fault {
    /// Every way to spoil a write.
    pub const ALL: [Self; 6] = [
        Self::Crash,
        Self::ResetBefore,
        Self::ResetAfter,
        Self::Answer(409),
        Self::Answer(429),
        Self::Answer(500),
    ];

    /// Whether the write takes effect.
    pub fn has_effect(self) -> bool {
        matches!(self, Self::Crash | Self::ResetAfter)
    }
}

/// The one who spoils. Clones are the same.
#[derive(Clone)]
pub struct Saboteur(Arc<Mutex<Plot>>);

#[derive(Default)]
struct Plot {
    writes: Vec<String>,
    reads: Vec<String>,
    strike: Option<(usize, Fault)>,
    dead: bool,
}

/// What somebody who was spoiled sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spoiled {
    /// How; `None` = the process is over.
    pub fault: Option<Fault>,
}

impl fmt::Display for Spoiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spoiled by the test: {:?}", self.fault)
    }
}

impl std::error::Error for Spoiled {}

impl Saboteur {
    /// Spoils nothing, and counts.
    pub fn idle() -> Self {
        Self(Arc::default())
    }

    /// Spoils the write of this number, the first being 1.
    pub fn at(number: usize, fault: Fault) -> Self {
        let plot = Plot {
            strike: Some((number, fault)),
            ..Plot::default()
        };
        Self(Arc::new(Mutex::new(plot)))
    }

    /// The writes so far, spoiled ones too, as texts for a person.
    pub fn writes(&self) -> Vec<String> {
        self.0.lock().unwrap().writes.clone()
    }

    /// Reads of the API server so far.
    pub fn reads(&self) -> Vec<String> {
        self.0.lock().unwrap().reads.clone()
    }

    /// Whether it had its turn.
    pub fn struck(&self) -> bool {
        let plot = self.0.lock().unwrap();
        plot.strike
            .is_some_and(|(number, _)| number <= plot.writes.len())
    }

    /// Whether the process is over.
    pub fn is_dead(&self) -> bool {
        self.0.lock().unwrap().dead
    }

    /// A read, of whatever it is.
    pub async fn read<T, E>(
        &self,
        read: impl Future<Output = Result<T, E>>,
        fail: impl FnOnce(Spoiled) -> E,
    ) -> Result<T, E> {
        if self.is_dead() {
            return Err(fail(Spoiled { fault: None }));
        }
        read.await
    }

    /// A write, of whatever it is. For the broker: wrap each call that changes something.
    pub async fn write<T, E>(
        &self,
        what: String,
        write: impl Future<Output = Result<T, E>>,
        fail: impl FnOnce(Spoiled) -> E,
    ) -> Result<T, E> {
        let fault = match self.next(what) {
            Ok(None) => return write.await,
            Ok(Some(fault)) => fault,
            Err(over) => return Err(fail(over)),
        };
        if fault.has_effect() {
            // What would have failed without us has no effect to hide.
            write.await?;
        }
        if fault == Fault::Crash {
            self.0.lock().unwrap().dead = true;
        }
        Err(fail(Spoiled { fault: Some(fault) }))
    }

    fn next(&self, what: String) -> Result<Option<Fault>, Spoiled> {
        let mut plot = self.0.lock().unwrap();
        if plot.dead {
            return Err(Spoiled { fault: None });
        }
        plot.writes.push(what);
        let now = plot.writes.len();
        let fault = plot.strike.filter(|(number, _)| *number == now);
        Ok(fault.map(|(_, fault)| fault))
    }

    /// The API server through it. Leases are let through uncounted: they are written by the clock.
    pub fn client(&self, inner: &Client) -> Client {
        let (this, through) = (self.clone(), inner.clone());
        let service = service_fn(move |request: Request<Body>| {
            let (this, through) = (this.clone(), through.clone());
            async move {
                let path = request.uri().path().to_owned();
                let what = format!("{} {path}", request.method());
                if request.method() == Method::GET {
                    this.0.lock().unwrap().reads.push(path.clone());
                }
                let reads = request.method() == Method::GET || path.contains("/leases");
                let call = async move { through.send(request).await.map_err(BoxError::from) };
                let done = if reads {
                    this.read(call, BoxError::from).await
                } else {
                    this.write(what, call, BoxError::from).await
                };
                answered(done)
            }
        });
        Client::new(service, inner.default_namespace())
    }

    /// The store through it.
    pub fn store(&self, inner: Arc<dyn OperatorStore>) -> Arc<dyn OperatorStore> {
        Arc::new(store::Spoiling {
            saboteur: self.clone(),
            inner,
        })
    }
}

/// A refusal becomes an answer, as the API server words it.
fn answered(done: Result<Response<Body>, BoxError>) -> Result<Response<Body>, BoxError> {
    let error = match done {
        Ok(response) => return Ok(response),
        Err(error) => error,
    };
    let spoiled = error.downcast_ref::<Spoiled>();
    let Some(Fault::Answer(code)) = spoiled.and_then(|spoiled| spoiled.fault) else {
        return Err(error);
    };
    let reason = match code {
        409 => "Conflict",
        429 => "TooManyRequests",
        _ => "InternalError",
    };
    let status = serde_json::json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "reason": reason, "message": "spoiled by the test", "code": code,
    });
    let response = Response::builder()
        .status(code)
        .header("content-type", "application/json");
    Ok(response.body(Body::from(serde_json::to_vec(&status)?))?)
}

/// The same of a store.
fn unavailable(spoiled: Spoiled) -> StoreError {
    StoreError::Unavailable {
        store: "control",
        doing: "answer",
        unknown: spoiled.fault.is_some_and(Fault::has_effect),
        source: Box::new(spoiled),
    }
}
