//! Every ledger keeps the same contract.

fn main() {}
