"""What can be asked: one analysis a file, and the planes that several look at. `table` lists them."""
