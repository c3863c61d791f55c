//! What this process has used, as Linux counts it.

/// Milliseconds of processor time of the main thread, which does all the work here. Other load on the machine does not
/// show in it.
fn cpu_ms() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").expect("Linux counts processor time");
    let nanoseconds: u64 = text.split(' ').next().and_then(|text| text.parse().ok()).expect("a number comes first");
    nanoseconds as f64 / 1e6
}

/// The result and the processor time of some work.
pub(crate) fn measured<R>(work: impl FnOnce() -> R) -> (R, f64) {
    let before = cpu_ms();
    let result = work();
    (result, cpu_ms() - before)
}

/// The average of a measurement, taken often enough for a clock that ticks every four milliseconds.
pub(crate) fn average_ms(mut measurement: impl FnMut() -> f64) -> f64 {
    let mut sum = 0.0;
    for times in 1..=64 {
        sum += measurement();
        if sum > 200.0 || times == 64 {
            return sum / f64::from(times);
        }
    }
    sum
}

/// Megabytes of memory in use.
pub(crate) fn resident_mb() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").expect("Linux counts memory");
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("every process has memory");
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse().expect("a number of kilobytes");
    kilobytes / 1024.0
}
