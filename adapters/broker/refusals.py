"""What the broker's servers say before and instead of a connection that makes a restart useless."""

import asyncio
import json
import ssl
from urllib.parse import urlsplit

from adapters.settings import PREFIX, SettingsError

_DEFAULT_PORT = 4222


async def refuse_plaintext(nats_url: str) -> None:
    """Raise SettingsError if a server that is addressed by `tls://` does not speak TLS; it is sent nothing.

    The client would go on without TLS, and send the password. A server that cannot be reached is left to the client.
    """
    for address in nats_url.split(","):
        server = urlsplit(address)
        if server.scheme != "tls":
            continue
        try:
            reader, writer = await asyncio.open_connection(server.hostname, server.port or _DEFAULT_PORT)
        except OSError:
            continue
        line = await reader.readline()
        writer.close()
        offer = json.loads(line.removeprefix(b"INFO ") or b"{}") if line.startswith(b"INFO ") else {}
        if line.startswith(b"INFO ") and not offer.get("tls_required"):
            where = f"{server.hostname}:{server.port or _DEFAULT_PORT}"
            message = f"NATS_URL says tls://, but the server at {where} does not require TLS; nothing was sent to it"
            raise SettingsError(f"{message}. Turn TLS on there, or say nats:// if the network is trusted.")


def refused(error: Exception) -> SettingsError | None:
    """The sentence for an error that says who we are is refused, or that the server is not to be trusted."""
    if "authorization violation" in str(error).lower():
        return SettingsError("The broker refuses the user or the password of NATS_URL: correct it, then start again.")
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message or str(error)
        message = f"The broker's certificate is not to be trusted: {why}; nothing was sent to it"
        return SettingsError(f"{message}. Name who signed it in {PREFIX}NATS_CA, or find out who answers there.")
    return None
