"""The addresses that the web server answers."""
