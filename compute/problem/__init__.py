"""Which loss: data, network, activation, criterion."""
