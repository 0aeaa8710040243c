//! Who is told how far a scan is.

/// Told about each asset.
pub trait Progress: Sync {
    /// So many assets will be looked at.
    fn expect(&self, assets: usize);
    /// This one is being looked at.
    fn start(&self, asset: &str);
    /// This one is done.
    fn finish(&self, asset: &str);
}

/// Tells nobody.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Progress for Silent {
    fn expect(&self, _: usize) {}
    fn start(&self, _: &str) {}
    fn finish(&self, _: &str) {}
}
