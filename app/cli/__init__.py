"""The command `lossatlas`, and the processes that `lossatlas serve` keeps."""
