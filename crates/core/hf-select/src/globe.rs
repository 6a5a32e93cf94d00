//! Distances on the globe in whole numbers, so that every machine finds the same nearest place.
//!
//! 1. A place is a vector of length 10^9 from the middle of the globe; sines come from a table of whole degrees with straight lines
//!    between them (error below 4 in 100,000, a quarter of a kilometre).
//! 2. Distances are arcs in thousandths of a degree (111 m), 0 to 180,000.
//! 3. A bias of 1 to 99 makes a place count as that percentage nearer; one of -1 to -99 divides by what is left of 100 % (Route 53's
//!    rule for geoproximity).

use hf_model::Location;

const ONE: i64 = 1_000_000_000;

/// Sines of 0 to 90 degrees, in parts of [`ONE`].
#[rustfmt::skip]
#[allow(clippy::unreadable_literal)] // a table reads better without
const SINES: [i64; 91] = [
    0, 17452406, 34899497, 52335956, 69756474, 87155743, 104528463, 121869343, 139173101, 156434465,
    173648178, 190808995, 207911691, 224951054, 241921896, 258819045, 275637356, 292371705, 309016994, 325568154,
    342020143, 358367950, 374606593, 390731128, 406736643, 422618262, 438371147, 453990500, 469471563, 484809620,
    500000000, 515038075, 529919264, 544639035, 559192903, 573576436, 587785252, 601815023, 615661475, 629320391,
    642787610, 656059029, 669130606, 681998360, 694658370, 707106781, 719339800, 731353702, 743144825, 754709580,
    766044443, 777145961, 788010754, 798635510, 809016994, 819152044, 829037573, 838670568, 848048096, 857167301,
    866025404, 874619707, 882947593, 891006524, 898794046, 906307787, 913545458, 920504853, 927183855, 933580426,
    939692621, 945518576, 951056516, 956304756, 961261696, 965925826, 970295726, 974370065, 978147601, 981627183,
    984807753, 987688341, 990268069, 992546152, 994521895, 996194698, 997564050, 998629535, 999390827, 999847695,
    1000000000,
];

/// The sine of 0 to 90,000 thousandths of a degree.
fn sine_of_quarter(millideg: i64) -> i64 {
    let at = (millideg / 1_000) as usize;
    let next = SINES[(at + 1).min(90)];
    SINES[at] + (next - SINES[at]) * (millideg % 1_000) / 1_000
}

fn sine(millideg: i64) -> i64 {
    match millideg.rem_euclid(360_000) {
        angle @ 0..90_000 => sine_of_quarter(angle),
        angle @ 90_000..180_000 => sine_of_quarter(180_000 - angle),
        angle @ 180_000..270_000 => -sine_of_quarter(angle - 180_000),
        angle => -sine_of_quarter(360_000 - angle),
    }
}

fn cosine(millideg: i64) -> i64 {
    sine(millideg + 90_000)
}

/// A place, ready to be measured from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point([i64; 3]);

impl Point {
    pub fn new(place: Location) -> Point {
        let latitude = i64::from(place.latitude_millideg).clamp(-90_000, 90_000);
        let longitude = i64::from(place.longitude_millideg);
        let around = cosine(latitude);
        Point([around * cosine(longitude) / ONE, around * sine(longitude) / ONE, sine(latitude)])
    }

    /// The way along the globe, in thousandths of a degree.
    pub fn arc_millideg(self, other: Point) -> u32 {
        let squares = self.0.iter().zip(other.0).map(|(one, other)| (one - other).unsigned_abs().pow(2));
        // Half the chord is the sine of half the angle.
        let half_chord = squares.sum::<u64>().isqrt() / 2;
        let (mut least, mut most) = (0_i64, 90_000_i64);
        while least < most {
            let middle = i64::midpoint(least, most);
            if sine_of_quarter(middle).unsigned_abs() < half_chord {
                least = middle + 1;
            } else {
                most = middle;
            }
        }
        2 * least as u32
    }
}

/// A distance as a bias (-99 to 99) makes it count. Comparable with its like only.
pub fn biased(arc_millideg: u32, bias: i8) -> u64 {
    let arc = u64::from(arc_millideg);
    let part = u64::from(bias.unsigned_abs().min(99));
    if bias >= 0 { arc * (100 - part) * 10_000 } else { arc * 100_000_000 / (100 - part) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(latitude: i32, longitude: i32) -> Point {
        Point::new(Location { latitude_millideg: latitude, longitude_millideg: longitude })
    }

    /// Within so many thousandths of a degree of what spherical trigonometry says.
    fn check(one: (i32, i32), other: (i32, i32), want: u32) {
        let arc = point(one.0, one.1).arc_millideg(point(other.0, other.1));
        assert!(arc.abs_diff(want) <= 20, "{one:?} to {other:?}: {arc}, wanted {want}");
        assert_eq!(arc, point(other.0, other.1).arc_millideg(point(one.0, one.1)));
    }

    #[test]
    fn arcs_are_those_of_the_globe() {
        check((0, 0), (0, 0), 0);
        check((0, 0), (0, 90_000), 90_000);
        check((90_000, 0), (-90_000, 0), 180_000);
        check((0, 179_000), (0, -179_000), 2_000);
        check((60_000, 0), (60_000, 180_000), 60_000);
        // London to Dublin, Virginia, Sydney.
        check((51_500, -100), (53_300, -6_300), 4_187);
        check((51_500, -100), (38_900, -77_400), 53_276);
        check((51_500, -100), (-33_900, 151_200), 152_837);
    }

    #[test]
    fn a_bias_counts_as_nearer_or_farther() {
        assert_eq!(biased(1_000, 0), 1_000_000_000);
        assert_eq!(biased(1_000, 50), 500_000_000);
        assert_eq!(biased(1_000, -50), 2_000_000_000);
        assert_eq!(biased(180_000, -99), 180_000 * 100_000_000);
    }
}
