"""The planes and lines that analyses look at: where they lie, how far they reach, and turning them."""
