//! Hidden against absent, by the clock: whoever may not see a crate must not learn from the time of a refusal that it is
//! there. `./loadtest/timing` runs this; it takes minutes and a quiet machine, so it is no part of `./deploy/test`.
//!
//! Requests go into the services' own handlers in this process: no socket and no other thread adds noise, which makes
//! the measurement stricter than what anyone outside can do. Hidden and absent take turns by chance.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, missing_docs, reason = "a measurement")]
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "statistics")]

mod welch;
mod world;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::Method;
use actix_web::test::TestRequest;
use actix_web::web::Data;
use actix_web::{App, test};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;
use welch::{Sample, Samples, judge};
use wharf::serve::Service;
use wharf_chassis::frame::{Frame, Traffic};
use wharf_chassis::{Metrics, OsEntropy};
use wharf_registry::Site;
use wharf_testkit::chance::{Chance, seeds};
use wharf_testkit::{CrateFixture, Stack, Token};
use world::{NAMES, World};

/// From here on the two kinds can be told apart by whoever measures as often.
const LIMIT: f64 = 4.5;
/// A difference below this is what it takes to fetch a line or two from the processor's own memory. In this process it can
/// be seen among the fastest samples; over all samples, and from anywhere else, it cannot.
const NEGLIGIBLE_NS: f64 = 10.0;
/// The same for a question that is asked once: what is known of a crate is fetched from where memory keeps what nobody asked
/// for just now. Nobody can ask again to be sure.
const NEGLIGIBLE_ONCE_NS: f64 = 50.0;
/// Samples are taken in so many installations, one after the other, each with names, tables and places in memory of its own:
/// what a single one happens to favour is no property of the code.
const INSTALLATIONS: usize = 10;
/// Requests of each kind before samples are taken.
const WARM_UP: usize = 1_000;

/// Requests of one class: what is asked about a name that is hidden, and about one that is absent.
struct Class {
    name: &'static str,
    service: Service,
    /// What both kinds are answered.
    status: u16,
    questions: Questions,
}

enum Questions {
    /// Asked again and again.
    Repeated { hidden: Vec<Question>, absent: Vec<Question> },
    /// Each asked once, by readers one after the other: whatever a first question leaves behind would hide what it cost.
    Once(Vec<Visit>),
}

/// What one reader asks.
struct Visit {
    /// About something that it sees, so that its credential is known.
    opening: Question,
    /// In this order: whether it is about a hidden name, which of these or of the absent ones, and what is asked.
    asked: Vec<(bool, usize, Question)>,
}

/// A request that can be made again and again.
struct Question {
    method: Method,
    path: String,
    token: String,
    body: Vec<u8>,
}

impl Question {
    fn get(token: &Token, url: &str) -> Self {
        Self::new(Method::GET, token, url, Vec::new())
    }

    fn new(method: Method, token: &Token, url: &str, body: Vec<u8>) -> Self {
        let path = url.splitn(4, '/').nth(3).unwrap();
        Self { method, path: format!("/{path}"), token: token.secret.clone(), body }
    }

    fn request(&self) -> TestRequest {
        TestRequest::default()
            .method(self.method.clone())
            .uri(&self.path)
            .peer_addr(([127, 0, 0, 1], 40_000).into())
            .insert_header(("authorization", self.token.as_str()))
            .set_payload(self.body.clone())
    }
}

fn index(reader: &Token, name: &str) -> Question {
    Question::get(reader, &reader.index_url(&Token::index_path(name)))
}

const FIRST_ASKED: &str = "index: hidden by versions, first asked";

/// Readers who ask for every name once, after others have read it.
async fn first_asked(world: &World, count: usize, chance: &mut Chance) -> Class {
    let World { hidden, absent, halves, .. } = world;
    let visits = (count + WARM_UP.min(count)).div_ceil(NAMES);
    let visit = |reader: Token| {
        let of = |names: &[String], is_hidden| {
            names.iter().enumerate().map(|(number, name)| (is_hidden, number, index(&reader, name))).collect()
        };
        let asked = chance.interleave(of(hidden, true), of(absent, false));
        Visit { opening: index(&reader, &halves[0]), asked }
    };
    let visits = world.newcomers(visits).await.into_iter().map(visit).collect();
    Class { name: FIRST_ASKED, service: Service::Index, status: 404, questions: Questions::Once(visits) }
}

