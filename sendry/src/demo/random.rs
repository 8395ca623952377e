//! Pseudo-random numbers that stay the same for ever.
//!
//! `rand` promises no stable streams for its standard generators, and a demo whose history changes with a dependency
//! would be counted twice. SplitMix64 (Steele, Lea, Flood 2014) is ten lines and good enough to look at.

/// A stream of numbers.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A stream of its own for a purpose.
    pub fn fork(&self, purpose: &str) -> Self {
        purpose
            .bytes()
            .fold(self.clone(), |stream, byte| stream.fork_at(byte.into()))
    }

    /// A stream of its own for a place or time.
    pub fn fork_at(&self, at: i64) -> Self {
        let mut stream = Self {
            state: self.state ^ at.cast_unsigned().wrapping_mul(0xd6e8_feb8_6659_fd93),
        };
        Self {
            state: stream.next(),
        }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In `0.0..1.0`.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// In `0..limit`; 0 where the limit is.
    pub fn below(&mut self, limit: u64) -> u64 {
        // The high half of a 128 bit product: even, but for one part in 2^64 / limit.
        ((u128::from(self.next()) * u128::from(limit)) >> 64) as u64
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of some, each as likely as its weight says.
    pub fn weighted<'a, T>(&mut self, items: &'a [(u32, T)]) -> Option<&'a T> {
        let mut left = self.below(items.iter().map(|(weight, _)| u64::from(*weight)).sum());
        items.iter().find_map(|(weight, item)| {
            let hit = left < u64::from(*weight);
            left = left.saturating_sub(u64::from(*weight));
            hit.then_some(item)
        })
    }

    /// Log-normal: half of the numbers are under the median, and a few far over it.
    pub fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.normal()).exp()
    }

    /// Normal, with mean 0 and deviation 1.
    pub fn normal(&mut self) -> f64 {
        // Box and Muller; `1 - unit` is never 0.
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// How many independent events happen where `mean` do on average (Knuth; for means under 700).
    pub fn poisson(&mut self, mean: f64) -> usize {
        let limit = (-mean).exp();
        let mut product = self.unit();
        let mut count = 0;
        while product > limit {
            product *= self.unit();
            count += 1;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_split_mix_64() {
        // The published reference output for seed 1234567.
        let mut random = Random::new(1_234_567);
        let want = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
        ];
        assert_eq!([random.next(), random.next(), random.next()], want);
    }

    #[test]
    fn distributions_have_their_means() {
        let mut random = Random::new(7).fork("test").fork_at(-3);
        let n = 20_000;
        let poisson: usize = (0..n).map(|_| random.poisson(20.0)).sum();
        assert!((19.5..20.5).contains(&(poisson as f64 / f64::from(n))));
        let under = (0..n)
            .filter(|_| random.log_normal(30.0, 0.5) < 30.0)
            .count();
        assert!((0.48..0.52).contains(&(under as f64 / f64::from(n))));
        let ones = (0..n)
            .filter(|_| random.weighted(&[(3, 0), (1, 1)]) == Some(&1))
            .count();
        assert!((0.23..0.27).contains(&(ones as f64 / f64::from(n))));
        assert_eq!(random.weighted::<u8>(&[]), None);
        assert_eq!(random.below(0), 0);
    }
}
