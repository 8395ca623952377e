//! What a tenant's pipelines get of the workers it may have.

/// What one pipeline claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What it must not be pushed below ([`Decision::floor`](super::Decision::floor)).
    pub floor: u32,
    /// What it wants ([`Decision::workers`](super::Decision::workers)); taken for the floor where it is less.
    pub want: u32,
}

/// Shares `cap` workers among claims, one answer for each, in order.
///
/// Each gets its floor, then max-min by want: nobody gets more than a level at which everybody else either has as much or
/// has all it wants. What does not divide goes to those that come first, so put the older first. Where not even the floors
/// fit, they are shared the same way. Never more than `cap` altogether, never more than wanted.
#[must_use]
pub fn share(cap: u32, claims: &[Claim]) -> Vec<u32> {
    let sum = |of: &dyn Fn(&Claim) -> u32| claims.iter().map(|c| u64::from(of(c))).sum::<u64>();
    let fits = sum(&|claim| claim.floor) <= u64::from(cap);
    let given = |level: u32, claim: &Claim| {
        let want = claim.want.max(claim.floor);
        if fits {
            level.clamp(claim.floor, want)
        } else {
            level.min(claim.floor)
        }
    };
    // The highest level that fits; `cap` is one that no single claim can pass.
    let (mut low, mut high) = (0, cap);
    while low < high {
        let level = low + (high - low).div_ceil(2);
        if sum(&|claim| given(level, claim)) <= u64::from(cap) {
            low = level;
        } else {
            high = level - 1;
        }
    }
    let mut shares: Vec<u32> = claims.iter().map(|claim| given(low, claim)).collect();
    let mut left = u64::from(cap).saturating_sub(shares.iter().map(|n| u64::from(*n)).sum());
    for (share, claim) in shares.iter_mut().zip(claims) {
        let next = given(low.saturating_add(1), claim);
        if left > 0 && next > *share {
            *share = next;
            left -= 1;
        }
    }
    shares
}