fn classes(world: &World) -> Vec<Class> {
    let World {
        by_name,
        by_version,
        by_exception,
        publisher,
        hidden,
        absent,
        halves,
        vaults,
        no_vaults,
        orgs,
        no_orgs,
        hidden_words,
        absent_words,
        ..
    } = world;
    let pair = |name, service, status, ask: &dyn Fn(&str) -> Question| Class {
        name,
        service,
        status,
        questions: Questions::Repeated {
            hidden: hidden.iter().map(|name| ask(name)).collect(),
            absent: absent.iter().map(|name| ask(name)).collect(),
        },
    };
    let versions = |name, service, status, ask: &dyn Fn(&str, &str) -> Question| Class {
        name,
        service,
        status,
        questions: Questions::Repeated {
            hidden: halves.iter().map(|name| ask(name, "1.0.0")).collect(),
            absent: halves.iter().map(|name| ask(name, "1.0.1")).collect(),
        },
    };
    let elsewhere = |org: &str, registry: &str| {
        let mut reader = by_name.clone();
        org.clone_into(&mut reader.org);
        registry.clone_into(&mut reader.registry);
        index(&reader, "shown-00")
    };
    let places = |name, ask: &dyn Fn(&str) -> Question, hidden: &[String], absent: &[String]| Class {
        name,
        service: Service::Index,
        status: 404,
        questions: Questions::Repeated {
            hidden: hidden.iter().map(|name| ask(name)).collect(),
            absent: absent.iter().map(|name| ask(name)).collect(),
        },
    };
    let publish = |name: &str| {
        let body = CrateFixture::new(name, "1.0.0").body(&publisher.sparse());
        Question::new(Method::PUT, publisher, &publisher.crates_url("/new"), body)
    };
    let yank = |name: &str| {
        Question::new(Method::DELETE, publisher, &publisher.crates_url(&format!("/{name}/1.0.0/yank")), Vec::new())
    };
    let owners = |reader: &Token, name: &str| Question::get(reader, &reader.crates_url(&format!("/{name}/owners")));
    let search = |reader: &Token, name: &str| Question::get(reader, &reader.crates_url(&format!("?q={name}")));
    vec![
        pair("index: crate hidden by name", Service::Index, 404, &|name| index(by_name, name)),
        pair("index: crate hidden by versions", Service::Index, 404, &|name| index(by_version, name)),
        places("index: hidden registry", &|vault| elsewhere("acme", vault), vaults, no_vaults),
        places("index: other org", &|org| elsewhere(org, "private"), orgs, no_orgs),
        pair("download: crate hidden by name", Service::Download, 404, &|name| {
            Question::get(by_name, &by_name.download_url(name, "1.0.0"))
        }),
        pair("download: crate hidden by versions", Service::Download, 404, &|name| {
            Question::get(by_version, &by_version.download_url(name, "1.0.0"))
        }),
        versions("download: version hidden", Service::Download, 404, &|name, version| {
            Question::get(by_version, &by_version.download_url(name, version))
        }),
        pair("api: owners, hidden by name", Service::Api, 404, &|name| owners(by_name, name)),
        pair("api: owners, hidden by versions", Service::Api, 404, &|name| owners(by_version, name)),
        pair("api: search, hidden by name", Service::Api, 200, &|name| search(by_name, name)),
        pair("api: search, hidden by versions", Service::Api, 200, &|name| search(by_version, name)),
        pair("api: search, hidden by exception", Service::Api, 200, &|name| search(by_exception, name)),
        Class {
            name: "api: search, hidden text",
            service: Service::Api,
            status: 200,
            questions: Questions::Repeated {
                hidden: hidden_words.iter().map(|word| search(by_version, word)).collect(),
                absent: absent_words.iter().map(|word| search(by_version, word)).collect(),
            },
        },
        pair("api: yank, hidden by name", Service::Api, 404, &yank),
        pair("api: publish, hidden by name", Service::Api, 403, &publish),
    ]
}

/// A service as it runs, without its socket.
macro_rules! in_process {
    ($name:literal, $traffic:expr, $routes:expr) => {{
        let frame = Frame::new($name, Metrics::new().unwrap(), Arc::new(OsEntropy)).carrying($traffic);
        test::init_service(App::new().configure($routes).wrap(frame)).await
    }};
}

/// Asks, and tells how many nanoseconds the answer of this status took, read to its end.
async fn ask<R, S, B>(service: &S, finish: impl Fn(TestRequest) -> R, question: &Question, status: u16) -> f64
where
    S: actix_web::dev::Service<R, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody + 'static,
{
    let request = finish(question.request());
    let begun = Instant::now();
    let answer = service.call(request).await.unwrap();
    let answered = answer.status().as_u16();
    let body: BoxBody = answer.into_body().boxed();
    let read = actix_web::body::to_bytes(body).await;
    let took = begun.elapsed();
    assert!(read.is_ok());
    assert_eq!(answered, status, "{}", question.path);
    took.as_nanos() as f64
}

