"""JSON dumps: arrays, lines and pages of records, whatever their fields are called."""
