"""From a page's state to pictures and words, as events."""
