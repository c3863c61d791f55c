//! Index files are read in pieces that are bounded by their bytes, too: all of them, each once, in whatever pieces.

use crate::crates::{bulky, publish, slim};
use uuid::Uuid;
use wharf::serve::Service;
use wharf_domain::CrateId;
use wharf_store::git_index::IndexedCrate;
use wharf_store::{DatabaseRole, TenantTx};
use wharf_testkit::Stack;
use wharf_testkit::chance::{Chance, seeds};

fn bytes(crates: &[IndexedCrate]) -> usize {
    crates.iter().flat_map(|krate| &krate.lines).map(|line| line.line.len()).sum()
}

fn told(crates: &[IndexedCrate]) -> Vec<String> {
    crates.iter().map(|krate| format!("{krate:?}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_piece_ends_before_it_grows_too_long() {
    let stack = Stack::start().await;
    let org = stack.org("acme").await;
    let rng = &mut Chance::new(seeds("pieces", 1)[0]);
    for number in 0..12 {
        let name = format!("crate-{number}");
        for minor in 0..rng.within(1, 4) {
            let version = format!("1.{minor}.0");
            let release = if rng.one_in(3) { bulky(&name, &version, rng) } else { slim(&name, &version) };
            publish(&org.owner, &release).await;
        }
    }
    let place = stack.site(Service::Index).place("acme", "private").unwrap().unwrap();
    let database = wharf::assemble::database(&stack.setup.config(), DatabaseRole::Index).unwrap();
    let mut transaction = TenantTx::begin_snapshot(&database, place.address.org).await.unwrap();
    let all = transaction.list_indexed_crates(place.address.registry, None, 500, i64::MAX).await.unwrap();
    assert_eq!(all.len(), 12);
    let lengths: Vec<usize> = all.iter().map(|krate| bytes(std::slice::from_ref(krate))).collect();
    let longest = lengths.iter().copied().max().unwrap();
    for (limit, most) in [(500, 1), (500, longest), (500, longest + 1_000), (500, bytes(&all)), (5, 2 * longest)] {
        let (mut read, mut after) = (Vec::new(), None);
        loop {
            let next = read.len();
            let piece = transaction
                .list_indexed_crates(place.address.registry, after, limit, i64::try_from(most).unwrap())
                .await
                .unwrap();
            let Some(last) = piece.last() else { break };
            after = Some(last.id);
            assert!(piece.len() == 1 || bytes(&piece) <= most, "{most}: {}", bytes(&piece));
            // As many as fit, and no fewer.
            let could = next + piece.len();
            let fits = could < all.len() && bytes(&piece) + lengths[could] <= most;
            assert!(!fits || piece.len() == usize::try_from(limit).unwrap(), "{most}: {} of {limit}", piece.len());
            read.extend(told(&piece));
        }
        assert_eq!(read, told(&all), "{limit} crates, {most} bytes");
    }
    // The same among ids that no crate has.
    // Among ids that no crate has.
    let ids: Vec<CrateId> =
        all.iter().flat_map(|krate| [krate.id, CrateId(Uuid::from_u128(krate.id.0.as_u128() + 1))]).collect();
    for most in [1, longest, longest + 1_000, bytes(&all)] {
        let (mut read, mut rest) = (Vec::new(), ids.clone());
        while !rest.is_empty() {
            let next = read.len();
            let piece = transaction
                .find_indexed_crates(place.address.registry, &rest, i64::try_from(most).unwrap())
                .await
                .unwrap();
            let Some(last) = piece.last() else { break };
            rest.retain(|id| *id > last.id);
            assert!(piece.len() == 1 || bytes(&piece) <= most, "{most}: {}", bytes(&piece));
            let could = next + piece.len();
            assert!(could == all.len() || bytes(&piece) + lengths[could] > most, "{most}: {} fewer", piece.len());
            read.extend(told(&piece));
        }
        assert_eq!(read, told(&all), "{most} bytes");
    }
    drop(transaction);
    database.close().await;
    stack.stop().await;
}
