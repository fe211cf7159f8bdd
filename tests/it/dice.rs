//! Chance that can be had again: a test names its seed when it fails.

/// Chance.
pub(crate) struct Dice(u64);

impl Dice {
    /// Runs `game` with many seeds. `SEED=n` runs that one alone.
    pub(crate) fn each(games: u64, game: impl Fn(&mut Self)) {
        let only: Option<u64> =
            std::env::var_os("SEED").map(|it| it.to_str().unwrap().parse().unwrap());
        for seed in only.map_or(1..=games, |seed| seed..=seed) {
            let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                game(&mut Self::seeded(seed));
            }));
            if let Err(panic) = played {
                panic!("SEED={seed}: {}", why(panic.as_ref()));
            }
        }
    }

    /// Always the same.
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    pub(crate) fn below(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) % sides
    }

    pub(crate) fn one_in(&mut self, sides: u64) -> bool {
        self.below(sides) == 0
    }
}

fn why(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(|it| it.as_str())).unwrap_or("?")
}
