"""Sentinel and Redis Cluster as real processes on loopback."""
