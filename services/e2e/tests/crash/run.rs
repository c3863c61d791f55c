//! One run: clients live their stories, the misfortune comes, everything is mended, and what is left is judged.

use crate::commands;
use crate::installation::{Installation, Part, Shape};
use crate::judge::files;
use crate::plan::{EVERY_TRY, Plan, Victim, Way};
use crate::stories::{RaceStory, Story, VersionStory};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use wharf_testkit::chance::Chance;
use wharf_testkit::fault_proxy::{FaultProxy, RequestFault, Strike, Weather};
use wharf_testkit::{CrateFixture, until};

/// The most tours that are made until a moment comes.
const TOURS_MAX: usize = 20;

/// How a run went.
pub(crate) struct Report {
    /// The moment at which a process died.
    pub(crate) died_at: Option<&'static str>,
    pub(crate) line: String,
}

/// The clients of a run, and what they have lived through.
struct Clients {
    tag: String,
    races: Vec<Arc<RaceStory>>,
    running: JoinSet<Vec<Story>>,
    lived: Vec<Story>,
    groups: usize,
}

impl Clients {
    fn new(seed: u64) -> Self {
        Self { tag: format!("r{seed:016x}"), races: Vec::new(), running: JoinSet::new(), lived: Vec::new(), groups: 0 }
    }

    /// Starts some clients: one makes the tour, two do what chance says.
    fn start(&mut self, installation: &Installation, chance: &mut Chance) {
        self.groups += 1;
        let name = |client: &str| format!("{}-{}{client}", self.tag, self.groups);
        let race = Arc::new(RaceStory::new(&name("race")));
        let mut parts = vec![Story::tour(&name("a"), &race)];
        for client in ["b", "c"] {
            let count = chance.within(1, 3);
            parts.push(
                (0..count).map(|number| Story::random(chance, &name(&format!("{client}{number}")), &race)).collect(),
            );
        }
        self.races.push(race);
        for part in parts {
            self.add(installation, part);
        }
    }

    fn add(&mut self, installation: &Installation, mut stories: Vec<Story>) {
        let owner = installation.owner.clone();
        // Local, because async closures borrow more than the compiler can prove to be `Send`.
        self.running.spawn_local(async move {
            for story in &mut stories {
                story.live(&owner).await;
            }
            stories
        });
    }

