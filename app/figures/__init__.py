"""Pure figures: (result, view, scale, colour) -> go.Figure, one file per kind of result."""
