//! Curves, drawn as SVG.

use std::ops::Range;
use std::path::Path;

use plotters::prelude::*;

/// Curves over one axis. Both axes are logarithmic, because what grows does so by factors.
pub struct Plot {
    pub title: &'static str,
    /// The unit of the horizontal axis.
    pub across: &'static str,
    pub curves: Vec<Curve>,
}

pub struct Curve {
    pub name: &'static str,
    pub points: Vec<(f64, f64)>,
}

impl Plot {
    pub fn draw(&self, file: &Path) -> Result<(), Box<dyn std::error::Error>> {
        let area = SVGBackend::new(file, (720, 420)).into_drawing_area();
        area.fill(&WHITE)?;
        let points = || self.curves.iter().flat_map(|curve| &curve.points);
        let across = around(points().map(|(x, _)| *x));
        let up = around(points().map(|(_, y)| *y));
        let mut chart = ChartBuilder::on(&area)
            .caption(self.title, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(80)
            .build_cartesian_2d(across.log_scale(), up.log_scale())?;
        chart
            .configure_mesh()
            .x_desc(self.across)
            .x_label_formatter(&|x| label(*x))
            .y_label_formatter(&|y| label(*y))
            .draw()?;
        for (number, curve) in self.curves.iter().enumerate() {
            let color = Palette99::pick(number).to_rgba();
            let points = || curve.points.iter().copied();
            chart
                .draw_series(LineSeries::new(points(), color.stroke_width(2)))?
                .label(curve.name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color));
            chart.draw_series(points().map(|point| Circle::new(point, 3, color.filled())))?;
        }
        chart.configure_series_labels().background_style(WHITE).border_style(BLACK).draw()?;
        area.present()?;
        Ok(())
    }
}

/// Returns a range with some room around these values.
fn around(values: impl Iterator<Item = f64> + Clone) -> Range<f64> {
    let least = values.clone().fold(f64::INFINITY, f64::min);
    let greatest = values.fold(0.0, f64::max);
    least / 2.0..greatest * 2.0
}

fn label(value: f64) -> String {
    if value < 10.0 { format!("{value:.1}") } else { crate::table::in_thousands(value) }
}
