//! Plots of one share against another, as SVG.
//!
//! Invariant: both axes are percentages; every mark of a plot is explained in its legend.

use crate::page::{axis::ChartAxis, template::escaped};

/// Edges of the plot area in a plot of 640 by 400.
const LEFT: f64 = 62.0;
const RIGHT: f64 = 616.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 346.0;
/// Radius of a mark.
const MARK_RADIUS: f64 = 7.0;

/// Points joined by a line. All shares are between 0 and 1.
pub(crate) struct SharePlot {
    pub(crate) title: &'static str,
    /// The line below the title.
    pub(crate) note: String,
    /// Names of the horizontal and the vertical axis.
    pub(crate) axes: [&'static str; 2],
    /// Whether the plot has the line on which both shares are equal; the vertical axis then begins
    /// at 0.
    pub(crate) diagonal: Option<&'static str>,
    pub(crate) points: Vec<PlotPoint>,
    pub(crate) marks: Vec<PlotMark>,
}

/// A point of the line.
pub(crate) struct PlotPoint {
    pub(crate) at: [f64; 2],
    /// Radius of the dot.
    pub(crate) radius: f64,
    /// The tooltip.
    pub(crate) label: String,
}

/// A highlighted position.
pub(crate) struct PlotMark {
    pub(crate) at: [f64; 2],
    /// The entry in the legend.
    pub(crate) label: String,
}

impl SharePlot {
    /// The plot as HTML.
    pub(crate) fn draw(&self) -> String {
        let Self { title, note, axes, diagonal, points, marks } = self;
        if points.is_empty() {
            return format!("<figure><h3>{title}</h3><figcaption>no answers</figcaption></figure>\n");
        }
        let whole = [0.0, 100.0].into_iter();
        let heights: Vec<f64> = match diagonal {
            Some(_) => whole.clone().collect(),
            None => points.iter().map(|p| p.at).chain(marks.iter().map(|m| m.at)).map(|at| 100.0 * at[1]).collect(),
        };
        let (x_axis, y_axis) = (ChartAxis::of(whole, false), ChartAxis::of(heights.into_iter(), false));
        let position = |[x, y]: [f64; 2]| {
            let (across, up) = (x_axis.position(100.0 * x), y_axis.position(100.0 * y));
            [LEFT + across * (RIGHT - LEFT), BOTTOM - up * (BOTTOM - TOP)]
        };
        let mut svg = grid(&x_axis, &y_axis, axes);
        if diagonal.is_some() {
            let [[x1, y1], [x2, y2]] = [[0.0, 0.0], [1.0, 1.0]].map(position);
            svg += &format!("<line class=\"dashed\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>\n");
        }
        let at: Vec<[f64; 2]> = points.iter().map(|point| position(point.at)).collect();
        let line: Vec<String> = at.iter().map(|[x, y]| format!("{x:.1},{y:.1}")).collect();
        svg += &format!("<g class=\"c0\"><polyline points=\"{}\"/>\n", line.join(" "));
        svg.extend(points.iter().zip(&at).map(|(point, at)| circle(*at, point.radius, "", &point.label)));
        svg += "</g>\n";
        for (i, mark) in marks.iter().enumerate() {
            let [x, y] = position(mark.at);
            svg += &format!(
                "<g class=\"c{}\"><line class=\"dashed\" x1=\"{x:.1}\" y1=\"{y:.1}\" x2=\"{x:.1}\" y2=\"{BOTTOM}\"/>{}</g>\n",
                i + 1,
                circle([x, y], MARK_RADIUS, "mark", &mark.label)
            );
        }
        let legend = marks.iter().enumerate().map(|(i, mark)| legend_entry(&format!("dot c{}", i + 1), &mark.label));
        let diagonal = diagonal.map(|label| legend_entry("dash", label));
        format!(
            "<figure><h3>{title}</h3><figcaption>{}</figcaption>\n\
             <svg viewBox=\"0 0 640 400\" role=\"img\" aria-label=\"{title}\">\n{svg}</svg>\n\
             <ul class=\"keys\">{}</ul></figure>\n",
            escaped(note),
            diagonal.into_iter().chain(legend).collect::<String>()
        )
    }
}

/// Lines and labels of the ticks, and the names of the axes.
fn grid(x_axis: &ChartAxis, y_axis: &ChartAxis, [x_name, y_name]: &[&str; 2]) -> String {
    let mut svg = String::new();
    for (value, label) in &y_axis.ticks {
        let y = BOTTOM - y_axis.position(*value) * (BOTTOM - TOP);
        svg += &format!("<line class=\"grid\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>");
        svg += &format!("<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}%</text>\n", LEFT - 8.0, y + 4.5);
    }
    for (value, label) in &x_axis.ticks {
        let x = LEFT + x_axis.position(*value) * (RIGHT - LEFT);
        svg += &format!("<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{label}%</text>\n", BOTTOM + 20.0);
    }
    let (middle, below) = ((LEFT + RIGHT) / 2.0, BOTTOM + 44.0);
    svg += &format!("<text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\">{x_name}</text>\n");
    let height = (TOP + BOTTOM) / 2.0;
    svg + &format!("<text transform=\"translate(12 {height}) rotate(-90)\" text-anchor=\"middle\">{y_name}</text>\n")
}

fn circle([x, y]: [f64; 2], radius: f64, class: &str, label: &str) -> String {
    let label = escaped(label);
    format!("<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\"><title>{label}</title></circle>\n")
}

fn legend_entry(class: &str, label: &str) -> String {
    format!("<li><i class=\"{class}\"></i>{}</li>", escaped(label))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(points: &[[f64; 2]], diagonal: Option<&'static str>) -> String {
        let points = points.iter().map(|&at| PlotPoint { at, radius: 2.0, label: "a < b".into() }).collect();
        let marks = vec![PlotMark { at: [0.5, 0.9], label: "chosen".into() }];
        SharePlot { title: "Title", note: "note".into(), axes: ["x", "y"], diagonal, points, marks }.draw()
    }

    #[test]
    fn the_vertical_axis_begins_near_the_lowest_point() {
        let drawn = plot(&[[0.0, 1.0], [0.5, 0.9], [1.0, 0.8]], None);
        assert!(
            drawn.contains(">80%</text>") && drawn.contains(">85%</text>") && !drawn.contains("\"dash\""),
            "{drawn}"
        );
        assert!(drawn.contains("points=\"62.0,12.0 339.0,179.0 616.0,346.0\""), "{drawn}");
        assert!(drawn.contains("<title>a &lt; b</title>") && drawn.contains("dot c1\"></i>chosen"), "{drawn}");
    }

    #[test]
    fn a_plot_with_a_diagonal_has_the_whole_range() {
        let drawn = plot(&[[0.9, 0.9]], Some("equal"));
        assert!(drawn.contains("x1=\"62\" y1=\"346\" x2=\"616\" y2=\"12\"") && drawn.contains("equal"), "{drawn}");
        assert!(plot(&[], None).contains("no answers"));
    }
}
