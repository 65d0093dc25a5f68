"""Ways from point to point: trainings and walks."""
