"""The state of a page, read from its address, and what follows from it."""