    /// Waits until all have lived.
    async fn finish(&mut self) {
        while let Some(client) = self.running.join_next().await {
            match client {
                Ok(stories) => self.lived.extend(stories),
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        }
    }
}

/// Runs a plan with everything that its seed decides.
pub(crate) async fn run(installation: &mut Installation, plan: &Plan, seed: u64) -> Report {
    let mut chance = Chance::new(seed);
    if let Plan::Command(_) | Plan::MigrationKilled = plan {
        return commands::run(installation, plan, &mut chance).await;
    }
    let mut clients = Clients::new(seed);
    let died_at = match plan {
        Plan::Moment(name) => {
            die_at(installation, &mut clients, &mut chance, name).await;
            Some(*name)
        }
        Plan::Collector(name) => {
            collect(installation, &mut clients, &mut chance, Some(name)).await;
            Some(*name)
        }
        Plan::Collecting => {
            collect(installation, &mut clients, &mut chance, None).await;
            None
        }
        Plan::Kill(victim) => {
            clients.start(installation, &mut chance);
            tokio::time::sleep(Duration::from_millis(chance.next() % 500)).await;
            kill(installation, *victim).await;
            None
        }
        Plan::Weather(way, weather) => {
            let proxy = proxy(installation, *way);
            proxy.seed(seed);
            let before = proxy.garbled();
            clients.start(installation, &mut chance);
            tokio::time::sleep(Duration::from_millis(chance.next() % 150)).await;
            proxy.set(*weather);
            tokio::time::sleep(Duration::from_millis(100 + chance.next() % 500)).await;
            if let Weather::Garbled(_) = weather {
                // However little passes: a run in which every byte arrived would show nothing.
                for _ in 0..TOURS_MAX {
                    tokio::select! {
                        () = proxy.garbles(before + 1) => break,
                        () = clients.finish() => clients.start(installation, &mut chance),
                    }
                }
                assert_ne!(proxy.garbled(), before, "every byte arrived");
            }
            proxy.heal();
            None
        }
        Plan::Hush => {
            clients.start(installation, &mut chance);
            tokio::time::sleep(Duration::from_millis(chance.next() % 300)).await;
            installation.to_postgres.hush();
            None
        }
        Plan::Strike(way, strike, times) => {
            let proxy = proxy(installation, *way);
            let before = proxy.strikes();
            tokio::time::sleep(Duration::from_millis(chance.next() % 20)).await;
            proxy.strike(strike.clone(), *times);
            clients.start(installation, &mut chance);
            proxy.struck(before + 1).await;
            if *times == EVERY_TRY {
                tokio::time::sleep(Duration::from_millis(300 + chance.next() % 900)).await;
                proxy.heal();
            }
            None
        }
        Plan::DiskFull(bytes) => {
            let blobs = installation.blobs();
            let unfinished = || files(&blobs).into_iter().filter(|path| is_unfinished(path)).count();
            let before = unfinished();
            installation.process(Part::Api).limit_files(Some(*bytes));
            clients.start(installation, &mut chance);
            clients.finish().await;
            installation.process(Part::Api).limit_files(None);
            assert_eq!(unfinished(), before, "a put that failed left something behind");
            None
        }
        Plan::Command(_) | Plan::MigrationKilled => unreachable!("done above"),
    };
    clients.finish().await;
    judge(installation, clients, died_at).await
}

/// Mends everything, and compares every story with what is there.
async fn judge(installation: &mut Installation, clients: Clients, died_at: Option<&'static str>) -> Report {
    let ended: Vec<Part> = installation.ended().into_iter().map(|(part, _)| part).collect();
    assert!(ended.is_empty(), "ended by themselves: {ended:?}");
    installation.mend().await;
    let mut judge = installation.judge().await;
    judge.quiet().await;
    let blobs = installation.blobs();
    judge.world(&blobs, &mut installation.proven).await;
    let (mut done, mut unknown) = (0, 0);
    for story in &clients.lived {
        let tally = story.tally();
        (done, unknown) = (done + tally.0, unknown + tally.1);
        story.judge(&mut judge).await;
    }
    for race in &clients.races {
        race.judge(&mut judge).await;
    }
    judge.world(&blobs, &mut installation.proven).await;
    Report {
        died_at,
        line: format!("{} stories, {done} steps acknowledged, {unknown} of unknown outcome", clients.lived.len()),
    }
}

fn proxy(installation: &Installation, way: Way) -> &FaultProxy {
    match way {
        Way::ToPostgres => &installation.to_postgres,
        Way::ToRedis => &installation.to_redis,
        Way::ToS3 => installation.to_s3.as_ref().unwrap(),
    }
}

/// Has clients live until a process has died at a moment.
async fn die_at(installation: &mut Installation, clients: &mut Clients, chance: &mut Chance, name: &str) {
    let order = installation.order();
    // Not always at the first time: something shall be acknowledged before, and every verb shall be met.
    let of_every_verb = ["settle", "commit", "idempotency", "feed"].iter().any(|part| name.starts_with(part));
    let times = chance.within(1, if of_every_verb { 16 } else { 2 });
    std::fs::write(&order, format!("{name}#{times}@{}", clients.tag)).unwrap();
    for _ in 0..TOURS_MAX {
        clients.start(installation, chance);
        clients.finish().await;
        if !order.exists() {
            let mut ended = Vec::new();
            until("the process has died", async || {
                ended.extend(installation.ended());
                !ended.is_empty()
            })
            .await;
            assert_eq!(ended.len(), 1, "one order, one death");
            assert!(ended[0].1.has_aborted(), "{:?} died of something else", ended[0].0);
            return;
        }
    }
    panic!("«{name}» never came");
}

async fn kill(installation: &mut Installation, victim: Victim) {
    match victim {
        Victim::Api => installation.kill(Part::Api),
        Victim::Index => installation.kill(Part::Index),
        Victim::Download => installation.kill(Part::Download),
        Victim::Postgres => {
            installation.postgres.kill();
            installation.postgres.run().await;
        }
        Victim::Sessions => {
            installation.postgres.quit();
            installation.postgres.run().await;
        }
        Victim::Backends => {
            let mut admin = installation.postgres.superuser("postgres").await;
            for _ in 0..4 {
                let _ended: Vec<bool> = sqlx::query_scalar(
                    "select pg_terminate_backend(pid) from pg_stat_activity where usename like 'wharf\\_%'",
                )
                .fetch_all(&mut admin)
                .await
                .unwrap();
                tokio::time::sleep(Duration::from_millis(40)).await;
            }
        }
        Victim::Redis => {
            installation.redis.kill();
            installation.redis.run();
        }
        Victim::S3 => {
            let s3 = installation.s3.as_mut().unwrap();
            s3.kill();
            tokio::time::sleep(Duration::from_millis(100)).await;
            s3.run().await;
        }
        Victim::Machine => {
            installation.processes.clear();
            installation.postgres.kill();
            installation.redis.kill();
            installation.redis.run();
            if let Some(s3) = &mut installation.s3 {
                s3.kill();
                s3.run().await;
            }
        }
    }
}

/// Puts files of crates that are about to be published where the collector takes them for orphans of the day before
/// yesterday, and runs it while they are published.
async fn collect(
    installation: &mut Installation,
    clients: &mut Clients,
    chance: &mut Chance,
    dies_at: Option<&'static str>,
) {
    let sparse = installation.owner.sparse();
    let blobs = installation.blobs();
    let stories: Vec<VersionStory> =
        (0..6).map(|number| VersionStory::new(&format!("{}-orphan{number}", clients.tag), 0)).collect();
    // One that nobody publishes: it has to be gone in the end.
    let forgotten = CrateFixture::new(&format!("{}-forgotten", clients.tag), "1.0.0");
    let left = stories.iter().map(|story| &story.krate).chain([&forgotten]);
    let paths: Vec<_> = left.map(|krate| leave(&blobs, &krate.cksum(&sparse), &krate.archive(&sparse))).collect();
    let forgotten = paths.last().unwrap().clone();

    if let (Some(proxy), None, true) = (&installation.to_s3, dies_at, chance.one_in(2)) {
        // A server that lists late: what is not listed is not collected, and nothing else comes of it.
        proxy.strike(Strike::Request("GET", "list-type=2", RequestFault::s3_lists_nothing()), 1);
        run_collector(installation, None).await;
        assert!(forgotten.exists());
    }
    clients.start(installation, chance);
    for story in stories {
        clients.add(installation, vec![Story::Version(story)]);
    }
    run_collector(installation, dies_at).await;
    clients.finish().await;
    run_collector(installation, None).await;
    assert!(!forgotten.exists(), "an orphan stays");
    if installation.shape == Shape::Split {
        assert_eq!(files(&blobs).iter().filter(|path| is_unfinished(path) && is_old(path)).count(), 0);
    }
}

async fn run_collector(installation: &Installation, dies_at: Option<&'static str>) {
    let mut command = installation.configured.command(&["collect"]);
    if let Some(name) = dies_at {
        command.env("WHARF_DIE_AT", name);
    }
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    commands::check_end(&output, dies_at);
}

/// Lays a file where the blob store has its own, two days old.
fn leave(blobs: &Path, cksum: &str, bytes: &[u8]) -> std::path::PathBuf {
    let place = blobs.join("sha256").join(&cksum[..2]).join(&cksum[2..4]);
    std::fs::create_dir_all(&place).unwrap();
    let path = place.join(cksum);
    std::fs::write(&path, bytes).unwrap();
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(std::time::SystemTime::now() - Duration::from_secs(2 * 86_400)).unwrap();
    path
}

fn is_unfinished(path: &Path) -> bool {
    path.file_name().unwrap().to_str().unwrap().starts_with(".put-")
}

fn is_old(path: &Path) -> bool {
    let age = std::fs::metadata(path).unwrap().modified().unwrap().elapsed().unwrap_or_default();
    age > Duration::from_secs(86_400)
}
