"""What leaves the page: files of answers, code, whole pages and reports."""
