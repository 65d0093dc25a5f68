"""Numerics of lossatlas: problems, points, losses and the analyses of a loss landscape. Knows nothing of the page."""
