"""Losses, gradients, curvature, trainings and walks at points and along ways."""
