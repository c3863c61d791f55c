//! What the git index costs at the size of a large registry: processor time, bytes sent, memory.
//!
//! `cargo run --release -p wharf-git-index --example measure [crates]`; 150,000 crates if not told otherwise. Prints one
//! line for each thing measured and ends with 1 if a promise is broken. Reads `/proc`, so it needs Linux.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

#[path = "measure/process.rs"]
mod process;
#[path = "measure/registry.rs"]
mod registry;

use process::{average_ms, measured, resident_mb};
use registry::Synthetic;
use std::process::ExitCode;
use std::sync::Arc;
use wharf_domain::view::{Rule, Sight};
use wharf_domain::{CratePattern, RegistryId, Timestamp, View};
use wharf_git_index::{Base, Change, Definition, Head, Index, Limits, Memory, Pack, Was};
use wharf_git_wire::Framing;

const CONFIG: &[u8] = br#"{"dl":"https://dl.example/acme/private","api":"https://app.example/","auth-required":true}"#;
const REGISTRY: RegistryId = RegistryId(uuid::Uuid::from_u128(1));

fn define(rules: Vec<Rule>) -> Definition {
    Definition::new(View::new(rules), REGISTRY)
}

/// Names and prefixes, in rules of as many patterns as one may hold.
fn of_patterns<T: AsRef<str>>(texts: &[T]) -> Definition {
    let parse = |text: &T| CratePattern::parse(text.as_ref()).unwrap();
    let rule = |texts: &[T]| Rule { allow: texts.iter().map(parse).collect(), ..Rule::default() };
    define(texts.chunks(1000).map(rule).collect())
}

fn everything_before(unix: i64) -> Definition {
    let published_before = Some(Timestamp::from_unix(unix));
    define(vec![Rule { allow: vec![CratePattern::all()], published_before, ..Rule::default() }])
}

fn memory() -> Arc<Memory> {
    Memory::new(Limits { repositories_bytes: 4 << 30, parts_bytes: 256 << 20 })
}

/// Sends a pack to nowhere, a socket's worth at a time.
fn send(pack: Pack) -> u64 {
    let mut out = Vec::new();
    let mut bytes = 0;
    let mut transfer = pack.begin(Framing::SideBand64k, &mut out);
    loop {
        let more = transfer.fill(64 * 1024, &mut out).unwrap();
        bytes += out.len() as u64;
        out.clear();
        if !more {
            return bytes;
        }
    }
}

fn report(what: &str, cpu_ms: f64, more: &str) {
    println!("{what:<48} {cpu_ms:>9.3} ms cpu {:>5.0} MB resident  {more}", resident_mb());
}

/// The bed for all measurements, and the promises that were broken.
struct Bench {
    memory: Arc<Memory>,
    index: Index,
    registry: Synthetic,
    crates: Vec<Change>,
    broken: Vec<String>,
}

impl Bench {
    fn new(count: usize) -> Bench {
        let memory = memory();
        let mut registry = Synthetic::new(count);
        let (crates, cpu) =
            measured(|| (0..count).map(|krate| registry.next_version(krate, &memory)).collect::<Vec<_>>());
        let raw =
            format!("{count} crates, {} directories, {} MB raw", registry.directories(), registry.raw_bytes >> 20);
        report("files rendered, hashed and deflated", cpu, &raw);
        let (index, cpu) = measured(|| Index::load(Arc::clone(&memory), REGISTRY, 0, crates.iter().cloned()));
        report("index loaded", cpu, &format!("{} MB counted", memory.usage().files_bytes >> 20));
        Bench { memory, index, registry, crates, broken: Vec::new() }
    }

    fn promise(&mut self, holds: bool, what: String) {
        if !holds {
            self.broken.push(what);
        }
    }

    fn head(&self, definition: &Definition) -> Arc<Head> {
        self.index.head(definition, CONFIG).unwrap()
    }

    /// The first head of a view where none was before, the next one, and clones.
    fn clone(&self, what: &str, definition: &Definition) {
        let cpu = average_ms(|| {
            let index = Index::load(memory(), REGISTRY, 0, self.crates.iter().cloned());
            let (head, cpu) = measured(|| index.head(definition, CONFIG).unwrap());
            drop((head, index));
            cpu
        });
        let head = self.head(definition);
        report(&format!("{what}: first head"), cpu, &format!("{} objects", head.full().unwrap().objects()));
        let (bytes, cpu) = measured(|| send(head.full().unwrap()));
        report(&format!("{what}: first clone"), cpu, &format!("{bytes} bytes"));
        let cpu = average_ms(|| measured(|| send(head.full().unwrap())).1);
        report(&format!("{what}: further clones"), cpu, "");
        let cpu = average_ms(|| measured(|| (0..1000).for_each(|_| drop(self.head(definition)))).1);
        report(&format!("{what}: head, nothing changed"), cpu / 1000.0, "");
    }

