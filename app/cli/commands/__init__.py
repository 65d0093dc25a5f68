"""The commands of `lossatlas`, one a file."""
