//! Schedules of faults, each made from a number.

use std::fmt;
use std::time::Duration;

use super::memory::{Auth, Chunks, Content, Habits, Locations, Mount, Referrers};
use super::random::Random;

/// The requests between a client and a registry, by their purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// `GET /v2/`.
    Base,
    /// A request for a token.
    Token,
    /// A question for a blob.
    BlobHead,
    /// A download of a blob.
    BlobGet,
    /// The start of an upload, or a mount.
    UploadPost,
    /// A part of a blob.
    UploadPatch,
    /// The end of an upload, or a whole blob.
    UploadPut,
    /// A question for a manifest, by tag or digest.
    ManifestHead,
    /// A download of a manifest.
    ManifestGet,
    /// A manifest, by its digest.
    ManifestPut,
    /// A manifest, by tag.
    TagPut,
}

/// Something that happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The connection ends before the request is forwarded.
    DropBefore,
    /// The connection ends when so many bytes of the body have arrived, or all of them.
    DropInBody(usize),
    /// The registry does what it was asked to do, and the connection ends without an answer.
    DropAfter,
    /// The request waits.
    Delay(Duration),
    /// The answer ends in its middle.
    Truncate,
    /// The answer comes in parts of a few bytes.
    SlowAnswer,
    /// The body is read slowly.
    SlowBody,
    /// The request is answered with a status and an HTML page, as by a gateway.
    Status(u16),
    /// The same, with `Retry-After: 0`.
    RetryAfter(u16),
    /// The request is answered after the first bytes of its body, and the connection ends.
    Early(u16),
    /// The upload is unknown.
    ForgetUpload,
    /// A cache answers HEAD: what is missing is there.
    StaleHit,
    /// A cache answers HEAD: what is there is missing.
    StaleMiss,
    /// The manifest is refused because a blob that it names, and that is there, is not yet visible.
    Lag,
    /// The token is no longer valid; the registry says so with this status.
    ExpiredToken(u16),
    /// The answer redirects to the same address with another name of the host.
    Redirect,
    /// The Location of the answer has lost its TLS.
    DowngradedLocation,
    /// A byte of the answer's body is another one.
    Corrupt,
}

/// The transfer that a schedule is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transfer {
    /// From the client to the registry.
    Push,
    /// From the registry to the client.
    Pull,
}

/// The number of requests to which a fault happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// As many, then no more.
    Only(usize),
    /// All, until [`Proxy::heal`](super::Proxy::heal).
    UntilHealed,
}

/// A fault that happens to requests of one purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// The purpose of the requests.
    pub place: Place,
    /// The number of requests before the first one to which it happens.
    pub skip: usize,
    /// The number of requests to which it happens.
    pub times: Times,
    /// The fault.
    pub fault: Fault,
}

/// The faults of one run, and the habits of its registry.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// The number that it was made from.
    pub seed: u64,
    /// The faults.
    pub faults: Vec<Planned>,
    /// The habits.
    pub habits: Habits,
    /// Whether the proxy speaks TLS with the client.
    pub tls: bool,
    /// The length of the parts in which the client sends blobs; `None` for whole ones.
    pub chunk: Option<u64>,
}

/// The user of schedules with credentials.
pub const USER: &str = "robot$ci";
/// Its password.
pub const PASSWORD: &str = "secret:with:colons";

/// The most faults in a schedule. Each happens at most twice, so that the six attempts of a careful client suffice where
/// all happen to one request.
const MOST: usize = 2;

impl Schedule {
    /// Makes a schedule from a number.
    pub fn new(seed: u64, transfer: Transfer) -> Self {
        let mut random = Random::new(seed);
        let tls = random.percent(30);
        let habits = habits(&mut random);
        let chunk = random.percent(25).then(|| 100_000 + random.number() % 400_000);
        let lasting = random.percent(20);
        let count = if lasting { 1 } else { 1 + random.below(MOST) };
        let faults = (0..count).map(|_| planned(&mut random, &habits, tls, lasting, transfer)).collect();
        let chunk = chunk.filter(|_| habits.chunks == Chunks::Any);
        Self { seed, faults, habits, tls, chunk }
    }

    /// Returns whether all faults end by themselves, so that a push must succeed.
    pub fn is_transient(&self) -> bool {
        self.faults.iter().all(|planned| planned.times != Times::UntilHealed || planned.fault.is_harmless())
    }
}

impl Fault {
    /// Returns whether a client must cope with it even if it happens to each request.
    pub fn is_harmless(self) -> bool {
        matches!(
            self,
            Self::Delay(_) | Self::SlowAnswer | Self::SlowBody | Self::StaleMiss | Self::DowngradedLocation
        )
    }
}

fn habits(random: &mut Random) -> Habits {
    let mut habits = match random.below(11) {
        0 => Habits { manifests_per_second: None, chunks: Chunks::OnlyTheFirst, ..Habits::ecr() },
        1 => Habits { redirects_blobs: true, ..Habits::default() },
        2 => Habits { locations: Locations::OtherHost, ..Habits::default() },
        3 => Habits { mount: Mount::Answers(403), ..Habits::default() },
        4 => Habits { referrers: Referrers::Absent, single_post: false, ..Habits::default() },
        5 => Habits { content: Content::Unchecked, ..Habits::default() },
        // The default of nginx.
        6 => Habits { body_limit: Some(1 << 20), ..Habits::default() },
        _ => Habits {
            locations: random.one_of(&[Locations::Relative, Locations::Absolute]),
            ..Habits::default()
        },
    };
    habits.repositories = super::memory::Repositories::CreatedByPush;
    if random.percent(60) {
        habits.auth = Auth::token(USER, PASSWORD);
    } else if habits.auth != Auth::Anonymous {
        habits.auth = Auth::Basic { user: USER.to_owned(), password: PASSWORD.to_owned() };
    }
    habits
}

