//! Names of some concepts in the plane, before and after training, as SVG.
//!
//! Invariant: concepts differ in color or in shape.

use crate::page::{count, escaped, percent};
use crate::train::report::{Map, Placed};

/// Width and height of a map, and how far places stay from its edges.
const MAP: f64 = 400.0;
const MARGIN: f64 = 14.0;
/// Colors of the page. They and the shapes have no common factor, so that neighbors of the legend differ in both.
const COLORS: usize = 7;
/// Circle, square, triangle, diamond, cross, triangle upside down.
const SHAPES: [&str; 6] = [
    "M-4.5,0a4.5,4.5 0 1,0 9,0a4.5,4.5 0 1,0 -9,0z",
    "M-4,-4h8v8h-8z",
    "M0,-5.4l5,8.8h-10z",
    "M0,-5.6l5.6,5.6l-5.6,5.6l-5.6,-5.6z",
    "M-1.8,-5h3.6v3.2h3.2v3.6h-3.2v3.2h-3.6v-3.2h-3.2v-3.6h3.2z",
    "M0,5.4l5,-8.8h-10z",
];

/// The names before and after training; pointing at one shows its concept alone.
pub(super) fn maps(map: &Map) -> String {
    let figure = |title: &str, placed: &Placed| {
        let agree = percent(placed.agree);
        let marks = marks(map, &placed.points);
        format!(
            "<figure><h3>{title}</h3><figcaption>{agree} of the names have a name of the same concept nearest to them\
             </figcaption>\n<svg viewBox=\"0 0 {MAP} {MAP}\" role=\"img\" aria-label=\"{title}\">\n{marks}</svg></figure>\n"
        )
    };
    let alone = |i: usize| format!(".maps:has(.k{i}:hover) .k:not(.k{i}) {{ opacity: .1; }}\n");
    let key = |(i, concept): (usize, &String)| {
        let (mark, concept) = (mark(i), escaped(concept));
        format!("<li class=\"k k{i}\"><svg viewBox=\"-7 -7 14 14\"><path {mark}/></svg>{concept}</li>\n")
    };
    format!(
        "<h2>Names of {} concepts</h2>\n<style>\n{}</style>\n<div class=\"maps\">\n{}{}<ul class=\"keys\">\n{}</ul>\n</div>",
        count(map.concepts.len() as u64),
        (0..map.concepts.len()).map(alone).collect::<String>(),
        figure("Before training", map.before),
        figure("After training", map.after),
        map.concepts.iter().enumerate().map(key).collect::<String>()
    )
}

/// The names at their places, as large as the map allows.
pub(super) fn marks(map: &Map, places: &[[f32; 2]]) -> String {
    let placed = || map.names.iter().zip(places).filter(|(_, place)| place.iter().all(|at| at.is_finite()));
    let ends = [0, 1].map(|axis| {
        let along = || placed().map(|(_, place)| place[axis]);
        (along().fold(f32::INFINITY, f32::min), along().fold(f32::NEG_INFINITY, f32::max))
    });
    let extent = ends.iter().map(|(low, high)| high - low).fold(f32::MIN_POSITIVE, f32::max);
    let at = |place: &[f32; 2], axis: usize| {
        let (low, high) = ends[axis];
        MAP / 2.0 + (MAP - 2.0 * MARGIN) * f64::from((place[axis] - (low + high) / 2.0) / extent)
    };
    let mark = |((concept, name), place): (&(usize, String), &[f32; 2])| {
        format!(
            "<path {} transform=\"translate({:.1} {:.1})\"><title>{} ({})</title></path>\n",
            mark(*concept),
            at(place, 0),
            at(place, 1),
            escaped(name),
            map.concepts.get(*concept).map_or_else(String::new, |concept| escaped(concept))
        )
    };
    placed().map(mark).collect()
}

/// Color and shape of a concept.
pub(super) fn mark(concept: usize) -> String {
    format!("class=\"mark k k{concept} c{}\" d=\"{}\"", concept % COLORS, SHAPES[concept % SHAPES.len()])
}
