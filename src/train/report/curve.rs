//! The points of a curve: smoothed, and thinned to what a screen can show.
//!
//! Invariant: a curve has at most [`MAX_POINTS`] points on the page, and each is finite.

/// Maximum number of points of a curve.
pub(super) const MAX_POINTS: usize = 1000;
/// A long run is smoothed over `1 / SMOOTHING_PARTS` of its steps.
const SMOOTHING_PARTS: usize = 30;
const MAX_SMOOTHING_STEPS: usize = 500;

/// Steps and values.
pub(super) type Points = Vec<[f64; 2]>;

/// The points with a finite value.
pub(super) fn finite_points(points: impl Iterator<Item = (u64, f64)>) -> Points {
    points.filter(|(_, value)| value.is_finite()).map(|(step, value)| [step as f64, value]).collect()
}

/// Steps over which [`smoothed`] averages.
pub(super) fn smoothing_steps(points: &[[f64; 2]]) -> usize {
    (points.len() / SMOOTHING_PARTS).clamp(1, MAX_SMOOTHING_STEPS)
}

/// The exponential moving average up to each point.
pub(super) fn smoothed(points: &[[f64; 2]]) -> Points {
    let keep = 1.0 - 1.0 / smoothing_steps(points) as f64;
    let (mut sum, mut weight) = (0.0, 0.0);
    let mean = |&[step, value]: &[f64; 2]| {
        (sum, weight) = (keep * sum + value, keep * weight + 1.0);
        [step, sum / weight]
    };
    points.iter().map(mean).collect()
}

/// At most [`MAX_POINTS`] of `points`: the lowest and the highest of each section of the curve.
pub(super) fn thinned(points: &[[f64; 2]]) -> Points {
    if points.len() <= MAX_POINTS {
        return points.to_vec();
    }
    let extremes = |section: &[[f64; 2]]| {
        let low = section.iter().copied().reduce(|low, point| if point[1] < low[1] { point } else { low });
        let high = section.iter().copied().reduce(|high, point| if point[1] > high[1] { point } else { high });
        let mut extremes: Points = low.into_iter().chain(high).collect();
        extremes.sort_by(|a, b| a[0].total_cmp(&b[0]));
        extremes
    };
    points.chunks(points.len().div_ceil(MAX_POINTS / 2)).flat_map(extremes).collect()
}

/// The value of the last point, NaN if there is none.
pub(super) fn last_value(points: &[[f64; 2]]) -> f64 {
    points.last().map_or(f64::NAN, |point| point[1])
}
