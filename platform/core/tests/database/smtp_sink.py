"""An SMTP server for the outbox's tests: prints its port, then one JSON line for each mail it takes.

What it does depends on the recipient: refuse4@ is refused for now, refuse5@ for good, anybody else is accepted.
"""
import asyncio
import email
import json
import sys

from aiosmtpd.smtp import SMTP


class Sink:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refuse4@"):
            return "451 4.3.0 try again later"
        if address.startswith("refuse5@"):
            return "550 5.1.1 nobody of this name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content)
        parts = {part.get_content_type(): part.get_payload(decode=True).decode() for part in mail.walk() if not part.is_multipart()}
        names = ("From", "To", "Subject", "Message-ID", "Reply-To")
        print(json.dumps({"headers": {n: mail[n] for n in names}, "parts": parts, "to": envelope.rcpt_tos}), flush=True)
        return "250 OK"


async def main():
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(Sink()), "127.0.0.1", int(sys.argv[1]))
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