    /// Publishes in crates that are taken in turn.
    fn publish(&mut self, definition: &Definition, from: usize, count: usize) -> Vec<Was> {
        let mut was = Vec::new();
        for number in from..from + count {
            let krate = number * 7919 % self.registry.len();
            let name = self.registry.name(krate);
            let is_seen = definition.view().sight(&name.canonical()) == Sight::Whole;
            was.push(Was { name, oid: is_seen.then(|| self.registry.oid(krate)) });
            let change = self.registry.next_version(krate, &self.memory);
            self.crates[krate] = change.clone();
            assert!(self.index.apply(self.index.seq() + 1, [change]));
        }
        was
    }

    /// A client of the view fetches after every `count` publishes.
    fn fetch(&mut self, what: &str, definition: &Definition, count: usize) {
        let rounds = (256 / count).max(16);
        let (mut head_cpu, mut fetch_cpu, mut last) = (0.0, 0.0, (0, 0));
        let mut old = self.head(definition);
        for round in 0..rounds {
            let was = self.publish(definition, round * count, count);
            let (head, cpu) = measured(|| self.head(definition));
            head_cpu += cpu;
            let base = Base { definition, config: old.config(), was: &was, covers: self.index.seq() };
            // Sixteen times, since Linux counts in steps of some milliseconds.
            let (_, cpu) = measured(|| {
                for _ in 0..16 {
                    let pack = self.index.delta(&head, definition, &base).unwrap();
                    last = (pack.objects(), send(pack));
                }
            });
            fetch_cpu += cpu / 16.0;
            old = head;
        }
        let (head_cpu, fetch_cpu) = (head_cpu / rounds as f64, fetch_cpu / rounds as f64);
        report(&format!("{what}: head after {count} publishes"), head_cpu, "");
        report(
            &format!("{what}: fetch of {count} publishes"),
            fetch_cpu,
            &format!("{} objects, {} bytes", last.0, last.1),
        );
        if count == 1 {
            let cpu = head_cpu + fetch_cpu;
            self.promise(cpu < 2.0, format!("{what}: an answer after one publish took {cpu:.3} ms"));
            self.promise(last.1 < 64 << 10, format!("{what}: an answer after one publish has {} bytes", last.1));
        }
    }

    fn small_views(&mut self, from: usize, to: usize) {
        let before = (self.memory.usage(), resident_mb());
        let (_, cpu) = measured(|| {
            for view in from..to {
                self.head(&of_patterns(&self.registry.pick(view as u64, 50)));
            }
        });
        let after = self.memory.usage();
        let counted_mb = (after.repositories_bytes - before.0.repositories_bytes) as f64 / f64::from(1 << 20);
        let grown_mb = resident_mb() - before.1;
        let count = (to - from) as f64;
        let more = format!("each {:.3} ms; counted {counted_mb:.0} MB, grown by {grown_mb:.0} MB", cpu / count);
        report(&format!("views of 50 crates, {} more", to - from), cpu, &more);
        self.promise(grown_mb.max(counted_mb) < 400.0, format!("{count} small views take {grown_mb:.0} MB"));
        if to - from >= 10_000 {
            // An allocator keeps some for itself, but a count that is far off would bound nothing.
            let is_honest = (0.6..1.67).contains(&(counted_mb / grown_mb));
            self.promise(is_honest, format!("counted {counted_mb:.0} MB for {grown_mb:.0} MB"));
        }
    }
}

fn main() -> ExitCode {
    let count = std::env::args().nth(1).map_or(150_000, |text| text.parse().expect("a number of crates"));
    println!("before anything: {:.0} MB resident", resident_mb());
    let mut bench = Bench::new(count);
    // First of all, while no gaps in the memory are left from other things.
    bench.small_views(0, 1000);
    bench.small_views(1000, 21_000);
    let everything = define(View::everything().rules().to_vec());
    let fifty = of_patterns(&bench.registry.pick(u64::MAX, 50));
    bench.clone("50 names", &fifty);
    bench.clone("1 % by name", &of_patterns(&bench.registry.pick(u64::MAX, count / 100)));
    bench.clone("200 prefixes", &of_patterns(&bench.registry.prefixes(200)));
    bench.clone("10 % by prefix", &of_patterns(&bench.registry.prefixes_of(count / 10)));
    bench.clone("everything", &everything);
    for publishes in [1, 100] {
        bench.fetch("everything", &everything, publishes);
        bench.fetch("50 names", &fifty, publishes);
    }
    bench.clone("everything before a date", &everything_before(registry::MIDDLE));
    bench.clone("everything before a later date", &everything_before(registry::MIDDLE + 50));
    println!("{:?}", bench.memory.usage());
    for broken in &bench.broken {
        println!("BROKEN PROMISE: {broken}");
    }
    if bench.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
