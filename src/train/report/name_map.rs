//! The map of names: names of some concepts as points of the plane, before and after training, as
//! SVG.
//!
//! Invariant: any two concepts of a map differ in color or in shape, up to 42 concepts.

use crate::page::{count, escaped, percent};

/// Width and height of a map.
const SIZE: f64 = 400.0;
/// Space between the outermost points and the edges.
const MARGIN: f64 = 14.0;
/// Colors of the style sheet. Their number and that of the shapes have no common factor, so that
/// neighbors in the legend differ in both.
const COLORS: usize = 7;
/// SVG paths: circle, square, triangle, diamond, cross, triangle upside down.
const SHAPES: [&str; 6] = [
    "M-4.5,0a4.5,4.5 0 1,0 9,0a4.5,4.5 0 1,0 -9,0z",
    "M-4,-4h8v8h-8z",
    "M0,-5.4l5,8.8h-10z",
    "M0,-5.6l5.6,5.6l-5.6,5.6l-5.6,-5.6z",
    "M-1.8,-5h3.6v3.2h3.2v3.6h-3.2v3.2h-3.6v-3.2h-3.2v-3.6h3.2z",
    "M0,5.4l5,-8.8h-10z",
];

/// Names before and after training.
pub(in crate::train) struct NameMap<'a> {
    /// Titles of the concepts.
    pub(in crate::train) concepts: &'a [String],
    /// For each name the position of its concept in `concepts`, and the name.
    pub(in crate::train) names: &'a [(usize, String)],
    pub(in crate::train) before: &'a MapLayout,
    pub(in crate::train) after: &'a MapLayout,
}

/// Where the names of a map lie.
pub(in crate::train) struct MapLayout {
    /// A point for each name.
    pub(in crate::train) points: Vec<[f32; 2]>,
    /// Share of names whose nearest neighbor, by cosine, has the same concept.
    pub(in crate::train) agreement: f64,
}

/// Both maps and their legend as HTML. Hovering over a mark fades the other concepts.
pub(super) fn draw(map: &NameMap) -> String {
    let figure = |title: &str, layout: &MapLayout| {
        let agreement = percent(layout.agreement);
        let marks = marks(map, &layout.points);
        format!(
            "<figure><h3>{title}</h3><figcaption>the nearest neighbor of {agreement} of the names has the same concept\
             </figcaption>\n<svg viewBox=\"0 0 {SIZE} {SIZE}\" role=\"img\" aria-label=\"{title}\">\n{marks}</svg></figure>\n"
        )
    };
    let hover_rule = |i: usize| format!(".maps:has(.k{i}:hover) .k:not(.k{i}) {{ opacity: .1; }}\n");
    let legend_entry = |(i, concept): (usize, &String)| {
        let (attributes, concept) = (mark_attributes(i), escaped(concept));
        format!("<li class=\"k k{i}\"><svg viewBox=\"-7 -7 14 14\"><path {attributes}/></svg>{concept}</li>\n")
    };
    format!(
        "<h2>Names of {} concepts</h2>\n<style>\n{}</style>\n<div class=\"maps\">\n{}{}<ul class=\"keys\">\n{}</ul>\n</div>",
        count(map.concepts.len() as u64),
        (0..map.concepts.len()).map(hover_rule).collect::<String>(),
        figure("Before training", map.before),
        figure("After training", map.after),
        map.concepts.iter().enumerate().map(legend_entry).collect::<String>()
    )
}

/// A mark for each name with a finite point, scaled such that they fill the map.
fn marks(map: &NameMap, points: &[[f32; 2]]) -> String {
    let marked = || map.names.iter().zip(points).filter(|(_, point)| point.iter().all(|x| x.is_finite()));
    let ranges = [0, 1].map(|axis| {
        let values = || marked().map(|(_, point)| point[axis]);
        (values().fold(f32::INFINITY, f32::min), values().fold(f32::NEG_INFINITY, f32::max))
    });
    let extent = ranges.iter().map(|(low, high)| high - low).fold(f32::MIN_POSITIVE, f32::max);
    let coordinate = |point: &[f32; 2], axis: usize| {
        let (low, high) = ranges[axis];
        SIZE / 2.0 + (SIZE - 2.0 * MARGIN) * f64::from((point[axis] - (low + high) / 2.0) / extent)
    };
    let mark = |((concept, name), point): (&(usize, String), &[f32; 2])| {
        format!(
            "<path {} transform=\"translate({:.1} {:.1})\"><title>{} ({})</title></path>\n",
            mark_attributes(*concept),
            coordinate(point, 0),
            coordinate(point, 1),
            escaped(name),
            map.concepts.get(*concept).map_or_else(String::new, |concept| escaped(concept))
        )
    };
    marked().map(mark).collect()
}

/// Class (with the color) and path (the shape) of a concept's marks.
fn mark_attributes(concept: usize) -> String {
    format!("class=\"mark k k{concept} c{}\" d=\"{}\"", concept % COLORS, SHAPES[concept % SHAPES.len()])
}
