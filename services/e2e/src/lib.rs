//! Tests that drive whole installations with real cargo and plain HTTP. They live in `tests/it`.
