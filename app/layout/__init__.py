"""The page's elements, made once."""
