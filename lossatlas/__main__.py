"""`python -m lossatlas`, where the command `lossatlas` is not on the path."""

from lossatlas.app.cli.main import main

if __name__ == "__main__":
    main(prog_name="lossatlas")
