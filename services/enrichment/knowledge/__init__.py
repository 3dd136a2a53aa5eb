"""What enrichment knows, and the scripts that build it."""
