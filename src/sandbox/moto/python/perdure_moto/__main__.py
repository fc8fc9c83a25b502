"""Starts moto with the plug-in: `python -m perdure_moto --port 5000`. Serves on loopback until SIGTERM."""

import argparse
import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any


def parse(argv: list[str]) -> argparse.Namespace:
    """Command line; delays may also come as JSON in PERDURE_MOTO_DELAYS."""
    parser = argparse.ArgumentParser(prog="perdure_moto", description="emulated AWS for Perdure's sandbox")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to bind; the admin side hands out user data, keep it on loopback"
    )
    parser.add_argument("--port", type=int, default=0, help="port to bind, 0 takes a free one")
    parser.add_argument("--port-file", help="file to write the bound port to once the server listens")
    parser.add_argument("--delays", default=os.environ.get("PERDURE_MOTO_DELAYS", "{}"), help="JSON of delays in ms")
    parser.add_argument("--amis", default=str(Path(__file__).parent.parent / "amis.json"), help="images to preload")
    parser.add_argument(
        "--until-stdin-closes", action="store_true", help="end when the process that started this one ends"
    )
    return parser.parse_args(argv)


def set_environment(options: argparse.Namespace) -> None:
    """moto reads its settings when it is imported, so they are set before."""
    os.environ["MOTO_AMIS_PATH"] = options.amis
    for name in (
        "MOTO_ENABLE_AMI_VALIDATION",
        "MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION",
        "MOTO_IAM_LOAD_MANAGED_POLICIES",
    ):
        os.environ.setdefault(name, "true")


def main(argv: list[str]) -> None:
    """Builds the server, says where it listens, and serves."""
    options = parse(argv)
    set_environment(options)
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    from .delays import Delays
    from .emulator import Emulator
    from .gate import Gate
    from .patches import install

    class QuietHandler(MotoRequestHandler):
        """The journal tells what was called; standard error is for trouble only."""

        def log_request(self, code: Any = "-", size: Any = "-") -> None:
            return None

    emulator = Emulator(Delays().changed(json.loads(options.delays)))
    install(emulator)
    gate = Gate(emulator, DomainDispatcherApplication(create_backend_app))
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server(options.host, options.port, gate, threaded=True, request_handler=QuietHandler)
    server.daemon_threads = True
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    os.environ.setdefault("MOTO_PORT", str(server.server_port))
    if options.port_file:
        pending = Path(f"{options.port_file}.tmp")
        pending.write_text(f"{server.server_port}\n")
        pending.rename(options.port_file)
    if options.until_stdin_closes:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    server.serve_forever()


def _end_with_stdin() -> None:
    while os.read(0, 1024):
        pass
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
