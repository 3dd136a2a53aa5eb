"""Raw articles in, enriched articles out."""
