"""What pictures and page look like: theme, ticks, columns, the page's names, and a View. Knows no answers."""
