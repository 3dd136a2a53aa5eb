"""Real processes, killed and frozen; at the end every article is accounted for."""