async fn sample<R, S, B>(
    service: &S,
    finish: impl Fn(TestRequest) -> R + Copy,
    class: &Class,
    count: usize,
    chance: &mut Chance,
) -> Samples
where
    S: actix_web::dev::Service<R, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody + 'static,
{
    let mut samples = Samples::default();
    let mut warm = 2 * WARM_UP.min(count);
    let mut take = |is_hidden, name, ns| {
        let taken = if is_hidden { &mut samples.hidden } else { &mut samples.absent };
        if warm > 0 {
            warm -= 1;
        } else if taken.len() < count {
            taken.push(Sample { name, ns });
        }
        samples.hidden.len() < count || samples.absent.len() < count
    };
    match &class.questions {
        Questions::Repeated { hidden, absent } => {
            let mut more = true;
            while more {
                let is_hidden = chance.one_in(2);
                let questions = if is_hidden { hidden } else { absent };
                let name = chance.below(questions.len());
                more = take(is_hidden, name, ask(service, finish, &questions[name], class.status).await);
            }
        }
        Questions::Once(visits) => {
            for Visit { opening, asked } in visits {
                let _seen = ask(service, finish, opening, 200).await;
                for (is_hidden, name, question) in asked {
                    let _more = take(*is_hidden, *name, ask(service, finish, question, class.status).await);
                }
            }
        }
    }
    samples
}

/// Takes samples of every class in one installation.
async fn measure(stack: &Stack, classes: &[Class], count: usize, chance: &mut Chance) -> Vec<Samples> {
    let site = |service| Arc::clone(stack.site(service));
    let api: Data<Site> = Data::from(site(Service::Api));
    let api = in_process!("wharf-api", Traffic::Ordinary, |routes: &mut actix_web::web::ServiceConfig| {
        routes.app_data(api.clone());
        wharf_api::routes(routes);
    });
    let index = in_process!("wharf-index", wharf_index::TRAFFIC, wharf_index::routes(site(Service::Index)));
    let download = in_process!("wharf-download", Traffic::Ordinary, wharf_download::routes(site(Service::Download)));
    let mut taken = Vec::new();
    for class in classes {
        taken.push(match class.service {
            Service::Api => sample(&api, TestRequest::to_request, class, count, chance).await,
            Service::Index => sample(&index, TestRequest::to_request, class, count, chance).await,
            Service::Download => sample(&download, TestRequest::to_request, class, count, chance).await,
        });
    }
    taken
}

/// Prints what the samples of a class say; `false` when its two kinds can be told apart.
fn tell(class: &Class, installations: &[Samples]) -> bool {
    let finding = judge(installations);
    let negligible = match class.questions {
        Questions::Repeated { .. } => NEGLIGIBLE_NS,
        Questions::Once(_) => NEGLIGIBLE_ONCE_NS,
    };
    let differ = finding.whole.abs() >= LIMIT || (finding.among_names.abs() >= LIMIT && finding.are_apart(negligible));
    println!(
        "{:<36} {:>10.3} {:>10.3} {:>9.1} {:>7.2} {:>7.2}{}",
        class.name,
        finding.hidden_ns / 1e3,
        finding.absent_ns / 1e3,
        finding.apart_ns(),
        finding.whole,
        finding.among_names,
        if differ { "  DIFFER" } else { "" },
    );
    !differ
}

fn main() -> ExitCode {
    // `cargo bench` adds `--bench`.
    let mut arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let count: usize = arguments.pop().map_or(100_000, |text| text.parse().expect("SAMPLES [PART OF A CLASS'S NAME]"));
    let count = count.div_ceil(INSTALLATIONS);
    let wanted = std::env::var("WHARF_TIMING_CLASS").unwrap_or_default();
    let mut chance = Chance::new(seeds("timing", 1)[0]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    println!(
        "{} samples of each kind in {INSTALLATIONS} installations; they differ when |t| over all samples reaches {LIMIT}, or \
         when that over the names does and they are {NEGLIGIBLE_NS} ns apart in all installations but one, \
         {NEGLIGIBLE_ONCE_NS} where each question is asked once",
        count * INSTALLATIONS
    );
    let mut taken: Vec<(Class, Vec<Samples>)> = Vec::new();
    for installation in 1..=INSTALLATIONS {
        eprintln!("installation {installation} of {INSTALLATIONS}");
        let (stack, classes) = runtime.block_on(async {
            let stack = Stack::builder().real_clock().start().await;
            let world = World::new(&stack, &mut chance).await;
            let mut classes: Vec<Class> =
                classes(&world).into_iter().filter(|class| class.name.contains(&wanted)).collect();
            if FIRST_ASKED.contains(&wanted) {
                classes.push(first_asked(&world, count, &mut chance).await);
            }
            (stack, classes)
        });
        let samples = actix_web::rt::System::new().block_on(measure(&stack, &classes, count, &mut chance));
        runtime.block_on(stack.stop());
        if taken.is_empty() {
            taken = classes.into_iter().map(|class| (class, Vec::new())).collect();
        }
        for ((_, all), samples) in taken.iter_mut().zip(samples) {
            all.push(samples);
        }
    }
    println!("{:<36} {:>10} {:>10} {:>9} {:>7} {:>7}", "class", "hidden us", "absent us", "apart ns", "t", "names");
    let differing = taken.iter().filter(|(class, installations)| !tell(class, installations)).count();
    if differing == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
