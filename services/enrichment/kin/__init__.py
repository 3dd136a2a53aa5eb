"""Which articles are kin: near-duplicates by wording, stories by happening."""
