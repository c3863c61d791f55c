//! One suite over all backends, and what is special to a directory and to S3.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may stop")]

mod backends;
mod directory;
mod s3;
mod s3_answers;
mod suite;
