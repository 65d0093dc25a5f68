"""The command `lossatlas`. Each command's module is loaded when the command is called, so that help is instant."""

import importlib

import click

COMMANDS = {
    "serve": ("lossatlas.app.cli.commands.serve", "Start the atlas and print its address."),
    "run": ("lossatlas.app.cli.commands.run", "Answer one question and write it to a file."),
    "reproduce": ("lossatlas.app.cli.commands.reproduce", "Compute a study's experiment and write a report."),
    "warm": ("lossatlas.app.cli.commands.warm", "Compute the lessons' pictures ahead of an audience."),
    "list": ("lossatlas.app.cli.commands.list", "List activations, data sets, losses, analyses and options."),
    "cache": ("lossatlas.app.cli.commands.cache", "Show or clear the stored answers."),
}


class Lazy(click.Group):
    """A group that imports a command's module when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return importlib.import_module(COMMANDS[cmd_name][0]).command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, note) for name, (_, note) in COMMANDS.items()])


@click.command(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lossatlas", prog_name="lossatlas")
def main() -> None:
    """An atlas of neural-network loss landscapes by activation function."""


if __name__ == "__main__":
    main()
