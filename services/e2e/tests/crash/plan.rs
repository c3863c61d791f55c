//! What can befall an installation, as a list: a run takes one of them by the remainder of its seed.

use std::fmt;
use std::time::Duration;
use wharf_testkit::fault_proxy::{RequestFault, Strike, Weather};

/// What is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Victim {
    Api,
    Index,
    Download,
    /// The postmaster, by `kill -9`.
    Postgres,
    /// Every session of Postgres, by an immediate shutdown.
    Sessions,
    /// One session after the other, by an administrator.
    Backends,
    Redis,
    S3,
    /// Everything at once, as by a power cut.
    Machine,
}

/// The way on which a fault lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    ToPostgres,
    ToRedis,
    ToS3,
}

/// One misfortune.
#[derive(Clone, Debug)]
pub(crate) enum Plan {
    /// A process dies at a moment.
    Moment(&'static str),
    /// The collector of orphans dies at a moment, among publishes of the files it is about to take.
    Collector(&'static str),
    /// The collector works among such publishes, and nothing dies; with S3, while the server lists late.
    Collecting,
    /// A command dies at a moment, before there is an installation.
    Command(&'static str),
    /// `wharf migrate` is killed at any time.
    MigrationKilled,
    /// Something is killed at any time.
    Kill(Victim),
    /// The weather on a way is bad for a while.
    Weather(Way, Weather),
    /// Every connection to Postgres stays open and is silent from some time on, as when an address moves to another machine.
    Hush,
    /// Something breaks at its moment, so many times.
    Strike(Way, Strike, u32),
    /// No file may grow beyond so many bytes.
    DiskFull(u64),
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Moment(name) => write!(f, "a process dies at «{name}»"),
            Self::Collector(name) => write!(f, "the collector dies at «{name}»"),
            Self::Collecting => write!(f, "files are collected that are being published"),
            Self::Command(name) => write!(f, "a command dies at «{name}»"),
            Self::MigrationKilled => write!(f, "a migration is killed"),
            Self::Kill(victim) => write!(f, "killed: {victim:?}"),
            Self::Weather(way, weather) => write!(f, "{way:?}: {weather:?}"),
            Self::Hush => write!(f, "every connection to Postgres falls silent"),
            Self::Strike(way, strike, times) => write!(f, "{way:?}: {strike:?}, {times} times"),
            Self::DiskFull(bytes) => write!(f, "no room for files of more than {bytes} bytes"),
        }
    }
}

/// Every time, until it is healed after a while.
pub(crate) const EVERY_TRY: u32 = 10_000;

impl Plan {
    /// What befalls any way. Where bytes become others, somebody has to tell: Redis holds nothing that matters, crate
    /// files are known by their digest, and towards Postgres it takes TLS. Without it Postgres and its client believe
    /// what they understand; so there it is garbled in [`Plan::over_tls`] alone.
    fn weathers(way: Way, garbled: &[usize]) -> Vec<Self> {
        let all = [
            Weather::Refused,
            Weather::BlackHole,
            Weather::Slow(Duration::from_millis(25)),
            Weather::Short(900),
            Weather::Short(5_000),
        ];
        let garbled = garbled.iter().map(|one_in| Weather::Garbled(*one_in));
        all.into_iter().chain(garbled).map(|weather| Self::Weather(way, weather)).collect()
    }

    fn at_commits() -> Vec<Self> {
        let strikes = [
            (Strike::BeforeCommit, 1),
            (Strike::BeforeCommit, 4),
            (Strike::AtCommit, 1),
            (Strike::AtCommit, 4),
            (Strike::AfterCommit, 1),
            (Strike::AfterCommit, 2),
            (Strike::AfterCommit, 6),
            (Strike::EndedAfterCommit, 1),
            (Strike::EndedAfterCommit, 5),
            (Strike::Silent("commit", 0), 1),
            (Strike::Silent("commit", 0), 6),
            (Strike::Silent("begin", 0), 4),
            (Strike::Silent("rollback", 0), 4),
            (Strike::HalfOfWhatIsSent, 3),
            (Strike::HalfOfWhatIsAnswered, 3),
        ];
        strikes.into_iter().map(|(strike, times)| Self::Strike(Way::ToPostgres, strike, times)).collect()
    }

