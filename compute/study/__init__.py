"""A published experiment: its design, its claims, and computing it again."""
