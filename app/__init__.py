"""The page: it knows questions and answers, not how answers are computed."""
