"""A storm: a desk with three workers a stage, thousands of articles, and every fault there is."""
