"""Fast ways to evaluate a loss at many points of a line or plane; each equals loss.py within rounding."""
