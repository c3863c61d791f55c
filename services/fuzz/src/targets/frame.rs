use super::assert_presentable;
use bytes::Bytes;
use wharf_cargo_wire::{FrameLimits, PublishFrame};

const LIMITS: FrameLimits = FrameLimits { metadata_bytes: 48, archive_bytes: 64 };

pub(super) fn check(bytes: &[u8]) {
    let body = Bytes::copy_from_slice(bytes);
    let announced = |at: usize| bytes.get(at..at + 4).map(|four| u32::from_le_bytes(four.try_into().unwrap()) as usize);
    let sound = announced(0)
        .filter(|metadata| *metadata <= 48)
        .and_then(|metadata| announced(4 + metadata).map(|archive| (metadata, archive)))
        .is_some_and(|(metadata, archive)| archive <= 64 && bytes.len() == 8 + metadata + archive);
    match PublishFrame::parse(&body, &LIMITS) {
        Err(error) => {
            assert!(!sound, "a sound frame was refused: {error}");
            assert_presentable(&error.to_string());
        }
        Ok(frame) => {
            assert!(sound, "a broken frame was accepted");
            assert_eq!(wharf_testkit::fixture::frame(&frame.metadata, &frame.archive), bytes);
            // Views, not copies: what a body may cost is bounded by the body.
            assert_eq!(frame.metadata.as_ptr(), body[4..].as_ptr());
            for end in 0..bytes.len() {
                assert!(PublishFrame::parse(&body.slice(..end), &LIMITS).is_err(), "cut at {end}");
            }
        }
    }
}
