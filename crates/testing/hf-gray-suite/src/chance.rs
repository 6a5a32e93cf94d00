//! Chance from a seed: the same on every machine but for the last bits of logarithms.

/// `SplitMix64`.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// A stream of its own for each pair of numbers.
    pub fn new(seed: u64, of: u64) -> Chance {
        let mut chance = Chance(seed ^ of.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        chance.draw();
        Chance(chance.draw())
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below 1.
    pub fn share(&mut self) -> f64 {
        (self.draw() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Between two numbers.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.share()
    }

    /// Between two numbers, evenly on a logarithmic scale.
    pub fn log_between(&mut self, low: f64, high: f64) -> f64 {
        self.between(low.ln(), high.ln()).exp()
    }

    /// A whole number from `low` to below `high`.
    pub fn whole(&mut self, low: usize, high: usize) -> usize {
        low + (self.share() * (high - low) as f64) as usize
    }

    /// Whether something of this probability happens.
    pub fn happens(&mut self, probability: f64) -> bool {
        self.share() < probability
    }

    /// A normal deviate.
    pub fn normal(&mut self, deviation: f64) -> f64 {
        let radius = (-2.0 * self.share().max(1e-300).ln()).sqrt();
        deviation * radius * (std::f64::consts::TAU * self.share()).cos()
    }

    /// How many of so many trials succeed.
    pub fn binomial(&mut self, trials: u32, probability: f64) -> u32 {
        if probability <= 0.0 {
            return 0;
        }
        (0..trials).map(|_| u32::from(self.happens(probability))).sum()
    }

    /// A Poisson number.
    pub fn poisson(&mut self, mean: f64) -> u32 {
        if mean <= 0.0 {
            return 0;
        }
        if mean > 50.0 {
            return (mean + self.normal(mean.sqrt())).round().max(0.0) as u32;
        }
        let (mut product, mut count, limit) = (self.share(), 0, (-mean).exp());
        while product > limit {
            product *= self.share();
            count += 1;
        }
        count
    }
}

/// A drift about nothing: what it was a moment ago, a little of it lost, a little chance.
#[derive(Clone, Copy, Debug)]
pub struct Drift {
    now: f64,
    deviation: f64,
    keeps: f64,
}

impl Drift {
    /// With this deviation, forgotten over so many seconds.
    pub fn new(chance: &mut Chance, deviation: f64, seconds: f64) -> Drift {
        Drift { now: chance.normal(deviation), deviation, keeps: (-1.0 / seconds).exp() }
    }

    /// The next second, as a factor.
    pub fn factor(&mut self, chance: &mut Chance) -> f64 {
        let loss = (1.0 - self.keeps * self.keeps).sqrt();
        self.now = self.keeps * self.now + chance.normal(self.deviation * loss);
        self.now.exp()
    }
}