/// The requests of a push. Most of its bytes are in one kind.
const PUSH: &[Place] = &[
    Place::Base,
    Place::Token,
    Place::BlobHead,
    Place::UploadPost,
    Place::UploadPatch,
    Place::UploadPut,
    Place::UploadPut,
    Place::ManifestHead,
    Place::ManifestGet,
    Place::ManifestPut,
    Place::TagPut,
];

/// The requests of a pull.
const PULL: &[Place] = &[Place::Base, Place::Token, Place::ManifestGet, Place::BlobGet, Place::BlobGet];

fn planned(random: &mut Random, habits: &Habits, tls: bool, lasting: bool, transfer: Transfer) -> Planned {
    let places = if transfer == Transfer::Push { PUSH } else { PULL };
    loop {
        let place = random.one_of(places);
        let fault = fault(random);
        let times = if lasting { Times::UntilHealed } else { Times::Only(1 + random.below(2)) };
        let planned = Planned { place, skip: random.below(4), times, fault };
        if planned.is_sensible(habits, tls) {
            return planned;
        }
    }
}

fn fault(random: &mut Random) -> Fault {
    let bytes = random.one_of(&[0, 1, 1000, 70_000, 300_000]);
    match random.below(20) {
        0 => Fault::DropBefore,
        1 | 2 => Fault::DropInBody(bytes),
        3 | 4 => Fault::DropAfter,
        5 => Fault::Delay(Duration::from_millis(20 + random.number() % 100)),
        6 => Fault::Truncate,
        7 => Fault::SlowAnswer,
        8 => Fault::SlowBody,
        9 => Fault::Status(random.one_of(&[401, 403, 408, 413, 429, 500, 502, 503, 504])),
        10 => Fault::RetryAfter(random.one_of(&[429, 503])),
        11 => Fault::Early(random.one_of(&[401, 403, 408, 413, 429, 500, 503])),
        12 => Fault::ForgetUpload,
        13 => Fault::StaleHit,
        14 => random.one_of(&[Fault::StaleMiss, Fault::Lag]),
        15 => Fault::ExpiredToken(random.one_of(&[400, 401, 403])),
        16 => Fault::Redirect,
        17 => Fault::Corrupt,
        18 => Fault::DowngradedLocation,
        _ => random.one_of(&[Fault::Status(416), Fault::Status(400)]),
    }
}

impl Planned {
    /// Returns whether the fault can happen there, and whether a client can cope with it if it ends.
    fn is_sensible(&self, habits: &Habits, tls: bool) -> bool {
        let place = self.place;
        let has_body =
            matches!(place, Place::UploadPatch | Place::UploadPut | Place::ManifestPut | Place::TagPut);
        let is_head = matches!(place, Place::BlobHead | Place::ManifestHead);
        let is_upload = matches!(place, Place::UploadPatch | Place::UploadPut);
        match self.fault {
            // Nothing says that these end.
            Fault::Status(401 | 403 | 413) => self.times == Times::UntilHealed && place != Place::Base,
            Fault::Early(401 | 403 | 413) => self.times == Times::UntilHealed && has_body,
            Fault::DropInBody(_) | Fault::Early(_) | Fault::SlowBody => has_body,
            Fault::Truncate => !is_head,
            Fault::ForgetUpload | Fault::Status(416) => is_upload,
            // A load balancer's answer to a slow body.
            Fault::Status(400) => place == Place::UploadPut,
            // A registry that takes anything cannot tell that HEAD was wrong.
            Fault::StaleHit => place == Place::BlobHead && habits.content == Content::Checked,
            Fault::StaleMiss => is_head,
            Fault::Lag => matches!(place, Place::ManifestPut | Place::TagPut),
            // Without a challenge, a refusal means an expired token only if the token is old. A new one that is refused
            // too is final.
            Fault::ExpiredToken(status) => {
                matches!(habits.auth, Auth::Token { .. })
                    && !matches!(place, Place::Token | Place::Base)
                    && if status == 401 {
                        self.skip > 0 && self.times != Times::Only(2)
                    } else {
                        self.times == Times::UntilHealed
                    }
            }
            Fault::Redirect => is_head || matches!(place, Place::ManifestGet | Place::BlobGet),
            // Bytes that are wrong twice are wrong for good.
            Fault::Corrupt => place == Place::BlobGet && self.times != Times::Only(2),
            Fault::DowngradedLocation => tls && matches!(place, Place::UploadPost | Place::UploadPatch),
            _ => true,
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, faults, habits, tls, chunk } = self;
        let front = if *tls { "TLS" } else { "plain HTTP" };
        writeln!(f, "seed {seed}: {front}, parts of {chunk:?}")?;
        writeln!(f, "  {habits:?}")?;
        faults.iter().try_for_each(|planned| {
            let Planned { place, skip, times, fault } = planned;
            writeln!(f, "  {fault:?} at {place:?}, after {skip}, {times:?}")
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_makes_one_schedule_and_many_seeds_make_every_fault() {
        let show = |seed| format!("{:?}", Schedule::new(seed, Transfer::Push));
        assert_eq!(show(7), show(7));
        let name = |planned: &Planned| format!("{:?}", planned.fault).split('(').next().unwrap().to_owned();
        let all = |transfer| -> BTreeSet<String> {
            (0..300).flat_map(|seed| Schedule::new(seed, transfer).faults).map(|fault| name(&fault)).collect()
        };
        let (push, pull) = (all(Transfer::Push), all(Transfer::Pull));
        assert_eq!((push.len(), pull.len()), (17, 10), "{push:?} {pull:?}");
    }
}