    /// The moments of the program in three processes with its files in a directory, and of its commands.
    pub(crate) fn over_a_directory() -> Vec<Self> {
        let moment = |name: &'static str| match name.split_once(':') {
            Some(("collector", _)) => Self::Collector(name),
            Some(("migrate" | "bootstrap", _)) => Self::Command(name),
            _ => Self::Moment(name),
        };
        let mut all: Vec<Self> = wharf_trial::MOMENTS.iter().map(|(name, _)| moment(name)).collect();
        all.extend([Self::Collecting, Self::MigrationKilled]);
        all.extend(
            [
                Victim::Api,
                Victim::Index,
                Victim::Download,
                Victim::Postgres,
                Victim::Sessions,
                Victim::Backends,
                Victim::Redis,
                Victim::Machine,
            ]
            .map(Self::Kill),
        );
        all.extend(Self::weathers(Way::ToPostgres, &[]));
        all.extend(Self::weathers(Way::ToRedis, &[150]));
        all.push(Self::Hush);
        all.extend(Self::at_commits());
        all.extend([0, 5, 100, 70_000].map(Self::DiskFull));
        all
    }

    /// The faults of S3, and some others, of the program in one process.
    pub(crate) fn over_s3() -> Vec<Self> {
        let request = |method, fault, times| Self::Strike(Way::ToS3, Strike::Request(method, "/sha256/", fault), times);
        let other_checksum = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let mut all = vec![
            Self::Kill(Victim::Api),
            Self::Kill(Victim::S3),
            Self::Kill(Victim::Sessions),
            Self::Kill(Victim::Backends),
            Self::Kill(Victim::Machine),
            Self::Moment("publish: file stored"),
            Self::Moment("publish: file held"),
            Self::Moment("settle: committed"),
            Self::Collector("collector: listed"),
            Self::Collector("collector: orphan found"),
            Self::Collector("collector: orphan deleted"),
            Self::Collecting,
            request("PUT", RequestFault::s3_error(503, "SlowDown"), 1),
            request("PUT", RequestFault::s3_error(503, "SlowDown"), EVERY_TRY),
            request("PUT", RequestFault::s3_error(500, "InternalError"), EVERY_TRY),
            request("PUT", RequestFault::s3_error(403, "AccessDenied"), EVERY_TRY),
            request("PUT", RequestFault::Torn, 1),
            request("PUT", RequestFault::Torn, EVERY_TRY),
            request("PUT", RequestFault::AnswerLost, 1),
            request("PUT", RequestFault::AnswerLost, EVERY_TRY),
            request("PUT", RequestFault::Pretended(None), 1),
            request("PUT", RequestFault::Pretended(None), EVERY_TRY),
            request("PUT", RequestFault::Pretended(Some(other_checksum)), EVERY_TRY),
            request("PUT", RequestFault::BodyGarbled, 1),
            request("PUT", RequestFault::BodyGarbled, EVERY_TRY),
            request("HEAD", RequestFault::s3_error(503, "SlowDown"), EVERY_TRY),
            request("HEAD", RequestFault::s3_error(404, "NotFound"), 1),
            request("GET", RequestFault::s3_error(503, "SlowDown"), EVERY_TRY),
            request("GET", RequestFault::AnswerLost, 2),
            Self::Strike(Way::ToS3, Strike::HalfOfWhatIsAnswered, 3),
            Self::Strike(Way::ToPostgres, Strike::AfterCommit, 2),
        ];
        all.extend(Self::weathers(Way::ToS3, &[150]));
        all
    }

    /// What befalls the program and Postgres when they speak TLS, which hides the COMMITs from the proxy: bytes that
    /// become others, in the handshake or later, and ends in the middle of a record.
    pub(crate) fn over_tls() -> Vec<Self> {
        let mut all = Self::weathers(Way::ToPostgres, &[150, 1_000, 5_000, 20_000, 60_000]);
        all.extend([Self::Hush, Self::Weather(Way::ToPostgres, Weather::Short(20_000))]);
        let strikes = [(Strike::HalfOfWhatIsSent, 1), (Strike::HalfOfWhatIsSent, 6), (Strike::HalfOfWhatIsAnswered, 3)];
        all.extend(strikes.map(|(strike, times)| Self::Strike(Way::ToPostgres, strike, times)));
        all.extend([Victim::Postgres, Victim::Sessions, Victim::Backends].map(Self::Kill));
        all
    }
}
