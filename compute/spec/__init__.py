"""What a question, its options and key, an answer and a piece of work are. Imports nothing of ours."""
