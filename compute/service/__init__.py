"""Asking: the cache, the pool of workers, limits, and what is kept beside answers."""
