//! An SVG file: four curves over the same time, one above the other.

use super::judge::{Sample, warm_up};
use std::fmt::Write;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 80.0;
const GAP: f64 = 44.0;

type Curve = (&'static str, fn(&Sample) -> f64);

const CURVES: [Curve; 4] = [
    ("allocated, MiB", |sample| sample.allocated_kib / 1024.0),
    ("resident memory, MiB", |sample| sample.rss_kib / 1024.0),
    ("threads", |sample| sample.threads),
    ("descriptors", |sample| sample.descriptors),
];

/// `marks`: when the broker was killed.
pub fn draw(samples: &[Sample], marks: &[f64]) -> String {
    let all = samples.last().map_or(1.0, |sample| sample.secs);
    let x = |secs: f64| LEFT + secs / all * WIDTH;
    let height = GAP + CURVES.len() as f64 * (HEIGHT + GAP);
    let width = LEFT + WIDTH + 20.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for (number, (title, value)) in CURVES.into_iter().enumerate() {
        let top = GAP + number as f64 * (HEIGHT + GAP);
        let most = samples.iter().map(value).fold(1.0, f64::max) * 1.15;
        // From zero, so that what is flat looks flat.
        let y = |value: f64| top + HEIGHT - value / most * HEIGHT;
        let _ = writeln!(
            svg,
            "<text x=\"{LEFT}\" y=\"{:.1}\">{title}</text>",
            top - 8.0
        );
        let _ = writeln!(
            svg,
            "<rect x=\"{LEFT}\" y=\"{top}\" width=\"{:.1}\" height=\"{HEIGHT}\" fill=\"#f4f4f4\"/>",
            x(warm_up(samples)) - LEFT
        );
        for mark in marks {
            let at = x(*mark);
            let _ = writeln!(
                svg,
                "<line x1=\"{at:.1}\" y1=\"{top}\" x2=\"{at:.1}\" y2=\"{:.1}\" stroke=\"#d0d0ff\"/>",
                top + HEIGHT
            );
        }
        for part in 0..=4 {
            let shown = most * f64::from(part) / 4.0;
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#555\">{shown:.1}</text>",
                LEFT - 6.0,
                y(shown) + 4.0
            );
        }
        let mut points = String::new();
        for sample in samples {
            let _ = write!(points, "{:.1},{:.1} ", x(sample.secs), y(value(sample)));
        }
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"#c0392b\" stroke-width=\"1.5\"/>",
            points.trim_end()
        );
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {top}V{0:.1}H{1:.1}\" fill=\"none\" stroke=\"#555\"/>",
            top + HEIGHT,
            LEFT + WIDTH
        );
    }
    for part in 0..=5 {
        let secs = all * f64::from(part) / 5.0;
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#555\">{:.1} min</text>",
            x(secs),
            height - GAP + 18.0,
            secs / 60.0
        );
    }
    svg.push_str("</svg>\n");
    svg
}
