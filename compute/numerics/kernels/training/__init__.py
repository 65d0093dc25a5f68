"""Trainings of MLPs as compiled loops."""
