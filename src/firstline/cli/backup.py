"""Backup and restore: one file with the database (attachments are in it), the secret key and what made it."""

from pathlib import Path
from typing import Annotated

import typer

from firstline.config import archive, env
from firstline.config.up import database_for_command

from .common import err, out


def backup(file: Annotated[Path, typer.Argument(help="The file to write; it must not exist yet.")]) -> None:
    """Save everything into one file, while Firstline runs or not. Keep it as secret as the database itself."""
    environment = env.read()
    with database_for_command(environment), err.status("Saving the database"):
        size = archive.save(environment, file)
    out.print(f"Saved to {file} ({size / 1_000_000:.1f} MB).", markup=False)


def restore(
    file: Annotated[
        Path, typer.Argument(help="A file that `firstline backup` wrote.", exists=True, dir_okay=False)
    ],
    replace: Annotated[bool, typer.Option(help="Overwrite the incidents that are there now.")] = False,
) -> None:
    """Bring back what a backup holds. Firstline must not be running."""
    environment = env.read()
    with err.status("Restoring the database"):
        made = archive.restore(environment, file, replace=replace)
    out.print(f"Restored the backup of {made.at} (Firstline {made.version}).", markup=False)
    out.print("Start it with: firstline up", markup=False)
