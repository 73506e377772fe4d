"""A mail server that takes everything and keeps it: one file a mail in a folder. Run: mail_sink.py PORT FOLDER.

Needs Debian's python3-aiosmtpd. What Portico sent is easier to read on its page /demo/outbox; this shows that it left.
"""
import asyncio
import pathlib
import signal
import sys

from aiosmtpd.smtp import SMTP


class Keep:
    def __init__(self, folder):
        self.folder, self.count = folder, len(list(folder.glob("*.eml")))

    async def handle_DATA(self, _server, _session, envelope):
        self.count += 1
        head = f"X-Envelope-To: {', '.join(envelope.rcpt_tos)}\r\n".encode()
        # renamed when complete, so that a reader never sees half of a mail
        draft = self.folder / "incoming"
        draft.write_bytes(head + envelope.content)
        draft.rename(self.folder / f"{self.count:05}.eml")
        print(f"mail {self.count} to {', '.join(envelope.rcpt_tos)}", flush=True)
        return "250 kept"


async def main(port, folder):
    folder.mkdir(parents=True, exist_ok=True)
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, done.set)
    keep = Keep(folder)
    server = await loop.create_server(lambda: SMTP(keep, hostname="sink.localhost", enable_SMTPUTF8=True), "127.0.0.1", port)
    async with server:
        await done.wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), pathlib.Path(sys.argv[2])))
