"""Starts MLServer with the models below this folder, or one that is given, and with limits on requests.

MLServer itself takes requests of any size by REST. Ports are MLSERVER_HTTP_PORT (8080) and MLSERVER_GRPC_PORT (8081).
"""

import asyncio
import importlib
import pathlib
import sys

from fastapi import HTTPException
from mlserver import MLServer
from mlserver.cli.serve import load_settings
from uvicorn.protocols.http.auto import AutoHTTPProtocol

MOST_BYTES = 16 * 2**20
"""Of the body of a request."""
MOST_REQUESTS = 256
"""At a time; others are answered with 503 and may come again."""


class Limited(AutoHTTPProtocol):
    """A connection of the web server whose requests may have `MOST_BYTES`, and not be compressed."""

    def __init__(self, *arguments, **options) -> None:
        super().__init__(*arguments, **options)
        application = self.app

        async def limited(scope, receive, send) -> None:
            taken = 0

            async def take():
                nonlocal taken
                if any(name == b"content-encoding" for name, _ in scope["headers"]):
                    raise HTTPException(415, "a request may not be compressed")
                message = await receive()
                taken += len(message.get("body", b""))
                if taken > MOST_BYTES:
                    raise HTTPException(413, f"a request may have {MOST_BYTES} bytes")
                return message

            await application(scope, take, send)

        self.app = limited


def _has_pictures() -> bool:
    """Whether photographs can be solved here: by the package with its extra `image`, and networks that were fetched."""
    try:
        importlib.import_module("picture_runtime").BlazePose()
    except (ImportError, FileNotFoundError) as error:
        print(f"serve: the model pictures is left out: {error}", file=sys.stderr)
        return False
    return True


async def main(folder: pathlib.Path) -> None:
    """Serves until it is stopped."""
    settings, models = await load_settings(str(folder))
    models = [model for model in models if model.name != "pictures" or _has_pictures()]
    settings._custom_rest_server_settings = {"http": Limited, "limit_concurrency": MOST_REQUESTS}
    await MLServer(settings).start(models)


if __name__ == "__main__":
    asyncio.run(main(pathlib.Path(sys.argv[1]) if sys.argv[1:] else pathlib.Path(__file__).resolve().parent))
