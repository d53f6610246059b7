"""``robust-widgets page``: write Robust Studio as a page that needs no kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from robust_widgets.cli.options import Force, report_errors


@report_errors
def page(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write.")],
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="A model's name or file.", show_default="default")
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="The task that the page opens with.", show_default="sketch-to-image")
    ] = None,
    title: Annotated[str, typer.Option(help="What the page is called.")] = "Robust Studio",
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A picture that the page opens with.", show_default="none")
    ] = None,
    serve: Annotated[bool, typer.Option("--serve", help="Serve the page on this machine until Ctrl-C.")] = False,
    port: Annotated[int, typer.Option(help="For --serve.", show_default="any free one")] = 0,
    force: Force = False,
) -> None:
    """Write Robust Studio as a page that runs in any browser, with no kernel and no server.

    Put the folder on any static host, and everybody who opens it can paint: the browser computes each step. An earlier
    page in the folder is replaced; a folder with other files needs --force.
    """
    from robust_widgets.page.write import write_page

    index = write_page(out, model=model, task=task, title=title, picture=picture, overwrite=force or None)
    size = sum(path.stat().st_size for path in index.parent.rglob("*") if path.is_file())
    typer.echo(f"wrote {index.parent}: {size / 1e6:.1f} MB")
    if serve:
        from robust_widgets.page.serve import address_of, page_server

        with page_server(index.parent, port) as server:
            typer.echo(f"{address_of(server)} shows it; Ctrl-C stops.")
            server.serve_forever()
